package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// vrfy tells nothing, in the one way that is neither yes nor no (RFC 5321 section 7.3): who is here is nobody's business.
func (s *session) vrfy(context.Context, []byte) error {
	s.reply(smtp.Say(252, "2.5.0", "Addresses are not told; send the message and see"))
	return nil
}
