package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// cmdNoop is NOOP (RFC 1939 section 5).
func cmdNoop(_ context.Context, s *session, _ []byte) error {
	s.ok(text.POP3Noop)
	return nil
}
