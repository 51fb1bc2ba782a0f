package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// cmdUTF8 is UTF8 (RFC 6856 section 2): from now on messages come with the UTF-8 they have in their headers.
func cmdUTF8(_ context.Context, s *session, _ []byte) error {
	s.utf8 = true
	s.ok(text.POP3UTF8)
	return nil
}
