package limit

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// Work lets few do long work at a time, so that whoever has little to do need not wait behind many who have much: the scheduler gives each
// running goroutine its full slice, and a hundred of them make everybody wait for a second. Work is passed through in pieces of at most
// a few milliseconds. Those it is done for take turns, however many pieces wait for one of them; the pieces of one go in order.
type Work struct {
	mu      sync.Mutex // guards what follows
	free    int
	waiting map[Key]*workers // those who wait, by whom they work for; its memory is bounded by them
	round   []*workers       // the same, the next one first
}

// workers are those who wait on behalf of one key.
type workers struct {
	key   Key
	turns []chan struct{} // each is closed when it comes
}

// NewWork is for half of the processors, at least one.
func NewWork() *Work { return NewWorkOf(max(1, runtime.GOMAXPROCS(0)/2)) }

// NewWorkOf is for so many at a time.
func NewWorkOf(n int) *Work { return &Work{free: n, waiting: map[Key]*workers{}} }

// Do runs one piece of long work for k, when it is its turn. piece must not call Do.
func (w *Work) Do(k Key, piece func()) {
	if turn := w.enter(k); turn != nil {
		<-turn
	}
	defer w.leave()
	piece()
}

// DoUnless is Do, but gives up waiting when ctx ends, with its error.
func (w *Work) DoUnless(ctx context.Context, k Key, piece func()) error {
	if turn := w.enter(k); turn != nil {
		select {
		case <-turn:
		case <-ctx.Done():
			if !w.giveUp(k, turn) {
				w.leave() // it has come meanwhile
			}
			return ctx.Err()
		}
	}
	defer w.leave()
	piece()
	return nil
}

// enter takes a free place and gives nil, or gives the turn to wait for.
func (w *Work) enter(k Key) (turn chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free > 0 {
		w.free--
		return nil
	}
	q := w.waiting[k]
	if q == nil {
		q = &workers{key: k}
		w.waiting[k] = q
		w.round = append(w.round, q)
	}
	turn = make(chan struct{})
	q.turns = append(q.turns, turn)
	return turn
}

// leave hands the place on.
func (w *Work) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.round) == 0 {
		w.free++
		return
	}
	q := w.round[0]
	w.round = w.round[1:]
	close(q.turns[0])
	if q.turns = q.turns[1:]; len(q.turns) == 0 {
		delete(w.waiting, q.key)
		return
	}
	w.round = append(w.round, q)
}

// giveUp takes a turn back. It reports whether it was still waited for.
func (w *Work) giveUp(k Key, turn chan struct{}) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.waiting[k]
	if q == nil {
		return false
	}
	i := slices.Index(q.turns, turn)
	if i < 0 {
		return false
	}
	if q.turns = slices.Delete(q.turns, i, i+1); len(q.turns) == 0 {
		delete(w.waiting, k)
		w.round = slices.DeleteFunc(w.round, func(o *workers) bool { return o == q })
	}
	return true
}
