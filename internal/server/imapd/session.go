package imapd

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// session is one connection. It is used by one goroutine; only conn's Interrupt is called from others.
type session struct {
	srv  *Server
	lc   *listen.Conn
	conn *line.Conn
	r    *imap.Reader
	w    *imap.Writer
	born time.Time

	seen   obs.Session
	closed func() // tells the mail log
	login  *directory.LoginSession
	leave  func() // gives the account's place among its connections back
	unhold func() // stops hearing of the login's end
	// ended says that the login is worth nothing any more; set by others.
	ended atomic.Bool

	account *mailbox.Account // nil before the login
	worker  limit.Key        // whom work is done for
	labour  labour           // of the running command
	sel     *selection       // nil unless a mailbox is selected
	idling  *idling          // nil unless an IDLE is running
	over    bool             // LOGOUT, or an end of ours, has been answered
	// thrownOut says that the end is ours and comes while the client may be sending.
	thrownOut bool
	bad       int // commands outside the grammar in a row
	failed    int // failed logins

	enc       imap.Encoding // UTF8 after ENABLE UTF8=ACCEPT or IMAP4rev2
	rev2      bool
	condStore bool
}

// done is what a command that went well answers with.
type done struct {
	code string // response code, or empty
	text string // empty: "<command> completed"
	sent bool   // the command has written its tagged response itself
}

// refusal is a command that did not go well, in the protocol's own words.
type refusal struct {
	status     imap.Status
	code, text string
}

func (r *refusal) Error() string { return string(r.status) + " [" + r.code + "] " + r.text }

func no(code, text string) error { return &refusal{imap.NO, code, text} }

func bad(text string) error { return &refusal{imap.BAD, "", text} }

// lost is an error of the connection: nothing can be answered any more.
type lost struct{ err error }

func (l *lost) Error() string { return l.err.Error() }
func (l *lost) Unwrap() error { return l.err }

// broken is the connection's error, if it has one: then nothing more need be written.
func (s *session) broken() error {
	if err := s.w.Err(); err != nil {
		return &lost{err}
	}
	if s.ended.Load() {
		return &lost{errEnded}
	}
	return nil
}

// errEnded is that the login the session lives on has ended: its password was changed, or the account switched off.
var errEnded = errors.New("login ended")

// end ends the session from outside, as soon as the response that is being sent is whole.
func (s *session) end() {
	s.ended.Store(true)
	s.conn.Interrupt()
}

// firstLine is how long a client may take for one line before its login.
const firstLine = time.Minute

func (srv *Server) newSession(c *listen.Conn) *session {
	s := &session{srv: srv, lc: c, born: srv.Clock.Now()}
	s.conn = line.NewConn(c.Conn, line.Config{
		MaxLine: srv.Limits.MaxFirstLine, Line: firstLine, Chunk: time.Minute, Write: srv.Limits.Write,
		Grace: 30 * time.Second, MinRate: 512, Pool: &srv.lines,
		// Whatever is sent, the login comes by then: literals of no bytes would make one command last for hours.
		Session: time.Now().Add(srv.Limits.Login),
	})
	s.w = imap.NewWriter(s.conn, srv.buffers)
	// Before the login a literal is a name or a password, and nothing of theirs is read away in mass.
	s.r = imap.NewReader(s.conn, imap.Limits{Literal: 4 << 10, Command: 16 << 10, Discard: 64 << 10}, s.goAhead)
	s.seen = obs.Session{Proto: obs.ProtoIMAP, Peer: c.Remote.Addr(), TLS: s.tlsVersion()}
	s.closed = srv.MailLog.Connected(s.seen)
	return s
}

func (s *session) tlsVersion() uint16 {
	if cs := s.conn.TLS(); cs != nil {
		return cs.Version
	}
	return 0
}

func (s *session) goAhead() error { return s.w.Continue("go ahead").Flush() }

func (s *session) flush() error {
	if err := s.w.Flush(); err != nil {
		return err
	}
	return s.conn.Flush()
}

func (s *session) close() {
	s.stopIdle()
	s.unselect()
	if s.leave != nil {
		s.unhold()
		s.leave()
	}
	s.conn.Release()
	if s.thrownOut {
		_ = s.conn.CloseGently() // so that the client gets to read its BYE while it still sends
	}
	_ = s.conn.Close() // ends TLS in order after STARTTLS, which the listener knows nothing of
	s.closed()
}

// loggedInAs turns the session over to an account.
func (s *session) loggedInAs(ctx context.Context, id mail.AccountID, leave func()) {
	s.leave, s.unhold = leave, s.login.OnEnd(ctx, s.end)
	s.account, s.worker = s.srv.Mailboxes.Account(id), limit.ByName(s.seen.Account)
	s.conn.SetMaxLine(s.srv.Limits.MaxLine)
	s.conn.SetLineTimeout(s.srv.Limits.Idle)
	s.conn.SetEnd(time.Time{})
	s.r.SetLimits(imap.Limits{Discard: s.srv.Limits.MaxMessage})
}

func (s *session) phase() phase {
	switch {
	case s.account == nil:
		return notAuthenticated
	case s.sel == nil:
		return authenticated
	}
	return selected
}

// greet writes the greeting.
func (s *session) greet() {
	s.w.Reply("*", imap.OK, "CAPABILITY "+s.capabilities(), "Posthorn is ready")
}

// run runs commands until the client or we have had enough, or with line.ErrIdle until the client has nothing to say for now. awaited
// is how the waiting since then has ended. The error is the connection's.
func (s *session) run(ctx context.Context, awaited error) error {
	fresh := awaited == nil
	for !s.over {
		if err := s.w.Flush(); err != nil {
			return err
		}
		var c imap.Command
		err := awaited
		awaited = nil
		if err == nil {
			c, err = s.next(fresh)
			fresh = false
		}
		if errors.Is(err, line.ErrIdle) {
			return err
		}
		if s.ended.Load() {
			s.farewell(errEnded)
			return errEnded
		}
		began := s.srv.Clock.Now()
		s.labour = labour{heard: began, written: s.w.Written()}
		if err := s.react(ctx, &c, err); err != nil {
			return err
		}
		if s.srv.Clock.Now().Sub(began) < slowly {
			continue
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
	return nil
}

// slowly is how long a command may take and its answer still wait for those of commands that were sent with it. A later one goes out at once,
// by which it is also seen that the client has left: what it had asked for besides is not worked at any more.
const slowly = 100 * time.Millisecond

// next takes the next command; in IDLE, the line that ends it, as one without a name, for which only a client that was heard of waits
// here.
func (s *session) next(heard bool) (imap.Command, error) {
	if s.idling == nil {
		return s.r.ReadCommand()
	}
	s.conn.SetLineTimeout(max(s.idling.end.Sub(s.srv.Clock.Now()), time.Nanosecond))
	read := s.conn.ReadLineIfHere
	if heard {
		read = s.conn.ReadLineOrIdle
	}
	l, err := read()
	return imap.Command{Tag: s.idling.tag, Args: l}, err
}

// react does what a command, or what came instead of one, asks for. The error is the connection's.
func (s *session) react(ctx context.Context, c *imap.Command, err error) error {
	if errors.Is(err, line.ErrInterrupted) {
		s.drain()
		if s.idling == nil || s.over {
			return nil
		}
		return s.tellIdle(ctx)
	}
	syntax, isSyntax := errors.AsType[*imap.SyntaxError](err)
	if err != nil && !isSyntax {
		s.farewell(err)
		return err
	}
	if s.idling != nil {
		return s.endIdle(ctx, c)
	}
	if s.account == nil && s.srv.Clock.Now().Sub(s.born) > s.srv.Limits.Login {
		s.bye("", "login took too long")
		return nil
	}
	if isSyntax {
		s.badCommand(c.Tag, syntax.Error())
		return nil
	}
	return s.command(ctx, c)
}

// drain ends the session politely if the server wants to stop; any other interruption is a late word of an IDLE.
func (s *session) drain() {
	select {
	case <-s.lc.Draining():
		s.bye("UNAVAILABLE", "server is shutting down")
	default:
	}
}

// farewell says why the connection ends, where the client can still hear it.
func (s *session) farewell(err error) {
	switch {
	case line.IsBareNewline(err):
		s.thrownOut = true
		s.bye("", "lines end with CRLF")
	case errors.Is(err, line.ErrTooLong), errors.Is(err, line.ErrEndless), errors.Is(err, imap.ErrTooMuch):
		s.thrownOut = true
		s.bye("TOOBIG", "command is too long")
	case errors.Is(err, line.ErrTimeout), errors.Is(err, line.ErrTooSlow):
		s.bye("", "idle for too long")
	case errors.Is(err, errEnded):
		s.thrownOut = true
		s.bye("", "the account's password or its right to log in was changed")
	}
}

func (s *session) bye(code, text string) {
	s.w.Reply("*", imap.BYE, code, text)
	s.over = true
}

// badCommand answers what is outside the grammar, and ends the session of a client that sends nothing else.
func (s *session) badCommand(tag, text string) {
	s.w.Reply(tag, imap.BAD, "", text)
	if s.bad++; s.bad >= s.srv.Limits.MaxBad {
		s.thrownOut = true
		s.bye("", "too many commands outside the grammar")
	}
}

// command runs one command and answers it.
func (s *session) command(ctx context.Context, c *imap.Command) error {
	cmd, known := s.srv.commands[c.Name]
	if !known || cmd.in&s.phase() == 0 {
		if c.Message != nil {
			if err := s.r.Refuse(*c.Message); err != nil {
				s.farewell(err)
				return err
			}
		}
		s.badCommand(c.Tag, s.whyNot(c.Name, known))
		return nil
	}
	d, err := cmd.run(ctx, s, c)
	if gone, ok := errors.AsType[*lost](err); ok {
		s.farewell(gone.err)
		return gone.err
	}
	if s.over && err == nil && d.sent {
		return nil
	}
	if syncErr := s.tellChanges(ctx, cmd.tell); err == nil {
		err = syncErr
	}
	s.answer(ctx, c, d, err)
	return s.w.Err()
}

func (s *session) whyNot(name string, known bool) string {
	switch {
	case !known:
		return "unknown command " + name
	case s.account == nil:
		return "log in first"
	case s.sel == nil:
		return "select a mailbox first"
	}
	return "logged in already"
}

// answer writes the tagged response.
func (s *session) answer(ctx context.Context, c *imap.Command, d done, err error) {
	if err == nil {
		s.bad = 0
		if d.sent {
			return
		}
		if d.text == "" {
			d.text = c.Name + " completed"
		}
		s.w.Reply(c.Tag, imap.OK, d.code, d.text)
		return
	}
	if syntax, ok := errors.AsType[*imap.SyntaxError](err); ok {
		s.badCommand(c.Tag, syntax.Error())
		return
	}
	ref, ok := errors.AsType[*refusal](err)
	if !ok {
		ref = s.refusalOf(ctx, c.Name, err)
	}
	if ref.status == imap.BAD {
		s.badCommand(c.Tag, ref.text)
		return
	}
	s.bad = 0
	s.w.Reply(c.Tag, ref.status, ref.code, ref.text)
}

// refusalOf puts a fault into IMAP's words (RFC 9051 section 7.1, RFC 5530, RFC 9208).
func (s *session) refusalOf(ctx context.Context, name string, err error) *refusal {
	f := mail.AsFault(err)
	code := ""
	switch f.Kind {
	case mail.KindInternal:
		code = "SERVERBUG"
		if !errors.Is(err, context.Canceled) {
			s.srv.Log.ErrorContext(ctx, "imap command failed", "command", name, "account", s.seen.Account, "err", err)
		}
	case mail.KindUnavailable, mail.KindDiskFull, mail.KindTooMany:
		code = "UNAVAILABLE"
	case mail.KindLoginLater:
		code = "UNAVAILABLE"
	case mail.KindConflict, mail.KindInUse:
		code = "INUSE"
	case mail.KindOverQuota:
		code = "OVERQUOTA"
	case mail.KindTooLarge:
		code = "TOOBIG"
	case mail.KindLoginFailed:
		code = "AUTHENTICATIONFAILED"
	case mail.KindDisabled:
		code = "AUTHORIZATIONFAILED"
	case mail.KindTLSNeeded:
		code = "PRIVACYREQUIRED"
	case mail.KindNotFound:
		code = "NONEXISTENT"
	case mail.KindExists:
		code = "ALREADYEXISTS"
	case mail.KindNotAllowed:
		code = "CANNOT"
		if errors.Is(err, mailbox.ErrHasChildren) {
			code = "HASCHILDREN"
		}
	case mail.KindLimit:
		code = "LIMIT"
	case mail.KindSyntax, mail.KindUnsupported:
		code = "CANNOT"
	}
	return &refusal{imap.NO, code, f.Public}
}
