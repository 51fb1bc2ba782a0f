package limit

import "runtime"

// Work lets few do long work at a time, so that whoever has little to do need not wait behind many who have much: the scheduler gives each
// running goroutine its full slice, and a hundred of them make everybody wait for a second. Work is passed through in pieces of at most
// a few milliseconds; who waits gets the next turn, in order.
type Work struct{ slots chan struct{} }

// NewWork is for half of the processors, at least one.
func NewWork() *Work { return &Work{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))} }

// Do runs one piece of long work, when it is its turn. piece must not call Do.
func (w *Work) Do(piece func()) {
	w.slots <- struct{}{}
	defer func() { <-w.slots }()
	piece()
}
