package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
)

func (s *session) maySTLS() bool { return s.tls == nil && s.srv.TLS != nil && s.drop == nil }

// cmdStls is STLS (RFC 2595 section 4).
func cmdStls(ctx context.Context, s *session, _ []byte) error {
	switch {
	case s.tls != nil:
		return s.wrong(text.POP3TLSAlready)
	case s.srv.TLS == nil:
		return s.wrong(text.POP3NoTLS)
	case s.utf8:
		return s.wrong(text.POP3NotNow) // RFC 6856 section 2.1: what was agreed on in clear text must not go on
	}
	s.ok(text.POP3BeginTLS)
	if err := listen.StartTLS(ctx, s.conn, s.srv.TLS, s.srv.Limits.Handshake); err != nil {
		return err
	}
	s.secured()
	return nil
}
