package queue

import (
	"context"
	"iter"
	"time"
)

const (
	// scanEvery is how often the disk is looked at for what falls due.
	scanEvery = time.Second
	// lapEvery is how often everything that is due is looked at, found before or not.
	lapEvery = time.Minute
	// pieceEvery is the least time between two pieces of a lap.
	pieceEvery = 50 * time.Millisecond
	// slack is how far back a scan starts before the end of the last, for commits that were slow to become durable.
	slack = 10 * time.Second
)

// look is a way of looking at the disk.
type look byte

const (
	nothing look = iota
	forward      // for what has fallen due since the last time
	piece        // for more of what is due, from where the last lap or piece ended until there is enough to do
	lap          // for all that is due
)

// scan looks at the disk if it is time to.
func (r *runner) scan(ctx context.Context, between func()) {
	q := r.q
	now := q.o.Clock.Now()
	q.mu.Lock()
	l := r.due(now)
	q.win.begins(l)
	q.mu.Unlock()
	from := time.Time{}
	switch l {
	case nothing:
		return
	case forward:
		from = r.horizon.Add(-slack)
	case lap:
		r.mend(ctx, now)
	}
	took, err := q.load(ctx, l, from, now, between)
	if err != nil {
		if ctx.Err() == nil {
			q.o.Log.Error("queue scan failed", "err", err)
		}
		q.mu.Lock()
		q.win.lap = true
		q.mu.Unlock()
	}
	if l != piece {
		r.lastScan, r.horizon = now, now
	}
	if l != forward {
		r.lastPiece, r.pieceTook = now, took
	}
	if l == lap {
		r.lastLap, r.lapTook = now, took
	}
}

// due is how the disk is to be looked at now. It wants q.mu held.
func (r *runner) due(now time.Time) look {
	w := &r.q.win
	since := now.Sub(r.lastLap)
	switch {
	case r.lastLap.IsZero() || since < 0 || since >= max(lapEvery, 10*r.lapTook):
		return lap
	case !w.next.IsZero() && !w.next.After(now) && !r.lastScan.Add(scanEvery).After(now):
		return forward
	case w.hungry() && now.Sub(r.lastPiece) >= r.pause():
		return piece
	}
	return nothing
}

// pause is how long after a piece of a lap the next may begin: a tenth of the time is for them, or a third if those who answer have
// run out of mail in memory, or are about to, and hardly any newcomers are left that could be found instead. It wants q.mu held.
func (r *runner) pause() time.Duration {
	w := &r.q.win
	finding := len(w.rings[newcomers]) >= w.concurrency && w.room(aside)
	if w.busyLiving() || finding {
		return max(pieceEvery, 10*r.pieceTook)
	}
	return max(pieceEvery, 3*r.pieceTook)
}

// begins hears of a look at the disk.
func (w *window) begins(l look) {
	if l == lap || l == piece && w.left == 0 {
		w.startLap()
	}
	if l == lap || l == forward {
		w.next = time.Time{}
	}
}

// startLap begins to look at everything on disk that is due.
func (w *window) startLap() {
	w.lap, w.left, w.dry = false, Partitions, 0
	for _, d := range w.dests {
		d.skipped, d.dry = false, false
		w.clear(d)
	}
}

// hungry reports whether it is worth looking at the disk for more of what is due: there is some, there is room, and those who could be
// sent to now are few, or fewer than those who have nothing left in memory.
func (w *window) hungry() bool {
	if !w.lap && w.left == 0 || len(w.known) > w.size/2 {
		return false
	}
	ring := len(w.rings[proven])
	return ring < w.concurrency/4+1 || ring < 4*w.concurrency && w.dry >= max(ring, w.concurrency)
}

// sated reports whether a piece of a lap has found enough for a while.
func (q *Queue) sated() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &q.win
	return len(w.known) > w.size/2 && len(w.rings[proven]) >= 4*w.concurrency
}

// partitions are those to look at, in order.
func (q *Queue) partitions(l look) iter.Seq[int] {
	q.mu.Lock()
	at, n := q.win.at, Partitions
	if l == piece {
		n = q.win.left
	}
	q.mu.Unlock()
	return func(yield func(int) bool) {
		for i := range n {
			if !yield((at + i) % Partitions) {
				return
			}
		}
	}
}

// looked says that the lap is through with a partition.
func (q *Queue) looked(p int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.win.at = (p + 1) % Partitions
	q.win.left--
}
