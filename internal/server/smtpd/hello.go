package smtpd

import (
	"context"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

func (s *session) helo(_ context.Context, args []byte) error {
	if !s.hello(args, s.cfg.Role != LMTP) {
		return nil
	}
	s.ehloSaid = false
	s.reply(smtp.Say(250, "", string(s.cfg.Hostname)))
	return nil
}

func (s *session) ehlo(_ context.Context, args []byte) error {
	return s.extendedHello(args, s.cfg.Role != LMTP)
}

func (s *session) lhlo(_ context.Context, args []byte) error {
	return s.extendedHello(args, s.cfg.Role == LMTP)
}

func (s *session) extendedHello(args []byte, fits bool) error {
	if !s.hello(args, fits) {
		return nil
	}
	s.ehloSaid = true
	s.reply(s.helloAnswer().Reply("at your service"))
	return nil
}

// hello takes the client's name and ends what went on before (RFC 5321 section 4.1.4). LMTP has LHLO, SMTP has not (RFC 2033
// section 4.1).
func (s *session) hello(args []byte, fits bool) bool {
	if !fits {
		s.wrong(smtp.Say(500, "5.5.1", "That is not a command of this protocol"))
		return false
	}
	name, err := smtp.ParseHello(args)
	if err != nil {
		s.refuse(obs.StageConnect, mail.Address{}, err)
		return false
	}
	s.reset()
	s.heloName = name
	s.ext = s.offered()
	return true
}

// offered is what this client may use now.
func (s *session) offered() smtp.Extensions {
	e := smtp.Pipelining | smtp.Size | smtp.EightBitMIME | smtp.SMTPUTF8 | smtp.EnhancedCodes | smtp.Chunking | smtp.BinaryMIME |
		smtp.DSN | smtp.Limits | smtp.Help
	if s.tls != nil {
		e |= smtp.RequireTLS // RFC 8689 section 2: only within TLS
	} else if s.cfg.TLS != nil {
		e |= smtp.StartTLS
	}
	if s.cfg.Login != nil && !s.loggedIn() && len(sasl.Mechanisms(s.channel)) > 0 {
		e |= smtp.Auth
	}
	if s.cfg.Role == Submission && s.cfg.Limits.Hold > 0 {
		e |= smtp.FutureRelease
	}
	return e
}

func (s *session) helloAnswer() smtp.Hello {
	h := smtp.Hello{
		Name: string(s.cfg.Hostname), Ext: s.ext,
		MaxSize: s.srv.limits.MaxSize, RcptMax: s.srv.limits.MaxRecipients, MailMax: s.cfg.Limits.Messages,
	}
	if h.Ext.Has(smtp.Auth) {
		h.Auth = sasl.Mechanisms(s.channel)
	}
	if h.Ext.Has(smtp.FutureRelease) {
		h.HoldMax = int64(s.cfg.Limits.Hold / time.Second)
		h.HoldLast = s.cfg.Clock.Now().Add(s.cfg.Limits.Hold).UTC().Format(time.RFC3339)
	}
	return h
}
