package queue

import (
	"slices"
	"time"
)

// An attempt at a destination that has not proven itself keeps its place while nobody answers for as long: the least while less than
// half of the attempts go on without a place that may, and then more the more do; and patienceBusy at least while there is enough to do
// for those who answer, which finding out about the others must not slow.
const (
	patienceLeast = 50 * time.Millisecond
	patienceBusy  = 250 * time.Millisecond
	patienceMost  = time.Second
)

// newcomerWaits is how long a newcomer may wait for its first attempt while there is enough to do for those who answer.
const newcomerWaits = time.Minute

// slowAfter is how long any attempt keeps its place: a server that answers at once and then says an octet a minute must not have it for an
// hour.
const slowAfter = 30 * time.Second

// asideShare bounds the attempts that have no place, as a multiple of the places: each holds a connection that is being made, and little
// else, or one that takes long.
const asideShare = 16

// class is how an attempt counts.
type class byte

const (
	// proven destinations have answered lately; their attempts have all the places that are not in use.
	proven class = iota
	// newcomers have not been tried. Their attempts have three quarters of the places at most, of which some are theirs before
	// anybody else's (reserved), and lose their place if nobody answers soon.
	newcomers
	// aside are attempts without a place: newcomers nobody has answered, destinations that could not be reached the last time, and
	// what takes long.
	aside
	classes
)

// place is how an attempt that goes on counts at the moment.
type place struct {
	class class
	since time.Time
	over  bool
	dest  *destination
}

func (d *destination) class() class {
	switch {
	case d.failures > 0:
		return aside
	case !d.proven:
		return newcomers
	}
	return proven
}

// room reports whether an attempt of a class could start.
func (w *window) room(c class) bool {
	switch c {
	case aside:
		return w.busy[aside] < w.concurrency*asideShare
	case newcomers:
		return w.placed() < w.concurrency && w.busy[newcomers] < max(w.concurrency*3/4, 1)
	}
	return w.placed() < w.concurrency
}

// placed is how many attempts have a place.
func (w *window) placed() int { return w.busy[proven] + w.busy[newcomers] }

// busyLiving reports whether there is enough to do for those who answer.
func (w *window) busyLiving() bool { return len(w.rings[proven]) >= w.concurrency }

// reserved is how many places newcomers get before anybody else: a quarter, or, as long as there is enough to do for those who answer, a
// sixteenth, unless some have waited for too long.
func (w *window) reserved(now time.Time) int {
	ring := w.rings[newcomers]
	if w.busyLiving() && len(ring) > 0 && ring[0].entered.Add(newcomerWaits).After(now) {
		return max(w.concurrency/16, 1)
	}
	return w.concurrency / 4
}

// order is whose turn it is.
func (w *window) order(now time.Time) [classes]class {
	if w.busy[newcomers] < w.reserved(now) {
		return [...]class{newcomers, proven, aside}
	}
	return [...]class{proven, newcomers, aside}
}

// takeWarm gives the destination that was spoken with last, if it may go on.
func (w *window) takeWarm(now time.Time) *destination {
	for n := len(w.warm) - 1; n >= 0 && w.room(proven); n-- {
		d := w.warm[n]
		w.warm = w.warm[:n]
		if d.class() == proven && w.startable(d, now) {
			return d
		}
	}
	return nil
}

// move makes an attempt count otherwise.
func (w *window) move(p *place, to class) {
	w.busy[p.class]--
	w.busy[to]++
	p.class = to
}

// patience is how long a newcomer keeps its place now.
func (w *window) patience() time.Duration {
	half := max(w.concurrency*asideShare/2, 1)
	over := min(max(w.busy[aside]-half, 0), half)
	p := patienceLeast + (patienceMost-patienceLeast)*time.Duration(over)/time.Duration(half)
	if w.busyLiving() {
		return max(p, patienceBusy)
	}
	return p
}

// yield takes the places of newcomers that have kept theirs for too long.
func (w *window) yield(now time.Time) {
	for len(w.young) > 0 {
		p := w.young[0]
		if !p.over && p.class == newcomers {
			if p.since.Add(w.patience()).After(now) || !w.room(aside) {
				return
			}
			w.move(p, aside)
		}
		w.young = w.young[1:]
	}
}

// hold remembers who has a place, in the order in which they got it.
func (w *window) hold(p *place) {
	if len(w.held) > 4*w.concurrency {
		w.held = slices.DeleteFunc(w.held, func(p *place) bool { return p.over || p.class == aside })
	}
	w.held = append(w.held, p)
}

// hurryUp takes the places of attempts that take long, and tries one message at a time with their destinations until one has ended.
func (w *window) hurryUp(now time.Time) {
	for len(w.held) > 0 {
		p := w.held[0]
		if !p.over && p.class != aside {
			if p.since.Add(slowAfter).After(now) || !w.room(aside) {
				return
			}
			w.move(p, aside)
			p.dest.proven = false
		}
		w.held = w.held[1:]
	}
}

// yields is when to call yield or hurryUp; zero: not before something else happens.
func (w *window) yields() time.Time {
	if !w.room(aside) {
		return time.Time{}
	}
	var at time.Time
	if len(w.held) > 0 {
		at = w.held[0].since.Add(slowAfter)
	}
	if len(w.young) > 0 {
		if soon := w.young[0].since.Add(w.patience()); at.IsZero() || soon.Before(at) {
			at = soon
		}
	}
	return at
}

// answered hears that a destination has a server that speaks, while the attempt goes on.
func (w *window) answered(s slot, now time.Time) {
	if s.place.over || s.dest.failures > 0 {
		return
	}
	s.dest.proven = true
	switch {
	case s.place.class == newcomers:
		w.move(s.place, proven)
	case s.place.class == aside && w.room(proven):
		s.place.since = now
		w.move(s.place, proven)
		w.hold(s.place)
	}
	w.refill(s.dest)
	w.enter(s.dest, now)
}

func (q *Queue) answered(s slot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.dest.proven {
		return
	}
	q.win.answered(s, q.o.Clock.Now())
	q.wake()
}
