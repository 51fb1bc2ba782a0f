package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// quit ends the session (RFC 5321 section 4.1.1.10).
func (s *session) quit(context.Context, []byte) error {
	s.reply(smtp.Say(221, "2.0.0", string(s.cfg.Hostname)+" says goodbye"))
	return errQuit
}
