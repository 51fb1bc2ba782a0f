package pop3d

import (
	"context"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// cmdUser is USER (RFC 1939 section 7). It says yes to every name, so that it tells nobody which there are.
func cmdUser(_ context.Context, s *session, arg []byte) error {
	if !s.mayLogIn() {
		return s.wrong(text.POP3TLSFirst)
	}
	if len(arg) == 0 || !utf8.Valid(arg) {
		return s.wrong(text.POP3BadArgument)
	}
	s.user = string(arg)
	s.ok(text.POP3SendPassword)
	return nil
}
