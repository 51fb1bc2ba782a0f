package resolve

import (
	"sync"
	"time"
)

type question struct {
	name  string
	qtype uint16
}

// remembered is an answer or a failure with the time until which it holds.
type remembered struct {
	answer answer
	err    error
	until  time.Time
}

// cache keeps up to a number of answers in two generations: when the young one is full it becomes the old one, and what was
// old and not asked for again is forgotten.
type cache struct {
	mu         sync.Mutex
	half       int
	young, old map[question]remembered // guarded by mu
}

func newCache(entries int) *cache {
	if entries < 0 {
		return nil
	}
	return &cache{half: max(entries/2, 1), young: make(map[question]remembered)}
}

func (c *cache) get(q question, now time.Time) (remembered, bool) {
	if c == nil {
		return remembered{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.young[q]
	if !ok {
		if r, ok = c.old[q]; ok && now.Before(r.until) {
			c.store(q, r)
		}
	}
	return r, ok && now.Before(r.until)
}

func (c *cache) put(q question, r remembered) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(q, r)
}

// store wants mu held.
func (c *cache) store(q question, r remembered) {
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[question]remembered)
	}
	c.young[q] = r
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}
