package mailbox

import (
	"container/list"
	"sync"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// slot is the room for one mailbox's index. Its account's show lock guards index and pins; ready is closed when loading ended.
type slot struct {
	st      *state
	mailbox mail.MailboxID
	ready   chan struct{}
	err     error  // set before ready is closed
	index   *index // nil while loading, after a failure, and when the mailbox is gone
	pins    int    // views that look at it: it stays
	elem    *list.Element
}

// cache keeps the memory for indexes bounded, over all accounts. It is locked under a show lock, so it takes none itself while
// locked.
type cache struct {
	limit int64
	total atomic.Int64

	mu  sync.Mutex
	lru list.List // *slot that nobody looks at, the longest unused first
}

// in makes a slot that nobody looks at the last to go, and out takes it from what may go.
func (c *cache) in(sl *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sl.elem == nil {
		sl.elem = c.lru.PushBack(sl)
		return
	}
	c.lru.MoveToBack(sl.elem)
}

func (c *cache) out(sl *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sl.elem != nil {
		c.lru.Remove(sl.elem)
		sl.elem = nil
	}
}

func (c *cache) remove(slots map[mail.MailboxID]*slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sl := range slots {
		if sl.elem != nil {
			c.lru.Remove(sl.elem)
			sl.elem = nil
		}
	}
}

// pop takes the longest unused slot out.
func (c *cache) pop() *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.lru.Front()
	if f == nil {
		return nil
	}
	sl := c.lru.Remove(f).(*slot)
	sl.elem = nil
	return sl
}

// grow notes a change of the memory used and drops indexes while it is too much. No show lock may be held.
func (c *cache) grow(by int64) {
	for c.total.Add(by) > c.limit && by >= 0 {
		sl := c.pop()
		if sl == nil {
			return // all are looked at
		}
		c.drop(sl)
		by = 0
	}
}

// drop frees a slot's index, unless somebody has begun to look at it.
func (c *cache) drop(sl *slot) {
	sl.st.show.Lock()
	defer sl.st.show.Unlock()
	if sl.st.indexes[sl.mailbox] != sl || sl.pins > 0 || sl.index == nil {
		return
	}
	delete(sl.st.indexes, sl.mailbox)
	c.total.Add(-sl.index.bytes())
	sl.index = nil
}
