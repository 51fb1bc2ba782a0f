package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/netip"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// The two ends of a session in which everything has been said: by us, and by QUIT.
var (
	errEnd  = errors.New("smtpd: session ended")
	errQuit = errors.New("smtpd: client quit")
)

// session is one connection's state; one goroutine has it.
type session struct {
	srv    *Server
	cfg    *Config
	lc     *listen.Conn
	conn   *line.Conn
	remote netip.AddrPort
	out    []byte // for formatting replies

	channel  sasl.Channel         // how logins are protected
	tls      *tls.ConnectionState // nil in clear text
	ext      smtp.Extensions      // what this client may use, once it said EHLO
	heloName string               // empty until it said HELO, EHLO or LHLO
	ehloSaid bool                 // it was EHLO or LHLO
	id       sasl.Identity        // zero until login
	name     string               // the client's name by DNS, once found
	names    chan string          // brings it; nil if nobody is looking

	tx      tx
	pending []byte // the line that broke a sequence of BDATs off, still to be answered

	commands, errors, refusals, logins, messages int
}

// tx is the mail transaction (RFC 5321 section 3.3); zero for none.
type tx struct {
	t        Transaction
	env      mail.Envelope
	accepted int  // recipients
	chunks   bool // BDAT has begun
}

// secured notes the state of TLS and forgets what was said before (RFC 3207 section 4.2).
func (s *session) secured() {
	s.tls = s.conn.TLS()
	s.channel = sasl.Channel{}
	if s.cfg.Login != nil {
		s.channel = s.lc.Channel(s.conn)
	}
	s.heloName, s.ehloSaid, s.id = "", false, sasl.Identity{}
	s.ext = s.offered()
}

func (s *session) tlsVersion() uint16 {
	if s.tls == nil {
		return 0
	}
	return s.tls.Version
}

func (s *session) trusted() bool {
	for _, p := range s.cfg.Trusted {
		if p.Contains(s.remote.Addr()) {
			return true
		}
	}
	return false
}

func (s *session) loggedIn() bool { return !s.id.Account.IsZero() }

// run greets, and answers commands until the end, which it gives the reason of.
func (s *session) run(ctx context.Context) error {
	defer s.reset()
	err := s.greet()
	for err == nil {
		err = s.next(ctx)
	}
	s.farewell(err)
	return err
}

func (s *session) greet() error {
	if p := s.cfg.Limits.GreetingPause; p > 0 {
		if err := s.conn.WaitSilence(p); err != nil {
			return err
		}
	}
	proto := " ESMTP Posthorn"
	if s.cfg.Role == LMTP {
		proto = " LMTP Posthorn"
	}
	s.reply(smtp.Say(220, "", string(s.cfg.Hostname)+proto))
	return nil
}

// next reads one command and runs it.
func (s *session) next(ctx context.Context) error {
	l, err := s.readLine()
	if err != nil {
		return err
	}
	return s.command(ctx, l)
}

// readLine reads one command line; a line too long is answered here and is an empty one.
func (s *session) readLine() ([]byte, error) {
	if l := s.pending; l != nil {
		s.pending = nil
		return l, nil
	}
	l, err := s.conn.ReadLine()
	if errors.Is(err, line.ErrTooLong) {
		s.wrong(smtp.Say(500, "5.5.6", "Line too long"))
		return nil, s.enough()
	}
	return l, err
}

// command runs the command of a line.
func (s *session) command(ctx context.Context, l []byte) error {
	if l == nil {
		return nil
	}
	if s.commands++; s.commands > s.cfg.Limits.Commands {
		return s.tooMuch("Too many commands")
	}
	verb, args := smtp.ParseCommand(l)
	if err := commands[verb](s, ctx, args); err != nil {
		return err
	}
	return s.enough()
}

// enough ends a session with too many errors.
func (s *session) enough() error {
	l := &s.cfg.Limits
	switch {
	case s.errors >= l.Errors, s.refusals >= l.Refusals:
		return s.tooMuch("Too many errors")
	case s.logins >= l.Logins:
		return s.tooMuch("Too many failed logins")
	}
	return nil
}

func (s *session) tooMuch(text string) error {
	s.reply(smtp.Say(421, "4.7.0", text))
	return errEnd
}

// farewell says why the session ends, where there is somebody to hear it.
func (s *session) farewell(err error) {
	switch {
	case errors.Is(err, errEnd), errors.Is(err, errQuit), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
	case errors.Is(err, line.ErrEarlyTalker):
		f := mail.Refuse(mail.KindPolicy, "you spoke before the greeting")
		s.refused(obs.StageConnect, mail.Address{}, f)
	case errors.Is(err, line.ErrInterrupted):
		s.reply(smtp.Say(421, "4.3.2", "Shutting down, please come again"))
	case errors.Is(err, line.ErrTimeout), errors.Is(err, line.ErrTooSlow):
		s.reply(smtp.Say(421, "4.4.2", "Timeout, closing connection"))
	case line.IsBareNewline(err):
		s.reply(smtp.Say(500, "5.5.2", sayable(err.Error())))
	case errors.Is(err, line.ErrEndless):
		s.reply(smtp.Say(500, "5.5.6", "Line too long, closing connection"))
	}
	if !errors.Is(err, errEnd) && !errors.Is(err, errQuit) {
		s.cfg.Log.Debug("session ended", "remote", s.remote, "error", err)
	}
}

// reply queues a reply; it is sent when the session waits for input. A failure to send shows there.
func (s *session) reply(r smtp.Reply) {
	s.out = r.Append(s.out[:0])
	_, _ = s.conn.Write(s.out)
}

// wrong replies to a command that is wrong in form or order, and counts it.
func (s *session) wrong(r smtp.Reply) {
	s.errors++
	s.reply(r)
}

func (s *session) badSequence(text string) { s.wrong(smtp.Say(503, "5.5.1", text)) }

// refuse replies to a command that failed with an error, and counts and logs it. To is zero where there is no recipient.
func (s *session) refuse(stage obs.Stage, to mail.Address, err error) {
	f := mail.AsFault(err)
	if f.Kind == mail.KindInternal {
		s.cfg.Log.Error("command failed", "remote", s.remote, "stage", string(stage), "error", err)
	}
	if f.Kind == mail.KindSyntax && stage != obs.StageData {
		s.wrong(faultReply(stage, f))
		return
	}
	s.refusals++
	s.refused(stage, to, f)
}

func (s *session) refused(stage obs.Stage, to mail.Address, f *mail.Fault) {
	r := faultReply(stage, f)
	s.reply(r)
	s.cfg.MailLog.Refused(s.logSession(), obs.Refusal{Stage: stage, From: s.tx.env.From, To: to, Status: r.Status, Fault: f})
}

func (s *session) logSession() obs.Session {
	return obs.Session{Proto: s.cfg.Role.Proto(), Peer: s.remote.Addr(), TLS: s.tlsVersion(), Account: s.id.Login}
}

// reset ends the transaction, if there is one.
func (s *session) reset() {
	if s.tx.t != nil {
		s.tx.t.Reset()
	}
	s.tx = tx{}
}
