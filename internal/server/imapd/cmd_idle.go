package imapd

import (
	"context"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// idling is an IDLE under way.
type idling struct {
	tag  string
	end  time.Time // a client has to ask anew in time (RFC 9051 section 6.3.13), however much it is told meanwhile
	stop func()    // stops hearing of changes
}

// cmdIdle is IDLE (RFC 9051 section 6.3.13): changes are told as they happen, until DONE. It only begins it: thousands of clients
// wait here, and do it where they cost least.
func cmdIdle(ctx context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	if err := s.tellChanges(ctx, tellAll); err != nil || s.over {
		return done{}, err
	}
	s.idling = &idling{tag: c.Tag, end: s.srv.Clock.Now().Add(s.srv.Limits.Idle), stop: s.hear()}
	s.conn.SetLineTimeout(s.srv.Limits.Idle)
	s.w.Continue("idling")
	return done{sent: true}, nil
}

// hear interrupts the session's waiting whenever the mailbox changes, until the function it returns is called.
func (s *session) hear() (stop func()) {
	if s.sel == nil {
		return func() {}
	}
	return s.sel.view.Watch().OnChange(s.conn.Interrupt)
}

func (s *session) stopIdle() {
	if s.idling != nil {
		s.idling.stop()
		s.idling = nil
		s.conn.SetLineTimeout(s.srv.Limits.Idle)
	}
}

// tellIdle tells what has changed.
func (s *session) tellIdle(ctx context.Context) error {
	left := s.idling.end.Sub(s.srv.Clock.Now())
	s.conn.SetLineTimeout(max(left, time.Nanosecond))
	if err := s.tellChanges(ctx, tellAll); err != nil {
		tag := s.idling.tag
		s.stopIdle()
		s.answer(ctx, &imap.Command{Tag: tag, Name: "IDLE"}, done{}, err)
	}
	return s.w.Err()
}

// endIdle answers the IDLE whose last line is c's arguments.
func (s *session) endIdle(ctx context.Context, c *imap.Command) error {
	tag := s.idling.tag
	s.stopIdle()
	var err error
	if !strings.EqualFold(string(c.Args), "DONE") {
		err = bad("expected DONE")
	}
	if told := s.tellChanges(ctx, tellAll); err == nil {
		err = told
	}
	s.answer(ctx, &imap.Command{Tag: tag, Name: "IDLE"}, done{}, err)
	return s.w.Err()
}
