package relay

import "slices"

// takeIdle takes an open connection to a destination; nil if there is none.
func (r *Relay) takeIdle(key string) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.idle[key]
	if len(list) == 0 {
		return nil
	}
	s := list[len(list)-1]
	r.dropIdle(s)
	s.idle.Stop()
	s.answered = false
	return s
}

// dropIdle wants mu held. It reports whether the session was idle.
func (r *Relay) dropIdle(s *session) bool {
	list := r.idle[s.key]
	i := slices.Index(list, s)
	if i < 0 {
		return false
	}
	r.ages.Remove(s.age)
	s.age = nil
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(r.idle, s.key)
		return true
	}
	r.idle[s.key] = list
	return true
}

// keep puts a connection aside for the next message, or ends it.
func (r *Relay) keep(s *session) {
	s.messages++
	limit := r.o.MaxMessages
	if m := s.hello.MailMax; m > 0 {
		limit = min(limit, m)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.o.IdleFor < 0 || r.o.MaxIdle <= 0 || s.messages >= limit || s.lc.Buffered() > 0 {
		r.end(s)
		return
	}
	if r.ages.Len() >= r.o.MaxIdle { // the one that has waited longest is the least likely to be wanted
		oldest := r.ages.Front().Value.(*session)
		oldest.idle.Stop()
		r.dropIdle(oldest)
		r.end(oldest)
	}
	s.lc.Release()
	r.idle[s.key] = append(r.idle[s.key], s)
	s.age = r.ages.PushBack(s)
	s.idle = r.o.Clock.AfterFunc(r.o.IdleFor, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.dropIdle(s) && !r.closed {
			r.end(s)
		}
	})
}

// end says QUIT in the background; it wants mu held.
func (r *Relay) end(s *session) {
	r.quits.Go(s.quit)
}

// Close ends the idle connections. Sends that go on are the caller's to end.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	for _, list := range r.idle {
		for _, s := range list {
			s.idle.Stop()
			r.end(s)
		}
	}
	clear(r.idle)
	r.ages.Init()
	r.mu.Unlock()
	r.quits.Wait()
}
