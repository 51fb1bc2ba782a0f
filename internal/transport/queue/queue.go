package queue

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// Options configure a Queue. Zero values are the defaults named.
type Options struct {
	Clock    clock.Clock
	Log      *slog.Logger
	MailLog  *obs.MailLog
	Journeys *journey.Journeys // where live events are published; may be nil
	Notifier Notifier          // required before Run
	// Destination gives the scheduling key of a domain (route.Router.Key); default: the domain.
	Destination func(mail.Domain) string
	Schedule    Schedule
	// Concurrency bounds attempts at once (default 200), PerDestination those to one destination (default 10).
	Concurrency, PerDestination int
	// Window bounds the legs in memory; default 65,536.
	Window int
	// Grace is how long attempts going on may take to end when Run is told to end; default 10 s.
	Grace time.Duration
}

// Queue is the queue of a store.
type Queue struct {
	st store.Store
	o  Options

	mu  sync.Mutex
	win window // guarded by mu
	// asleep is whether the loop waits, and until when if nobody wakes it: how a test sees that the queue is at rest.
	asleep bool      // guarded by mu
	until  time.Time // guarded by mu
	// depth is how many messages wait: as counted then, and with what has come and gone since.
	depth   int       // guarded by mu
	counted time.Time // guarded by mu

	kick chan struct{} // the loop should look again
	// settling has a token for each attempt that is over and not written down yet: so many doubles a crash can make at most.
	settling chan struct{}
	settler  settler
	locks    [stripes]sync.Mutex
}

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

var errNoNotifier = errors.New("queue: no notifier")

// Open opens the queue of a store. It does no I/O and starts nothing: Run does.
func Open(_ context.Context, st store.Store, o Options) (*Queue, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Destination == nil {
		o.Destination = func(d mail.Domain) string { return string(d) }
	}
	o.Schedule = o.Schedule.withDefaults()
	o.Concurrency = cmp.Or(o.Concurrency, 200)
	o.PerDestination = cmp.Or(o.PerDestination, 10)
	o.Window = cmp.Or(o.Window, 1<<16)
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	return &Queue{
		st: st, o: o, win: newWindow(&o), kick: make(chan struct{}, 1), settling: make(chan struct{}, o.Concurrency),
		settler: settler{wake: make(chan struct{}, 1)},
	}, nil
}

// SetNotifier gives the queue its notifier, once, before Run (bounce needs intake, which needs the queue).
func (q *Queue) SetNotifier(n Notifier) { q.o.Notifier = n }

// wake makes the loop look again; it wants mu held.
func (q *Queue) wake() {
	q.asleep = false
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// lock keeps two settlings, or a settling and an admin, from changing one message at a time. It may be held while a commit waits
// for the disk: only the same message (and a few that share the lock) waits with it.
func (q *Queue) lock(id mail.MessageID) *sync.Mutex {
	l := &q.locks[stripeOf(id)]
	l.Lock()
	return l
}

// stripes is how many locks the messages share.
const stripes = 1024

func stripeOf(id mail.MessageID) int { return int(binary.BigEndian.Uint16(id.ID[idLen-2:])) % stripes }
