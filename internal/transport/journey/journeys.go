package journey

import (
	"context"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Options configure Journeys.
type Options struct {
	Clock clock.Clock // default the real one
}

// Journeys reads and adds to the stories in a store.
type Journeys struct {
	st    store.Store
	clock clock.Clock
}

// New opens the journeys of a store; Close ends it.
func New(st store.Store, o Options) *Journeys { return &Journeys{st: st, clock: o.Clock} }

// Record adds events to any commit. An event without a time gets the id's if it is Accepted, and now otherwise.
func Record(b *store.Batch, id mail.MessageID, events ...Event) {}

// Append records events that change nothing else; they are gathered with others and durable within a second or at Close.
func (j *Journeys) Append(ctx context.Context, id mail.MessageID, events ...Event) error { return nil }

// Publish tells watchers of events whose commit is durable. It never waits.
func (j *Journeys) Publish(id mail.MessageID, events ...Event) {}

// Read gives a message's story; a fault of KindNotFound if there is none (any more).
func (j *Journeys) Read(ctx context.Context, id mail.MessageID) (Journey, error) {
	return Journey{}, mail.Refuse(mail.KindUnsupported, "not yet")
}

// Recent gives the newest n stories, newest first, of an account (sent by it or stored for it), or of all for the zero account.
func (j *Journeys) Recent(ctx context.Context, account mail.AccountID, n int) ([]Journey, error) {
	return nil, mail.Refuse(mail.KindUnsupported, "not yet")
}

// Prune forgets stories whose last event is before the time, except those of messages that queued says are still queued (nil: none
// are). It returns how many.
func (j *Journeys) Prune(ctx context.Context, before time.Time, queued func(context.Context, mail.MessageID) (bool, error)) (int, error) {
	return 0, mail.Refuse(mail.KindUnsupported, "not yet")
}

// Watch hears of published events from now on. It must be closed.
func (j *Journeys) Watch() *Watcher { return &Watcher{} }

// Close writes what Append has gathered and ends the watchers.
func (j *Journeys) Close() error { return nil }

// Watcher hears of events.
type Watcher struct{ c chan Entry }

// C gives the events; it is closed by Close.
func (w *Watcher) C() <-chan Entry { return w.c }

// Close ends the watcher.
func (w *Watcher) Close() {}

// Say tells the event in plain words, as one sentence without the time.
func (e Event) Say(lang text.Lang) string { return "" }
