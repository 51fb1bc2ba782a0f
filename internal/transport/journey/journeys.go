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
	spare    []Entry               // guarded by mu; empty, memory for gathered
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
	var key [store.PrefixLen + 1 + eventKeyLen]byte
	var row, more [512]byte
	value, scratch := row[:0], more[:0]
	for i := 0; i < len(events); {
		first := stamped(&events[i], id)
		value = appendEvent(value[:0], &first)
		n := i + 1
		for ; n < len(events); n++ {
			e := stamped(&events[n], id)
			if micros(&e) != micros(&first) || n-i == maxRowEvents || len(value) > maxRow {
				break
			}
			value, scratch = appendMore(value, scratch, &e)
		}
		b.Set(appendEventKey(key[:0], id, &first, i), value)
		i = n
	}
	for i := range events {
		if !events[i].Account.IsZero() {
			b.Set(appendAccountKey(key[:0], events[i].Account, id.ID), nil)
		}
	}
}

// Bounds of a row of several events: about how many bytes, and how many events.
const (
	maxRow       = 16 << 10
	maxRowEvents = 256
)

// stamped is an event with a time.
func stamped(e *Event, id mail.MessageID) Event {
	out := *e
	if out.At.IsZero() {
		out.At = id.Time()
	}
	return out
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
