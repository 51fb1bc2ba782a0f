package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// Role is what a listener is for.
type Role uint8

// The roles.
const (
	// MX takes mail from other servers.
	MX Role = iota
	// Submission takes mail from people's programs, after a login (RFC 6409).
	Submission
	// LMTP takes mail for local delivery from a server beside us, with an answer per recipient (RFC 2033).
	LMTP
)

var roleProtos = [...]obs.Proto{MX: obs.ProtoSMTP, Submission: obs.ProtoSubmission, LMTP: obs.ProtoLMTP}

// Proto is the role's name in the mail log.
func (r Role) Proto() obs.Proto { return roleProtos[r] }

// Config is a listener's. Zero limits are replaced by DefaultLimits'.
type Config struct {
	Role     Role
	Listener string      // its name, for logs
	Hostname mail.Domain // how we call ourselves
	// TLS is for STARTTLS; nil to not offer it. With TLS from the start the listener has it instead.
	TLS *tls.Config
	// Trusted clients submit without a login.
	Trusted []netip.Prefix
	// Login makes the backend for the logins of one connection; nil for no AUTH.
	Login func(remote netip.Addr, tlsVersion uint16) sasl.Backend
	// LookUpName finds the name of a client's address, for the Received field; nil for none. It runs beside the first commands,
	// and bounds its own time.
	LookUpName func(ctx context.Context, addr netip.Addr) string
	Intake     Intake
	Limits     Limits
	Clock      clock.Clock
	Log        *slog.Logger
	MailLog    *obs.MailLog // may be nil
}

// Limits bound a session.
type Limits struct {
	GreetingPause time.Duration // a client that talks before it is over is refused; 0 for none
	Line          time.Duration // for a command to arrive, as a whole
	Chunk         time.Duration // for the next piece of content
	Write         time.Duration // for a reply to be taken
	Session       time.Duration // for everything
	Handshake     time.Duration // for TLS
	Grace         time.Duration // before MinRate counts
	MinRate       int64         // of content, bytes per second
	Commands      int           // without a message being accepted
	Errors        int           // wrong commands
	Refusals      int           // recipients and messages that were refused
	Logins        int           // failed ones
	Messages      int           // in one session; 0 for any number (RFC 9422 MAILMAX)
	Hold          time.Duration // FUTURERELEASE (RFC 4865); negative to not offer it
	Drain         int64         // bytes of content that are thrown away to say why, before the connection is closed instead
}

// DefaultLimits follow RFC 5321 section 4.5.3.2, where it speaks.
func DefaultLimits() Limits {
	return Limits{
		Line: 5 * time.Minute, Chunk: 3 * time.Minute, Write: 5 * time.Minute, Session: 2 * time.Hour, Handshake: time.Minute,
		Grace: time.Minute, MinRate: 100,
		Commands: 2500, Errors: 20, Refusals: 100, Logins: 5,
		Hold:  30 * 24 * time.Hour,
		Drain: 64 << 20,
	}
}

// withDefaults fills what is zero, but for GreetingPause and Messages, where zero has a meaning.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, p := range []struct{ v, d *time.Duration }{
		{&l.Line, &d.Line}, {&l.Chunk, &d.Chunk}, {&l.Write, &d.Write}, {&l.Session, &d.Session}, {&l.Handshake, &d.Handshake},
		{&l.Grace, &d.Grace}, {&l.Hold, &d.Hold},
	} {
		if *p.v == 0 {
			*p.v = *p.d
		}
	}
	for _, p := range []struct{ v, d *int }{
		{&l.Commands, &d.Commands}, {&l.Errors, &d.Errors}, {&l.Refusals, &d.Refusals}, {&l.Logins, &d.Logins},
	} {
		if *p.v == 0 {
			*p.v = *p.d
		}
	}
	if l.MinRate == 0 {
		l.MinRate = d.MinRate
	}
	if l.Drain == 0 {
		l.Drain = d.Drain
	}
	return l
}

// Lengths of lines without CRLF: a command with all extensions' parameters is at most 512 + 26 (SIZE) + 20 (BODY) + 10
// (SMTPUTF8) + 115 (RET, ENVID) + 528 (NOTIFY, ORCPT) + 500 (AUTH) + 34 (HOLDUNTIL) + 11 (REQUIRETLS).
const (
	maxLine     = 2048
	maxAuthLine = sasl.MaxLine
)

// Server runs sessions. Its Handle is a listen.Handler.
type Server struct {
	cfg    Config
	limits intake.Limits
	pool   line.Pool
}

// New makes a server. It opens nothing.
func New(cfg Config) *Server {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.TLS != nil {
		cfg.TLS = listen.RecordLeaf(cfg.TLS)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Log == nil {
		cfg.Log = obs.Discard()
	}
	cfg.Log = cfg.Log.With("listener", cfg.Listener)
	s := &Server{cfg: cfg, limits: cfg.Intake.Limits()}
	// Whatever may be accepted is also read to its end when it is refused.
	s.cfg.Limits.Drain = max(s.cfg.Limits.Drain, s.limits.MaxSize)
	return s
}

// Busy is what a client is told that comes when there are too many; for listen.Config.
func (s *Server) Busy() string {
	return "421 4.7.0 " + string(s.cfg.Hostname) + " Too many connections, please come later\r\n"
}

// OverLimit writes a connection that was refused for being one too many to the mail log; for listen.Config.
func (s *Server) OverLimit(remote netip.AddrPort) {
	s.cfg.MailLog.Refused(obs.Session{Proto: s.cfg.Role.Proto(), Peer: remote.Addr()},
		obs.Refusal{Stage: obs.StageConnect, Status: "4.7.0", Fault: mail.Refuse(mail.KindTooMany, "too many connections")})
}

// Handle runs one session to its end.
func (s *Server) Handle(ctx context.Context, c *listen.Conn) {
	l := &s.cfg.Limits
	lc := line.NewConn(c.Conn, line.Config{
		MaxLine: maxLine, Line: l.Line, Chunk: l.Chunk, Write: l.Write, Grace: l.Grace, MinRate: l.MinRate,
		Session: time.Now().Add(l.Session), Pool: &s.pool,
	})
	defer lc.Release()
	defer c.OnDrain(lc.Interrupt)()
	s.session(ctx, lc, c)
}

func (s *Server) session(ctx context.Context, lc *line.Conn, c *listen.Conn) {
	ss := &session{srv: s, cfg: &s.cfg, lc: c, conn: lc, remote: c.Remote}
	ss.secured()
	defer ss.lookUpName(ctx)()
	defer s.cfg.MailLog.Connected(ss.logSession())()
	err := ss.run(ctx)
	if leaving(err) {
		err = lc.CloseGently()
	} else {
		err = errors.Join(lc.Flush(), lc.Close())
	}
	if err != nil {
		s.cfg.Log.Debug("connection not closed in order", "remote", c.Remote, "error", err)
	}
}

// leaving reports whether the session ended by our will while the client may still be sending.
func leaving(err error) bool {
	return errors.Is(err, errEnd) || errors.Is(err, line.ErrEarlyTalker) || errors.Is(err, line.ErrEndless) || line.IsBareNewline(err)
}
