package imapd

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// cmdExpunge is EXPUNGE (RFC 9051 section 6.4.3).
func cmdExpunge(ctx context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	return s.expunge(ctx, nil)
}

// cmdUIDExpunge is UID EXPUNGE (RFC 9051 section 6.4.9).
func cmdUIDExpunge(ctx context.Context, s *session, c *imap.Command) (done, error) {
	set, err := c.Parser(s.enc).SeqSetOnly()
	if err != nil {
		return done{}, err
	}
	spans, err := s.resolve(set, byUID)
	if err != nil {
		return done{}, err
	}
	return s.expunge(ctx, s.uids(spans))
}

// expunge removes the messages with \Deleted, of only if that is not nil. The EXPUNGE responses follow as changes.
func (s *session) expunge(ctx context.Context, only []mail.UID) (done, error) {
	if err := s.writable(); err != nil {
		return done{}, err
	}
	gone, modSeq, err := s.account.Expunge(ctx, s.sel.view.ID(), only)
	if err != nil {
		return done{}, err
	}
	s.logRemoved(len(gone))
	if !s.condStore || len(gone) == 0 {
		return done{}, nil
	}
	return done{code: fmt.Sprintf("HIGHESTMODSEQ %d", modSeq)}, nil
}
