package pop3d

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// errEnd ends a session in which everything has been said.
var errEnd = errors.New("pop3d: session over")

// errEnded ends a session whose login is worth nothing any more: its password was changed, or the account switched off.
var errEnded = errors.New("pop3d: login ended")

// end ends the session from outside. What it was to delete stays, as there was no QUIT (RFC 1939 section 6).
func (s *session) end() {
	s.ended.Store(true)
	s.conn.Interrupt()
}

// session is one connection's state; one goroutine has it.
type session struct {
	srv    *Server
	lc     *listen.Conn
	conn   *line.Conn
	remote netip.AddrPort
	out    []byte // for formatting responses
	closed func() // for the mail log's gauge

	tls   *tls.ConnectionState // nil in clear text
	lang  text.Lang            // of the responses' texts (LANG)
	utf8  bool                 // UTF8 was said
	user  string               // what USER said; empty when PASS may not follow
	login *directory.LoginSession
	until time.Time // by when there must be a login

	id     sasl.Identity // zero until login
	drop   *maildrop     // nil until login
	unhold func()        // stops hearing of the login's end; nil until login
	ended  atomic.Bool   // the login is worth nothing any more; set by others

	// thrownOut says that the end is ours and comes while the client may be sending.
	thrownOut   bool
	fetched     []mail.EmailID // sent to the client, but not told to Fetched yet
	last        int            // the message last sent by RETR
	group       int            // messages sent by RETR in a row since the client had to be waited for
	bad, failed int
}

func (srv *Server) newSession(c *listen.Conn) *session {
	l := &srv.Limits
	s := &session{
		srv: srv, lc: c, remote: c.Remote, until: time.Now().Add(l.Login),
		conn: line.NewConn(c.Conn, line.Config{MaxLine: maxAuthLine, Line: l.Login, Write: l.Write, Pool: &srv.lines}),
	}
	s.secured()
	s.closed = srv.MailLog.Connected(s.logSession())
	return s
}

// maxAuthLine is the longest line before the login: AUTH with an initial response (RFC 5034 section 4).
const maxAuthLine = sasl.MaxLine + 32

// secured notes the state of TLS and forgets what was said before (RFC 2595 section 4).
func (s *session) secured() {
	s.tls = s.conn.TLS()
	s.user = ""
	at := directory.Attempt{Protocol: obs.ProtoPOP3, Remote: s.remote.Addr()}
	if s.tls != nil {
		at.TLS = s.tls.Version
	}
	s.login = s.srv.Directory.Login(at)
}

// close gives up what the session holds.
func (s *session) close() {
	if s.unhold != nil {
		s.unhold()
	}
	if s.drop != nil {
		s.drop.close()
		s.drop = nil
	}
	s.conn.Release()
	if s.thrownOut {
		_ = s.conn.CloseGently() // so that the client gets to read why
	}
	_ = s.conn.Close() // ends TLS in order after STARTTLS, which the listener knows nothing of
	s.closed()
}

// run greets, and answers commands until the end.
func (s *session) run(ctx context.Context) error {
	s.ok(text.POP3Ready)
	for {
		l, err := s.readLine(ctx)
		if s.ended.Load() {
			err = errEnded
		}
		if err == nil {
			err = s.command(ctx, l)
		}
		if errors.Is(err, line.ErrTooLong) {
			err = s.wrong(text.POP3LineTooLong)
		}
		if err != nil {
			return s.farewell(err)
		}
	}
}

// readLine reads one line, in the time that the state allows.
func (s *session) readLine(ctx context.Context) ([]byte, error) {
	if s.drop == nil {
		left := time.Until(s.until)
		if left <= 0 {
			return nil, line.ErrTimeout
		}
		s.conn.SetLineTimeout(left)
	}
	l, err := s.conn.ReadLine()
	s.tellFetched(ctx)
	return l, err
}

// tellFetched tells of the messages whose last byte is on its way to the client. While the answers to pipelined commands are gathered,
// that has to wait: for a read at the latest, so never for more messages than a buffer has commands.
func (s *session) tellFetched(ctx context.Context) {
	if len(s.fetched) == 0 || !s.conn.Sent() {
		return
	}
	for _, e := range s.fetched {
		s.srv.Fetched(ctx, Fetch{Account: s.id.Account, Login: s.id.Login, Email: e, Remote: s.remote, TLS: s.tls})
	}
	s.fetched = s.fetched[:0]
}

// enough ends a session with too many errors.
func (s *session) enough() error {
	switch {
	case s.bad >= s.srv.Limits.MaxBad:
		s.thrownOut = true
		s.err(pop3.NoCode, text.POP3TooManyErrors)
		return errEnd
	case s.failed >= s.srv.Limits.MaxFailed:
		s.thrownOut = true
		s.err(pop3.NoCode, text.POP3TooManyLogins)
		return errEnd
	}
	return nil
}

// farewell says why the session ends, where there is somebody to hear it.
func (s *session) farewell(err error) error {
	s.thrownOut = s.thrownOut || errors.Is(err, errEnded) || errors.Is(err, line.ErrEndless) || line.IsBareNewline(err)
	switch {
	case errors.Is(err, errEnd):
		return nil
	case errors.Is(err, errEnded):
		s.err(pop3.AuthFailed, text.POP3LoginEnded)
	case errors.Is(err, line.ErrInterrupted):
		s.err(pop3.SysTemp, text.POP3ShuttingDown)
	case errors.Is(err, line.ErrTimeout):
		s.err(pop3.NoCode, text.POP3Timeout)
	case line.IsBareNewline(err):
		s.err(pop3.NoCode, text.POP3BareNewline)
	case errors.Is(err, line.ErrEndless):
		s.err(pop3.NoCode, text.POP3LineTooLong)
	}
	return err
}

// ok queues a positive response; it is sent when the session waits for input. A failure to send shows there.
func (s *session) ok(k text.Key, args ...any) {
	s.out = pop3.AppendOK(s.out[:0], text.Say(s.lang, k, args...))
	s.send()
}

// err queues a negative response.
func (s *session) err(c pop3.Code, k text.Key, args ...any) {
	s.out = pop3.AppendErr(s.out[:0], c, text.Say(s.lang, k, args...))
	s.send()
}

// wrong responds to a command that is wrong in form or order, counts it, and says whether the session goes on.
func (s *session) wrong(k text.Key) error {
	s.bad++
	s.err(pop3.NoCode, k)
	return s.enough()
}

// send queues what is in out.
func (s *session) send() { _, _ = s.conn.Write(s.out) }

func (s *session) logSession() obs.Session {
	o := obs.Session{Proto: obs.ProtoPOP3, Peer: s.remote.Addr(), Account: s.id.Login}
	if s.tls != nil {
		o.TLS = s.tls.Version
	}
	return o
}
