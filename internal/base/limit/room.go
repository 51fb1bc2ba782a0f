package limit

import "sync/atomic"

// Room is memory, or anything else that is counted, that many share. Nobody waits for it: who does not get it has to say so.
type Room struct {
	size int64
	used atomic.Int64
}

// NewRoom makes a Room of so many bytes. A Room of 0, and no Room (nil), has no bound.
func NewRoom(size int64) *Room { return &Room{size: size} }

// Used is how much is leased now.
func (r *Room) Used() int64 { return r.used.Load() }

// Share is how much of a Room somebody may see taken before nothing is left for him, in hundredths: with less than Whole something stays
// free for others.
type Share int64

// Whole is all of a Room.
const Whole Share = 100

// Lease is one holder's part of a Room. It begins empty; Release gives all of it back. It is used by one goroutine.
type Lease struct {
	room *Room
	most int64
	held int64
}

// Lease begins a lease.
func (r *Room) Lease(s Share) Lease {
	if r == nil || r.size <= 0 {
		return Lease{}
	}
	return Lease{room: r, most: r.size / int64(Whole) * int64(s)}
}

// Grow sees to it that at least n is held. It reports whether there was room; if not, what is held stays.
func (l *Lease) Grow(n int64) bool {
	more := n - l.held
	if l.room == nil || more <= 0 {
		return true
	}
	if l.room.used.Add(more) > l.most {
		l.room.used.Add(-more)
		return false
	}
	l.held = n
	return true
}

// Release gives back what is held.
func (l *Lease) Release() {
	if l.room != nil {
		l.room.used.Add(-l.held)
	}
	l.held = 0
}
