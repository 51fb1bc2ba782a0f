package pop3d

import (
	"context"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// cmdPass is PASS (RFC 1939 section 7). All after the first space is the password.
func cmdPass(ctx context.Context, s *session, arg []byte) error {
	user := s.user
	s.user = ""
	switch {
	case s.tls == nil:
		s.wrong(text.POP3TLSFirst)
		return nil
	case user == "":
		s.wrong(text.POP3UserFirst)
		return nil
	case len(arg) == 0 || !utf8.Valid(arg):
		s.wrong(text.POP3BadArgument)
		return nil
	}
	id, err := s.login.Plain(ctx, "", user, string(arg))
	if err != nil {
		s.loginFailed(err)
		return nil
	}
	s.welcome(ctx, id)
	return nil
}
