package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// expn is refused: who is in a group is its members' business (RFC 5321 section 7.3).
func (s *session) expn(context.Context, []byte) error {
	s.wrong(smtp.Say(502, "5.5.1", "Groups are not told"))
	return nil
}
