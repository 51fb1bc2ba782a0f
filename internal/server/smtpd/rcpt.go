package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// rcpt adds a recipient (RFC 5321 section 4.1.1.3).
func (s *session) rcpt(ctx context.Context, args []byte) error {
	switch {
	case s.tx.t == nil:
		s.badSequence("Say MAIL first")
		return nil
	case s.tx.chunks:
		s.badSequence("The message has begun already")
		return nil
	}
	ext := s.ext
	if !s.tx.env.UTF8 {
		ext &^= smtp.SMTPUTF8
	}
	r, err := smtp.ParseRcpt(args, ext, s.cfg.Hostname)
	if err == nil && s.tx.accepted >= s.srv.limits.MaxRecipients {
		// Not a reason to lose patience: the client is to send the rest in another transaction.
		s.reply(faultReply(obs.StageRcpt, mail.Refuse(mail.KindTooManyRecipients, "Too many recipients in one message")))
		return nil
	}
	if err == nil {
		err = s.tx.t.To(ctx, r)
	}
	if err != nil {
		s.refuse(obs.StageRcpt, r.Address, err)
		return nil
	}
	s.tx.accepted++
	s.reply(smtp.Say(250, "2.1.5", "Recipient ok"))
	return nil
}
