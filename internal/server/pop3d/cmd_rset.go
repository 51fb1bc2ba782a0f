package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdRset is RSET (RFC 1939 section 5): nothing is marked as deleted any more.
func cmdRset(ctx context.Context, s *session, arg []byte) error {
	if pop3.Empty(arg) != nil {
		s.wrong(text.POP3BadArgument)
		return nil
	}
	if err := s.drop.reset(ctx); err != nil {
		return err
	}
	s.ok(text.POP3Messages, s.drop.messages, s.drop.octets)
	return nil
}
