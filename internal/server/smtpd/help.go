package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// help names the commands (RFC 5321 section 4.1.1.8).
func (s *session) help(context.Context, []byte) error {
	hello := "HELO EHLO"
	if s.cfg.Role == LMTP {
		hello = "LHLO"
	}
	s.reply(smtp.Reply{Code: 214, Status: "2.0.0", Lines: []string{
		"Posthorn knows these commands:",
		hello + " MAIL RCPT DATA BDAT RSET NOOP QUIT HELP STARTTLS AUTH",
	}})
	return nil
}
