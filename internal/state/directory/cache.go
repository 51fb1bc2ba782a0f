package directory

import (
	"container/list"
	"sync"
)

// cache remembers decoded rows, and that rows are not there, of the directory at one number. Rows that are not there have a room of
// their own, so that a stranger who tries many names cannot drive out the rows in use.
type cache struct {
	mu     sync.Mutex
	number uint64 // guarded by mu, as all below
	rows   room
	lacks  room
	// While a commit of our own is on its way, a new number may be that of our commit, which does not concern most rows; so until
	// it is decided the cache stays at its number, and the newest one heard of is kept in heard.
	committing bool
	heard      uint64
	moves      uint64 // how often somebody else's change was met
}

func newCache(bytes int64) *cache {
	return &cache{rows: newRoom(bytes - bytes/8), lacks: newRoom(bytes / 8)}
}

// find gives a remembered row; nil with ok if it is known not to be there.
func (c *cache) find(key []byte) (row any, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if row, ok = c.rows.find(key); ok {
		return row, true
	}
	_, ok = c.lacks.find(key)
	return nil, ok
}

// keep remembers what was read from a view at a number; row is nil if it was not there. An old view's rows are not kept.
func (c *cache) keep(number uint64, key []byte, row any, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveTo(number)
	switch {
	case number != c.number:
	case row == nil:
		c.lacks.add(string(key), nil, 0)
	default:
		c.rows.add(string(key), row, size)
	}
}

// seen is told the directory's number; what was remembered at a smaller one is forgotten.
func (c *cache) seen(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveTo(number)
}

func (c *cache) moveTo(number uint64) {
	if c.committing {
		c.heard = max(c.heard, number)
		return
	}
	if number > c.number {
		c.rows.clear()
		c.lacks.clear()
		c.number = number
		c.moves++
	}
}

// foreign counts the times at which changes by others were met.
func (c *cache) foreign() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moves
}

// begin is told that a commit of our own is handed over. Failed or changed must follow.
func (c *cache) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committing, c.heard = true, 0
}

// failed is told that a commit of our own was not made, or that nobody knows.
func (c *cache) failed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committing = false
	c.moveTo(c.heard)
}

// changed is told of a durable commit of our own that moved the directory on from a number: only its keys are forgotten.
func (c *cache) changed(from uint64, keys [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committing = false
	if c.number == from {
		for _, k := range keys {
			c.rows.remove(k)
			c.lacks.remove(k)
		}
		c.number = from + 1
	}
	c.moveTo(max(from+1, c.heard))
}

// room is a set of rows bounded in bytes; what was least recently used goes first.
type room struct {
	limit, used int64
	byKey       map[string]*list.Element
	order       *list.List // of *kept, the most recently used in front
}

type kept struct {
	key  string
	row  any
	size int64
}

// keptOverhead is what an entry costs besides its key and row: map, list, headers.
const keptOverhead = 160

func newRoom(limit int64) room {
	return room{limit: limit, byKey: make(map[string]*list.Element), order: list.New()}
}

func (r *room) find(key []byte) (any, bool) {
	e, ok := r.byKey[string(key)]
	if !ok {
		return nil, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*kept).row, true
}

func (r *room) add(key string, row any, size int) {
	if _, ok := r.byKey[key]; ok {
		return
	}
	k := &kept{key: key, row: row, size: int64(len(key)) + 2*int64(size) + keptOverhead}
	if k.size > r.limit/4 {
		return
	}
	r.byKey[key] = r.order.PushFront(k)
	r.used += k.size
	for r.used > r.limit {
		r.drop(r.order.Back())
	}
}

func (r *room) remove(key []byte) {
	if e, ok := r.byKey[string(key)]; ok {
		r.drop(e)
	}
}

func (r *room) drop(e *list.Element) {
	k := e.Value.(*kept)
	r.order.Remove(e)
	delete(r.byKey, k.key)
	r.used -= k.size
}

func (r *room) clear() {
	clear(r.byKey)
	r.order.Init()
	r.used = 0
}
