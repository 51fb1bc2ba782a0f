package limit

import (
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// Rate allows Burst at once and, in the long run, Burst in each Per. A Rate with Burst 0 allows everything.
type Rate struct {
	Burst int
	Per   time.Duration
}

// Buckets is one token bucket per key.
type Buckets struct {
	clock clock.Clock
	rate  Rate

	mu   sync.Mutex
	keys *recent[Key, bucket] // guarded by mu
}

// bucket holds used tokens rather than free ones, so that a forgotten bucket is a full one.
type bucket struct {
	used float64
	at   time.Time
}

// NewBuckets makes buckets for at most maxKeys keys.
func NewBuckets(c clock.Clock, r Rate, maxKeys int) *Buckets {
	return &Buckets{clock: c, rate: r, keys: newRecent[Key, bucket](maxKeys)}
}

// Take takes n tokens if they are there. If not it takes none, reports false and says how long it would be until they are; more
// than Burst will never be, and the wait is then that for a full bucket.
func (b *Buckets) Take(k Key, n int) (wait time.Duration, ok bool) {
	if b.rate.Burst <= 0 {
		return 0, true
	}
	now := b.clock.Now()
	perToken := float64(b.rate.Per) / float64(b.rate.Burst)
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.keys.at(k)
	if passed := now.Sub(v.at); passed > 0 {
		v.used = max(0, v.used-float64(passed)/perToken)
	}
	v.at = now
	if over := v.used + float64(n) - float64(b.rate.Burst); over > 0 {
		return time.Duration(min(over, v.used) * perToken), false
	}
	v.used += float64(n)
	return 0, true
}

// Gates bounds how many hold something at once, per key.
type Gates struct {
	limit int

	mu   sync.Mutex
	open map[Key]int // guarded by mu; only keys that somebody holds, so it is bounded by the holders
}

// NewGates allows at most limit holders per key; 0 allows any number.
func NewGates(limit int) *Gates { return &Gates{limit: limit, open: make(map[Key]int)} }

// Enter reports whether one more may hold the key. If so, leave must be called once when it ends.
func (g *Gates) Enter(k Key) (leave func(), ok bool) {
	if g.limit <= 0 {
		return func() {}, true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[k] >= g.limit {
		return nil, false
	}
	g.open[k]++
	return sync.OnceFunc(func() { g.leave(k) }), true
}

func (g *Gates) leave(k Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[k]--; g.open[k] <= 0 {
		delete(g.open, k)
	}
}
