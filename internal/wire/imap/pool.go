package imap

import "sync"

// newBuffer is the size of a lent buffer. One that grew beyond it is left to the garbage collector.
const newBuffer = 4 << 10

// Pool lends buffers to Readers and Writers while a command runs. One Pool serves all connections of a listener.
type Pool struct{ p sync.Pool }

// NewPool makes an empty pool.
func NewPool() *Pool {
	return &Pool{p: sync.Pool{New: func() any { return new([newBuffer]byte) }}}
}

// lend gives an empty buffer of newBuffer bytes capacity.
func (p *Pool) lend() []byte { return p.p.Get().(*[newBuffer]byte)[:0] }

// giveBack takes a buffer that lend gave; a grown one is dropped.
func (p *Pool) giveBack(b []byte) {
	if cap(b) == newBuffer {
		p.p.Put((*[newBuffer]byte)(b[:newBuffer]))
	}
}
