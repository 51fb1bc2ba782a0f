package imapd

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// cmdCopy is COPY (RFC 9051 section 6.4.7).
func cmdCopy(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.copy(ctx, c, bySeq)
}

// cmdUIDCopy is UID COPY.
func cmdUIDCopy(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.copy(ctx, c, byUID)
}

// cmdMove is MOVE (RFC 9051 section 6.4.8).
func cmdMove(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.move(ctx, c, bySeq)
}

// cmdUIDMove is UID MOVE.
func cmdUIDMove(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.move(ctx, c, byUID)
}

func (s *session) copy(ctx context.Context, c *imap.Command, n numbering) (done, error) {
	uids, to, err := s.copyArgs(ctx, c, n)
	if err != nil || len(uids) == 0 {
		return done{}, err
	}
	got, err := s.account.Copy(ctx, s.sel.view.ID(), uids, to)
	if err != nil {
		return done{}, tryCreate(err)
	}
	return done{code: copyUID(got)}, nil
}

// move tells where the messages went before their EXPUNGEs follow as changes (RFC 6851 section 4.3).
func (s *session) move(ctx context.Context, c *imap.Command, n numbering) (done, error) {
	if err := s.writable(); err != nil {
		return done{}, err
	}
	uids, to, err := s.copyArgs(ctx, c, n)
	if err != nil || len(uids) == 0 {
		return done{}, err
	}
	got, err := s.account.Move(ctx, s.sel.view.ID(), uids, to)
	if err != nil {
		return done{}, tryCreate(err)
	}
	if code := copyUID(got); code != "" {
		s.w.Reply("*", imap.OK, code, "moved")
	}
	return done{}, nil
}

func (s *session) copyArgs(ctx context.Context, c *imap.Command, n numbering) ([]mail.UID, mail.MailboxID, error) {
	set, name, err := c.Parser(s.enc).CopyMove()
	if err != nil {
		return nil, mail.MailboxID{}, err
	}
	spans, err := s.resolve(set, n)
	if err != nil {
		return nil, mail.MailboxID{}, err
	}
	mb, err := s.account.ByPath(ctx, name)
	if err != nil {
		return nil, mail.MailboxID{}, tryCreate(err)
	}
	return s.uids(spans), mb.ID, nil
}

// copyUID is the response code of RFC 4315. Both sets are written in the order of the copies, which is ascending.
func copyUID(got mailbox.Copied) string {
	if len(got.Src) == 0 {
		return ""
	}
	return fmt.Sprintf("COPYUID %d %s %s", got.UIDValidity, setOf(got.Src), setOf(got.Dst))
}
