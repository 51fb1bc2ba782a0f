package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdUTF8 is UTF8 (RFC 6856 section 2): from now on messages come with the UTF-8 they have in their headers.
func cmdUTF8(_ context.Context, s *session, arg []byte) error {
	if pop3.Empty(arg) != nil {
		s.wrong(text.POP3BadArgument)
		return nil
	}
	s.utf8 = true
	s.ok(text.POP3UTF8)
	return nil
}
