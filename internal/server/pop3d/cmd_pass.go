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
	case !s.mayLogIn():
		return s.wrong(text.POP3TLSFirst)
	case user == "":
		return s.wrong(text.POP3UserFirst)
	case len(arg) == 0 || !utf8.Valid(arg):
		return s.wrong(text.POP3BadArgument)
	}
	id, err := s.login.Plain(ctx, "", user, string(arg))
	if err != nil {
		return s.loginFailed(err)
	}
	s.welcome(ctx, id)
	return nil
}
