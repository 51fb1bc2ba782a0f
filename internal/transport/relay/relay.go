package relay

import (
	"cmp"
	"container/list"
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// Dialer makes connections; net.Dialer is one.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Blobs gives messages' contents; a store.Store does.
type Blobs interface {
	OpenBlob(ctx context.Context, id store.BlobID) (store.Blob, error)
}

// Timeouts are how long the other side may take. Zero values are those of RFC 5321 section 4.5.3.2, or named.
type Timeouts struct {
	Connect  time.Duration // default 30 s
	Greeting time.Duration // 5 min
	Command  time.Duration // EHLO, MAIL, RCPT and the like: 5 min
	TLS      time.Duration // handshake; default 1 min
	Data     time.Duration // for the reply to DATA: 2 min
	Block    time.Duration // for a piece of content to be taken: 3 min
	Final    time.Duration // for the reply to the content: 10 min
	// Attempt is for all of an attempt, beside the time for content that goes at the slowest rate; default 1 h. It bounds
	// servers that stay within each of the others for ever.
	Attempt time.Duration
}

// slowest is the rate of content that an attempt has time for, in bytes per second.
const slowest = 4 << 10

// Options configure a Relay.
type Options struct {
	Blobs    Blobs         // required
	Router   *route.Router // required
	Hostname string        // what we call ourselves; required
	Dialer   Dialer        // default net.Dialer
	Clock    clock.Clock   // for idle connections; default the real one
	Log      *slog.Logger
	// RootCAs verify certificates; nil: the system's.
	RootCAs  *x509.CertPool
	Timeouts Timeouts
	// IdleFor is how long a connection is kept for the next message; default 5 s, negative: not at all. MaxIdle bounds how many
	// are; default 100.
	IdleFor time.Duration
	MaxIdle int
	// MaxMessages is how many messages go over one connection; default 100.
	MaxMessages int
}

// Relay hands messages on. It is a queue.Sender, safe for concurrent use.
type Relay struct {
	o    Options
	pool line.Pool
	// copies are the buffers that content is copied with.
	copies sync.Pool

	mu     sync.Mutex
	idle   map[string][]*session // guarded by mu; by route key, the newest last
	ages   list.List             // guarded by mu; the same sessions, the newest last
	closed bool                  // guarded by mu
	quits  sync.WaitGroup        // goroutines that say QUIT
}

// New makes a relay; Close ends it.
func New(o Options) *Relay {
	if o.Dialer == nil {
		o.Dialer = &net.Dialer{}
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &o.Timeouts
	t.Connect = cmp.Or(t.Connect, 30*time.Second)
	t.Greeting = cmp.Or(t.Greeting, 5*time.Minute)
	t.Command = cmp.Or(t.Command, 5*time.Minute)
	t.TLS = cmp.Or(t.TLS, time.Minute)
	t.Data = cmp.Or(t.Data, 2*time.Minute)
	t.Block = cmp.Or(t.Block, 3*time.Minute)
	t.Final = cmp.Or(t.Final, 10*time.Minute)
	t.Attempt = cmp.Or(t.Attempt, time.Hour)
	o.IdleFor = cmp.Or(o.IdleFor, 5*time.Second)
	o.MaxIdle = cmp.Or(o.MaxIdle, 100)
	o.MaxMessages = cmp.Or(o.MaxMessages, 100)
	return &Relay{o: o, idle: make(map[string][]*session)}
}

// Send implements queue.Sender.
func (r *Relay) Send(ctx context.Context, job queue.Job) queue.Report {
	report := queue.Report{Results: make([]queue.Result, len(job.Recipients))}
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeouts.Attempt+time.Duration(job.Message.Blob.Size/slowest)*time.Second)
	defer cancel()
	blob, err := r.o.Blobs.OpenBlob(ctx, job.Message.Blob.ID)
	if err != nil {
		r.o.Log.Error("message content cannot be read", "id", job.Message.ID.String(), "err", err)
		for i := range report.Results {
			report.Results[i] = found(mail.KindInternal, "the message's content cannot be read now")
		}
		return report
	}
	defer blob.Close()
	groups := r.groups(job.Recipients)
	unreachable := 0
	for _, g := range groups {
		d := delivery{r: r, job: &job, blob: blob, report: &report, pending: g}
		d.run(ctx)
		if !d.spoke && d.temporary {
			unreachable++
		}
	}
	report.Unreachable = unreachable == len(groups)
	return report
}

// groups puts recipients together whose domains share their route: as a rule that is one group, unless the configuration has
// changed since the message was queued.
func (r *Relay) groups(rs []mail.Recipient) [][]int {
	var out [][]int
	at := make(map[string]int)
	for i := range rs {
		key := r.o.Router.Key(rs[i].Address.Domain)
		n, ok := at[key]
		if !ok {
			n = len(out)
			at[key] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}
