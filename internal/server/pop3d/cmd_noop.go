package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdNoop is NOOP (RFC 1939 section 5).
func cmdNoop(_ context.Context, s *session, arg []byte) error {
	if pop3.Empty(arg) != nil {
		s.wrong(text.POP3BadArgument)
		return nil
	}
	s.ok(text.POP3Noop)
	return nil
}
