package pop3d

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// Options are what a server is built with. Directory and Mailboxes are needed.
type Options struct {
	Directory *directory.Directory
	Mailboxes *mailbox.Service
	// TLS is for STLS; nil: it is not offered.
	TLS *tls.Config
	// Fetched hears of each message that a client has read to its end; it must be quick. Nil: nobody wants to know.
	Fetched func(context.Context, Fetch)
	Clock   clock.Clock
	Log     *slog.Logger
	MailLog *obs.MailLog
	Limits  Limits
}

// Fetch is that a client has read a whole message.
type Fetch struct {
	Account mail.AccountID
	Login   string // the account's primary address
	Email   mail.EmailID
	Remote  netip.AddrPort
	TLS     *tls.ConnectionState
}

// Limits bound what clients may use. Zero values mean the defaults.
type Limits struct {
	Login      time.Duration // from the connection to the login; 2 minutes
	Idle       time.Duration // without a command; 10 minutes (RFC 1939 section 3 asks for that at least)
	Write      time.Duration // for a client to take what is sent; 2 minutes
	Handshake  time.Duration // for TLS; 30 seconds
	MaxBad     int           // commands that are wrong in form or order; 20
	MaxFailed  int           // failed logins on one connection; 5
	LoginDelay time.Duration // between logins of an account (RFC 2449 section 6.5); 0 for none
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Login, 2*time.Minute)
	setDefault(&l.Idle, 10*time.Minute)
	setDefault(&l.Write, 2*time.Minute)
	setDefault(&l.Handshake, 30*time.Second)
	setDefault(&l.MaxBad, 20)
	setDefault(&l.MaxFailed, 5)
	return l
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// maxDelayed bounds the accounts whose last login is remembered for LoginDelay.
const maxDelayed = 100_000

// Server runs POP3 sessions. Its Serve is a listen.Handler; the same Server may serve several listeners.
type Server struct {
	Options
	lines     line.Pool
	pieces    pieces
	maildrops *limit.Gates   // one session per account
	logins    *limit.Buckets // one login per LoginDelay
}

// New makes a server. It starts nothing.
func New(o Options) *Server {
	o.Limits = o.Limits.withDefaults()
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = obs.Discard()
	}
	if o.TLS != nil {
		o.TLS = listen.RecordLeaf(o.TLS)
	}
	if o.Fetched == nil {
		o.Fetched = func(context.Context, Fetch) {}
	}
	delay := limit.Rate{Per: o.Limits.LoginDelay}
	if o.Limits.LoginDelay > 0 {
		delay.Burst = 1
	}
	return &Server{Options: o, maildrops: limit.NewGates(1), logins: limit.NewBuckets(o.Clock, delay, maxDelayed)}
}

// Busy is what a listener sends to a client it has no room for.
const Busy = "-ERR [SYS/TEMP] too many connections, please try again later\r\n"

// Serve runs one session; it is a listen.Handler.
func (srv *Server) Serve(ctx context.Context, c *listen.Conn) {
	s := srv.newSession(c)
	defer s.close()
	defer c.OnDrain(s.conn.Interrupt)()
	err := s.run(ctx)
	if flushErr := s.conn.Flush(); err == nil {
		err = flushErr
	}
	s.tellFetched(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		srv.Log.DebugContext(ctx, "pop3 session ended", "peer", c.Remote.String(), "err", err)
	}
}
