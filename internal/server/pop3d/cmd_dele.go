package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdDele is DELE (RFC 1939 section 5): marks a message; it goes with QUIT.
func cmdDele(_ context.Context, s *session, arg []byte) error {
	n, err := pop3.Number(arg)
	if err != nil {
		return s.wrong(text.POP3BadArgument)
	}
	m, ok := s.drop.message(n)
	if !ok {
		s.err(pop3.NoCode, text.POP3NoSuchMessage)
		return nil
	}
	s.drop.delete(n, m)
	s.ok(text.POP3Deleted, n)
	return nil
}
