package journey

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Options configure Journeys.
type Options struct {
	Clock clock.Clock  // default the real one
	Log   *slog.Logger // default none
}

// Bounds on what Append gathers.
const (
	gatherFor  = time.Second
	gatherMost = 512
	// gatherDrop is how many may wait when the store is slower than the readers; the rest is forgotten.
	gatherDrop = 8192
)

// Journeys reads and adds to the stories in a store.
type Journeys struct {
	st    store.Store
	clock clock.Clock
	log   *slog.Logger

	mu       sync.Mutex
	gathered []Entry               // guarded by mu
	timer    clock.Timer           // guarded by mu; armed while something is gathered
	watchers map[*Watcher]struct{} // guarded by mu
	closed   bool                  // guarded by mu

	kick chan struct{}
	done sync.WaitGroup // the goroutine that writes what is gathered
}

// New opens the journeys of a store; Close ends it.
func New(st store.Store, o Options) *Journeys {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	j := &Journeys{st: st, clock: o.Clock, log: o.Log, watchers: make(map[*Watcher]struct{}), kick: make(chan struct{}, 1)}
	j.done.Go(j.write)
	return j
}

// Record adds events to any commit, in order. An event without a time gets the id's.
func Record(b *store.Batch, id mail.MessageID, events ...Event) {
	for i := range events {
		e := &events[i]
		if e.At.IsZero() {
			stamped := *e
			stamped.At = id.Time()
			e = &stamped
		}
		b.Set(eventKey(id, e, i), appendEvent(nil, e))
		if !e.Account.IsZero() {
			b.Set(accountKey(e.Account, id.ID), nil)
		}
	}
}

// Close writes what Append has gathered and ends the watchers.
func (j *Journeys) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	if j.timer != nil {
		j.timer.Stop()
	}
	for w := range j.watchers {
		delete(j.watchers, w)
		close(w.c)
	}
	close(j.kick)
	j.mu.Unlock()
	j.done.Wait()
	return j.flush(context.Background())
}
