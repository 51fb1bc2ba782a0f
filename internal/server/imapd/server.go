package imapd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// Options are what a server is built with. Directory, Mailboxes and Store are needed.
type Options struct {
	Directory *directory.Directory
	Mailboxes *mailbox.Service
	Store     store.Store // where APPEND stages messages
	// TLS is for STARTTLS; nil: it is not offered.
	TLS *tls.Config
	// Fetched hears of each message whose content a client has read from its beginning; it must be quick, and hears of some
	// messages more than once. Nil: nobody wants to know.
	Fetched func(context.Context, Fetch)
	Clock   clock.Clock
	Log     *slog.Logger
	MailLog *obs.MailLog
	// Version is told in ID.
	Version string
	Limits  Limits
	// Room is the memory for messages of very many parts on their way in; it may be shared. Nil is no bound.
	Room *limit.Room
	// Work is where decoding and searching wait for each other; it may be shared. Nil: one of its own.
	Work *limit.Work
}

// Fetch is that a client has read a message.
type Fetch struct {
	Account mail.AccountID
	Login   string // the account's primary address
	Email   mail.EmailID
	Remote  netip.AddrPort
	TLS     *tls.ConnectionState
}

// Limits bound what clients may use. Zero values mean the defaults.
type Limits struct {
	MaxMessage     int64         // bytes of an APPEND, and APPENDLIMIT; 100 MiB by default
	Login          time.Duration // from the connection to the login; 2 minutes
	Idle           time.Duration // without a command, or in IDLE; 30 minutes (RFC 9051 section 5.4 asks for that at least)
	Write          time.Duration // for a client to take what is sent; 2 minutes
	MaxBad         int           // commands outside the grammar in a row; 25
	MaxFailed      int           // failed logins on one connection; 5
	PerAccount     int           // connections of one account; 50
	MaxLine        int           // bytes of a command's line; 64 KiB
	MaxFirstLine   int           // the same before the login; 16 KiB
	Search         time.Duration // for one SEARCH; 1 minute
	MaxSearchBytes int64         // bytes of one text part that SEARCH BODY reads; 16 MiB
	// MaxDecoded is how many bytes one FETCH may have decoded (RFC 3516) that it has not sent: to count them, or to find where a
	// partial begins; 4 GiB. It is work that is counted, as it is the same however slow the disk, the machine or the client is.
	MaxDecoded int64
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.MaxMessage, 100<<20)
	setDefault(&l.Login, 2*time.Minute)
	setDefault(&l.Idle, 30*time.Minute)
	setDefault(&l.Write, 2*time.Minute)
	setDefault(&l.MaxBad, 25)
	setDefault(&l.MaxFailed, 5)
	setDefault(&l.PerAccount, 50)
	setDefault(&l.MaxLine, 64<<10)
	setDefault(&l.MaxFirstLine, 16<<10)
	setDefault(&l.Search, time.Minute)
	setDefault(&l.MaxSearchBytes, 16<<20)
	setDefault(&l.MaxDecoded, 4<<30)
	return l
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Server runs IMAP sessions. Its Serve is a listen.Handler; the same Server may serve several listeners.
type Server struct {
	Options
	commands map[string]command
	lines    line.Pool
	buffers  *imap.Pool
	accounts *limit.Gates // connections of an account
	searches *turns       // searches that read bodies
	larges   *turns       // responses that hold much memory
	copies   sync.Pool    // *[copySize]byte
	aheads   sync.Pool    // *ahead, without messages
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
	if o.Fetched == nil {
		o.Fetched = func(context.Context, Fetch) {}
	}
	if o.Work == nil {
		o.Work = limit.NewWork()
	}
	if o.TLS != nil {
		o.TLS = listen.RecordLeaf(o.TLS)
	}
	return &Server{
		Options: o, commands: table(), buffers: imap.NewPool(), accounts: limit.NewGates(o.Limits.PerAccount),
		searches: newTurns(searchesAtOnce), larges: newTurns(largeAtOnce),
		copies: sync.Pool{New: func() any { return new([copySize]byte) }},
		aheads: sync.Pool{New: func() any { return new(ahead) }},
	}
}

// Busy is what a listener sends to a client it has no room for.
const Busy = "* BYE [UNAVAILABLE] too many connections, please try again later\r\n"

// Serve runs one session; it is a listen.Handler.
func (srv *Server) Serve(ctx context.Context, c *listen.Conn) {
	var s *session
	begin := func() {
		s = srv.newSession(c)
		s.greet()
	}
	if !srv.apart(begin) {
		return
	}
	defer srv.apart(s.close)
	defer c.OnDrain(s.conn.Interrupt)()
	// A session that waits is this goroutine, with a stack that has never been deep; what it does meanwhile is done in others.
	var err error
	for again := true; again; {
		again = srv.apart(func() { err = s.work(ctx, err) }) && errors.Is(err, line.ErrIdle)
		if again {
			err = s.conn.Await()
		}
	}
}

// apart runs f in a goroutine of its own and waits for its end; false if it panicked, which is logged.
func (srv *Server) apart(f func()) bool {
	ended := make(chan bool)
	go func() {
		ok := false
		defer func() {
			if p := recover(); p != nil {
				srv.Log.Error("imap session panicked", "panic", p, "stack", string(debug.Stack()))
			}
			ended <- ok
		}()
		f()
		ok = true
	}()
	return <-ended
}

// work runs the session until it waits, with line.ErrIdle, or is over.
func (s *session) work(ctx context.Context, awaited error) error {
	err := s.run(ctx, awaited)
	if errors.Is(err, line.ErrIdle) {
		return err
	}
	if flushErr := s.flush(); err == nil {
		err = flushErr
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.srv.Log.DebugContext(ctx, "imap session ended", "peer", s.lc.Remote.String(), "err", err)
	}
	return err
}
