package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// Options configure a Queue. Zero values are the defaults named.
type Options struct {
	Clock    clock.Clock
	Log      *slog.Logger
	Journeys *journey.Journeys // where live events are published; may be nil
	Notifier Notifier          // required before Run
	// Destination gives the scheduling key of a domain (route.Router.Key); default: the domain.
	Destination func(mail.Domain) string
	Schedule    Schedule
	// Concurrency bounds attempts at once (default 200), PerDestination those to one destination (default 10).
	Concurrency, PerDestination int
	// Window bounds the legs in memory; default 65,536.
	Window int
}

// Schedule says when to try again and when to give up.
type Schedule struct {
	Retries     []time.Duration // after the n-th attempt; the last repeats
	GiveUp      time.Duration   // default 5 days
	GiveUpNull  time.Duration   // for notices; default 1 day
	DelayNotice time.Duration   // default 4 hours; negative: never
}

// Queue is the queue of a store.
type Queue struct{ o Options }

// Sender makes attempts. transport/relay implements it.
type Sender interface {
	// Send tries to deliver the job to all of its recipients and reports each one's result.
	Send(ctx context.Context, job Job) Report
}

// Report is how an attempt went.
type Report struct {
	Results []Result // one for each of the job's recipients, in order
	// Unreachable means that no server of the destination could be spoken with: the destination as a whole backs off.
	Unreachable bool
	// Events are the steps of the attempt (looked up, attempted), recorded with its settling. Outcomes per recipient are the
	// queue's to record.
	Events []journey.Event
}

// Open opens the queue of a store; no I/O.
func Open(ctx context.Context, st store.Store, o Options) (*Queue, error) {
	return &Queue{o: o}, nil
}

// Add puts a message's rows, with its Queued events, into the caller's one commit.
func (q *Queue) Add(b *store.Batch, m Message) {}

// Wake tells the queue that the commit of an Add is durable. If it is forgotten the message is found within a minute.
func (q *Queue) Wake(m Message) {}

// SetNotifier gives the queue its notifier, once, before Run (bounce needs intake, which needs the queue).
func (q *Queue) SetNotifier(n Notifier) { q.o.Notifier = n }

// Run works the queue until ctx ends, and returns when no attempt is going on any more.
func (q *Queue) Run(ctx context.Context, s Sender) error {
	<-ctx.Done()
	return nil
}
