package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// rset drops the transaction (RFC 5321 section 4.1.1.5).
func (s *session) rset(_ context.Context, args []byte) error {
	if err := smtp.NoArguments(args); err != nil {
		s.refuse(obs.StageConnect, mail.Address{}, err)
		return nil
	}
	s.reset()
	s.reply(smtp.Say(250, "2.0.0", "Forgotten"))
	return nil
}
