package obs

import (
	"io"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// How lines are gathered: those that come within gatherFor of a write share the next one.
const (
	gatherFor  = 10 * time.Millisecond
	gatherMost = 32 << 10
)

// Gatherer writes lines for many goroutines: at once while few come, and many with one write when they come fast. So a busy
// server's log costs a hundred writes a second at most, at the price that a crash may lose what came in the last moment.
type Gatherer struct {
	w     io.Writer
	clock clock.Clock

	mu     sync.Mutex // guards what follows, and is held during writes
	buf    []byte
	last   time.Time
	closed bool
}

// NewGatherer writes to w. It must be closed before w is.
func NewGatherer(w io.Writer, c clock.Clock) *Gatherer { return &Gatherer{w: w, clock: c} }

// Write takes whole lines. An error is an earlier write's.
func (g *Gatherer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if len(g.buf) == 0 && (g.closed || now.Sub(g.last) >= gatherFor) {
		g.last = now
		return g.w.Write(p)
	}
	g.buf = append(g.buf, p...)
	switch {
	case len(g.buf) >= gatherMost:
		return len(p), g.flush(now)
	case len(g.buf) == len(p):
		g.clock.AfterFunc(gatherFor, func() { _ = g.Flush() }) // nobody is there to hear of an error
	}
	return len(p), nil
}

// Flush writes what has gathered.
func (g *Gatherer) Flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.flush(g.clock.Now())
}

func (g *Gatherer) flush(now time.Time) error {
	if len(g.buf) == 0 {
		return nil
	}
	g.last = now
	_, err := g.w.Write(g.buf)
	g.buf = g.buf[:0]
	return err
}

// Close writes what has gathered. Lines that come after it are written at once.
func (g *Gatherer) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	return g.flush(g.clock.Now())
}
