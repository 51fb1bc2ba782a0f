package queue

import (
	"sync"
	"sync/atomic"
)

// idleHands bounds the goroutines that wait for an attempt to make. A goroutine that has made one has the stack for the next.
const idleHands = 32

// crew are the goroutines that make attempts, one after the other.
type crew struct {
	hands sync.WaitGroup
	idle  atomic.Int32
	slots chan slot // from the loop to one that is idle
}

// give lets somebody make an attempt, and those that follow from it.
func (c *crew) give(s slot, attempt func(slot) (slot, bool)) {
	select {
	case c.slots <- s:
	default:
		c.hands.Go(func() { c.work(s, attempt) })
	}
}

func (c *crew) work(s slot, attempt func(slot) (slot, bool)) {
	for more := true; more; s, more = c.next() {
		for more {
			s, more = attempt(s)
		}
	}
}

// next waits for another attempt to make, unless enough do.
func (c *crew) next() (slot, bool) {
	defer c.idle.Add(-1)
	if c.idle.Add(1) > idleHands {
		return slot{}, false
	}
	s, ok := <-c.slots
	return s, ok
}

// end returns when the last attempt is over. No more may be given.
func (c *crew) end() {
	close(c.slots)
	c.hands.Wait()
}
