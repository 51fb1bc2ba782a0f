package pop3d

import (
	"errors"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// fail responds to a command that something of ours failed for, and logs what.
func (s *session) fail(doing string, err error) {
	f := mail.AsFault(err)
	if f.Kind == mail.KindNotFound {
		s.err(pop3.NoCode, text.POP3Gone)
		return
	}
	if f.Err != nil {
		s.srv.Log.Error("pop3 command failed", "peer", s.remote.String(), "account", s.id.Login, "doing", doing, "err", err)
	}
	code := pop3.SysPerm
	if f.Kind.Temporary() {
		code = pop3.SysTemp
	}
	s.err(code, text.POP3Failed)
}

// loginFailed responds to a login that was not one, counts it, and says whether the session goes on.
func (s *session) loginFailed(err error) error {
	f := mail.AsFault(err)
	switch {
	case errors.Is(err, sasl.ErrCancelled):
		s.err(pop3.NoCode, text.POP3Cancelled)
	case errors.Is(err, sasl.ErrMechanism):
		s.err(pop3.NoCode, text.POP3NoMechanism)
	case errors.Is(err, sasl.ErrSyntax), errors.Is(err, sasl.ErrTooLong), errors.Is(err, sasl.ErrOver):
		return s.wrong(text.POP3BadResponse)
	case f.Kind == mail.KindLoginFailed:
		s.failed++
		s.err(pop3.AuthFailed, text.POP3WrongLogin)
	case f.Kind == mail.KindLoginLater:
		if f.Err != nil {
			s.srv.Log.Error("login could not be checked", "peer", s.remote.String(), "err", err)
		}
		s.failed++
		s.err(pop3.SysTemp, text.POP3LoginLater)
	default:
		s.fail("log in", err)
	}
	return s.enough()
}
