package imapd

import (
	"context"
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// cmdIdle is IDLE (RFC 9051 section 6.3.13): changes are told as they happen, until DONE.
func cmdIdle(ctx context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	if err := s.tellChanges(ctx, tellAll); err != nil {
		return done{}, err
	}
	defer s.hear()()
	// A client has to ask anew in time (RFC 9051 section 6.3.13), however much it is told meanwhile.
	end := s.srv.Clock.Now().Add(s.srv.Limits.Idle)
	defer s.conn.SetLineTimeout(s.srv.Limits.Idle)
	s.w.Continue("idling")
	for !s.over {
		left := end.Sub(s.srv.Clock.Now())
		if left <= 0 {
			return done{}, &lost{line.ErrTimeout}
		}
		s.conn.SetLineTimeout(left)
		if err := s.w.Flush(); err != nil {
			return done{}, &lost{err}
		}
		l, err := s.r.ReadLine()
		if errors.Is(err, line.ErrInterrupted) {
			if s.drain(); s.over {
				break
			}
			if err := s.tellChanges(ctx, tellAll); err != nil {
				return done{}, err
			}
			continue
		}
		if err != nil {
			return done{}, &lost{err}
		}
		if !strings.EqualFold(string(l), "DONE") {
			return done{}, bad("expected DONE")
		}
		return done{}, nil
	}
	return done{sent: true}, nil
}

// hear interrupts the session's waiting whenever the mailbox changes, until the function it returns is called.
func (s *session) hear() (stop func()) {
	if s.sel == nil {
		return func() {}
	}
	changed := s.sel.view.Watch().C()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-changed:
				s.conn.Interrupt()
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}
