package pop3d

import "sync"

// pieceSize is how much of a message is in memory at once. A small message fits whole.
const pieceSize = 32 << 10

// pieces keeps the buffers between messages. The zero pieces is ready.
type pieces struct{ pool sync.Pool }

func (p *pieces) get() *[pieceSize]byte {
	if b, ok := p.pool.Get().(*[pieceSize]byte); ok {
		return b
	}
	return new([pieceSize]byte)
}

func (p *pieces) put(b *[pieceSize]byte) { p.pool.Put(b) }
