package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdTop is TOP (RFC 1939 section 7): the header and so many lines of the body.
func cmdTop(ctx context.Context, s *session, arg []byte) error {
	n, lines, err := pop3.NumberAndLines(arg)
	if err != nil {
		return s.wrong(text.POP3BadArgument)
	}
	m, ok := s.drop.message(n)
	if !ok {
		s.err(pop3.NoCode, text.POP3NoSuchMessage)
		return nil
	}
	_, err = s.sendMessage(ctx, n, m, pop3.NewTopWriter(s.conn, lines))
	return err
}
