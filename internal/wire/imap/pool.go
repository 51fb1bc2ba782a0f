package imap

import "sync"

// The two sizes of buffers lent. One that grew beyond its size is left to the garbage collector.
const (
	newBuffer = 4 << 10
	bigBuffer = 32 << 10
)

// Pool lends buffers to Writers while a command runs. One Pool serves all connections of a listener.
type Pool struct{ small, big sync.Pool }

// NewPool makes an empty pool.
func NewPool() *Pool {
	return &Pool{
		small: sync.Pool{New: func() any { return new([newBuffer]byte) }},
		big:   sync.Pool{New: func() any { return new([bigBuffer]byte) }},
	}
}

// lend gives an empty buffer of newBuffer bytes capacity.
func (p *Pool) lend() []byte { return p.small.Get().(*[newBuffer]byte)[:0] }

// lendBig gives an empty buffer of bigBuffer bytes capacity.
func (p *Pool) lendBig() []byte { return p.big.Get().(*[bigBuffer]byte)[:0] }

// giveBack takes a lent buffer; a grown one is dropped.
func (p *Pool) giveBack(b []byte) {
	switch cap(b) {
	case newBuffer:
		p.small.Put((*[newBuffer]byte)(b[:newBuffer]))
	case bigBuffer:
		p.big.Put((*[bigBuffer]byte)(b[:bigBuffer]))
	}
}
