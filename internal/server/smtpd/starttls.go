package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// startTLS goes over to TLS and forgets everything said before (RFC 3207).
func (s *session) startTLS(ctx context.Context, args []byte) error {
	if err := smtp.NoArguments(args); err != nil {
		s.refuse(obs.StageConnect, mail.Address{}, err)
		return nil
	}
	switch {
	case s.tls != nil:
		s.badSequence("TLS is active already")
		return nil
	case s.cfg.TLS == nil:
		s.wrong(smtp.Say(502, "5.5.1", "TLS is not offered here"))
		return nil
	case s.tx.chunks:
		s.badSequence("The message has begun already")
		return nil
	case s.conn.Buffered() > 0:
		// Somebody put words in the client's mouth, or the client is broken.
		s.reply(smtp.Say(554, "5.5.1", "Nothing may follow STARTTLS before the handshake"))
		return errEnd
	}
	s.reset()
	s.reply(smtp.Say(220, "2.0.0", "Go on with TLS"))
	if err := listen.StartTLS(ctx, s.conn, s.cfg.TLS, s.cfg.Limits.Handshake); err != nil {
		s.cfg.Log.Info("STARTTLS failed", "remote", s.remote, "error", err)
		return errEnd
	}
	s.secured()
	return nil
}
