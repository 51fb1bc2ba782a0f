package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// cmdRset is RSET (RFC 1939 section 5): nothing is marked as deleted any more.
func cmdRset(ctx context.Context, s *session, _ []byte) error {
	if err := s.drop.reset(ctx); err != nil {
		return err
	}
	s.ok(text.POP3Messages, s.drop.messages, s.drop.octets)
	return nil
}
