package imapd

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// cmdSelect is SELECT (RFC 9051 section 6.3.2).
func cmdSelect(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.open(ctx, c, false)
}

// cmdExamine is EXAMINE (RFC 9051 section 6.3.3).
func cmdExamine(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.open(ctx, c, true)
}

func (s *session) open(ctx context.Context, c *imap.Command, readOnly bool) (done, error) {
	args, err := c.Parser(s.enc).Select()
	if err != nil {
		return done{}, err
	}
	if s.sel != nil {
		s.unselect()
		s.w.Reply("*", imap.OK, "CLOSED", "the mailbox before is closed")
	}
	mb, err := s.account.ByPath(ctx, args.Mailbox)
	if err != nil {
		return done{}, err
	}
	view, err := s.account.Open(ctx, mb.ID)
	if err != nil {
		return done{}, err
	}
	s.sel = &selection{view: view, path: mb.Path, readOnly: readOnly}
	s.condStore = s.condStore || args.CondStore
	if err := s.describe(ctx); err != nil {
		s.unselect()
		return done{}, err
	}
	d := done{code: "READ-WRITE"}
	if readOnly {
		d.code = "READ-ONLY"
	}
	return d, nil
}

// describe writes what the client must know of the mailbox just selected.
func (s *session) describe(ctx context.Context) error {
	view := s.sel.view
	mb, err := view.Mailbox(ctx)
	if err != nil {
		return err
	}
	// The numbers of mb may be ahead of the view, and a client must not believe it has seen what it has not.
	if _, err := view.Sync(ctx, mailbox.SyncAll); err != nil {
		return err
	}
	if err := s.writeFlagNames(ctx); err != nil {
		return err
	}
	s.w.Untagged(uint32(view.Len()), "EXISTS").CRLF()
	if !s.rev2 {
		s.w.Raw("* 0 RECENT").CRLF()
		if first := view.FirstUnseen(); first > 0 {
			s.w.Reply("*", imap.OK, fmt.Sprintf("UNSEEN %d", first), "first unseen message")
		}
	}
	s.w.Reply("*", imap.OK, fmt.Sprintf("UIDVALIDITY %d", mb.UIDValidity), "UIDs are valid")
	s.w.Reply("*", imap.OK, fmt.Sprintf("UIDNEXT %d", mb.UIDNext), "the next UID")
	s.w.Reply("*", imap.OK, fmt.Sprintf("HIGHESTMODSEQ %d", max(mb.HighestModSeq, 1)), "the last change")
	s.w.Reply("*", imap.OK, fmt.Sprintf("MAILBOXID (%s)", mb.ID), "the mailbox's id")
	if s.rev2 {
		s.w.Raw(`* LIST () "/" `).Mailbox(mb.Path).CRLF()
	}
	return nil
}

// cmdClose is CLOSE (RFC 9051 section 6.4.1): it expunges without a word.
func cmdClose(ctx context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	if !s.sel.readOnly {
		gone, _, err := s.account.Expunge(ctx, s.sel.view.ID(), nil)
		if err != nil {
			return done{}, err
		}
		s.logRemoved(len(gone))
	}
	s.unselect()
	return done{}, nil
}

// cmdUnselect is UNSELECT (RFC 9051 section 6.4.2).
func cmdUnselect(_ context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	s.unselect()
	return done{}, nil
}

func (s *session) logRemoved(n int) {
	if n > 0 {
		s.srv.MailLog.Removed(s.seen, n)
	}
}
