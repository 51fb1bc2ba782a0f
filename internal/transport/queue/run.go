package queue

import (
	"context"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// Run works the queue until ctx ends, and returns when no attempt is going on any more. Only one Run may go on at a time.
func (q *Queue) Run(ctx context.Context, s Sender) error {
	if q.o.Notifier == nil {
		return errNoNotifier
	}
	q.open()
	q.settler.begin()
	// Attempts outlive ctx by the grace time: cutting one off between the last octet and the other server's reply makes a
	// double.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r := runner{q: q, wake: q.o.Clock.NewTimer(0), crew: crew{slots: make(chan slot)}}
	var settling sync.WaitGroup
	settling.Go(func() { q.settleAll(work) })
	r.loop(ctx, func(sl slot) {
		r.crew.give(sl, func(sl slot) (slot, bool) { return q.attempt(work, s, sl) })
	})
	r.wake.Stop()
	grace := q.o.Clock.AfterFunc(q.o.Grace, stop)
	defer grace.Stop()
	q.close()
	r.crew.end()
	q.settler.end()
	settling.Wait()
	return nil
}

// open lets attempts start, after an earlier Run too.
func (q *Queue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.win.closed = false
}

// close lets no attempt start any more.
func (q *Queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.win.closed = true
}

// runner is the loop's own state.
type runner struct {
	q    *Queue
	crew crew
	wake clock.Timer

	horizon   time.Time // everything due until then has been looked at, or left on disk knowingly
	lastScan  time.Time
	lastLap   time.Time     // when everything was looked at, whatever there was room for
	lapTook   time.Duration // real time, as for pieces
	lastPiece time.Time     // when a lap or a piece of one began
	pieceTook time.Duration
	wall      time.Time // what the clock on the wall said at the last lap
}

func (r *runner) loop(ctx context.Context, attempt func(slot)) {
	for ctx.Err() == nil {
		r.scan(ctx, func() { r.start(attempt) })
		r.start(attempt)
		r.sleep()
		select {
		case <-ctx.Done():
		case <-r.q.kick:
		case <-r.wake.C():
		}
	}
}

// start starts all attempts that can start.
func (r *runner) start(attempt func(slot)) {
	q := r.q
	now := q.o.Clock.Now()
	for {
		q.mu.Lock()
		q.win.rouse(now)
		s, ok := q.win.take(now)
		q.mu.Unlock()
		if !ok {
			return
		}
		attempt(s)
	}
}

// mend lets the queue look for what a wrong clock has left, at the first lap and when the clock on the wall was set back.
func (r *runner) mend(ctx context.Context, now time.Time) {
	wall := now.Round(0)
	back := r.wall.IsZero() || wall.Add(wrongBy).Before(r.wall)
	r.wall = wall
	if !back {
		return
	}
	if err := r.q.mend(ctx); err != nil && ctx.Err() == nil {
		r.q.o.Log.Error("the queue's times cannot be looked at", "err", err)
		r.wall = time.Time{} // with the next lap again
	}
}

// sleep sets the timer for when there is something to do again, if nobody wakes the queue before.
func (r *runner) sleep() {
	q := r.q
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &q.win
	at := r.lastLap.Add(max(lapEvery, 10*r.lapTook))
	sooner := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if !w.next.IsZero() {
		sooner(later(w.next, r.lastScan.Add(scanEvery)))
	}
	if w.hungry() {
		sooner(r.lastPiece.Add(r.pause()))
	}
	if t := w.yields(); !t.IsZero() {
		sooner(t)
	}
	if len(w.sleepy) > 0 {
		sooner(w.sleepy[0].wakes())
	}
	r.wake.Reset(at.Sub(q.o.Clock.Now()))
	q.asleep, q.until = len(q.kick) == 0, at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
