package imapd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// always are the capabilities of every phase; afterLogin those that only matter then.
const (
	always     = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE"
	afterLogin = "NAMESPACE UIDPLUS UNSELECT CHILDREN MOVE SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS " +
		"ESEARCH SEARCHRES WITHIN CONDSTORE STATUS=SIZE BINARY UTF8=ACCEPT OBJECTID"
)

// capabilities lists what holds now.
func (s *session) capabilities() string {
	if s.account != nil {
		return fmt.Sprintf("%s %s APPENDLIMIT=%d", always, afterLogin, s.srv.Limits.MaxMessage)
	}
	var b strings.Builder
	b.WriteString(always)
	channel := s.channel()
	if !channel.TLS && s.srv.TLS != nil {
		b.WriteString(" STARTTLS")
	}
	if !channel.MayLogIn() {
		b.WriteString(" LOGINDISABLED")
	}
	for _, m := range sasl.Mechanisms(channel) {
		b.WriteString(" AUTH=" + m)
	}
	return b.String()
}

// cmdCapability is CAPABILITY (RFC 9051 section 6.1.1).
func cmdCapability(_ context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	s.w.Raw("* CAPABILITY ").Raw(s.capabilities()).CRLF()
	return done{}, nil
}

// cmdNoop is NOOP and CHECK (RFC 9051 section 6.1.2, RFC 3501 section 6.4.1): changes are told after every command.
func cmdNoop(_ context.Context, s *session, c *imap.Command) (done, error) {
	return done{}, c.Parser(s.enc).End()
}

// cmdLogout is LOGOUT (RFC 9051 section 6.1.3).
func cmdLogout(_ context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	s.bye("", "good bye")
	s.w.Reply(c.Tag, imap.OK, "", "LOGOUT completed")
	return done{sent: true}, nil
}

// cmdID is ID (RFC 2971). Strangers are not told a version.
func cmdID(ctx context.Context, s *session, c *imap.Command) (done, error) {
	fields, err := c.Parser(s.enc).ID()
	if err != nil {
		return done{}, err
	}
	s.srv.Log.DebugContext(ctx, "imap client", "account", s.seen.Account, "name", fields["name"], "version", fields["version"])
	s.w.Raw(`* ID ("name" "Posthorn"`)
	if s.account != nil && s.srv.Version != "" {
		s.w.Raw(` "version" `).String(s.srv.Version)
	}
	s.w.Raw(")").CRLF()
	return done{}, nil
}

// cmdEnable is ENABLE (RFC 9051 section 6.3.1). What is unknown is passed over.
func cmdEnable(_ context.Context, s *session, c *imap.Command) (done, error) {
	caps, err := c.Parser(s.enc).Enable()
	if err != nil {
		return done{}, err
	}
	var enabled []string
	for _, name := range caps {
		switch name {
		case "IMAP4REV2":
			s.rev2, s.enc = true, imap.UTF8
			enabled = append(enabled, "IMAP4rev2")
		case "UTF8=ACCEPT":
			s.enc = imap.UTF8
			enabled = append(enabled, name)
		case "CONDSTORE":
			s.condStore = true
			enabled = append(enabled, name)
		}
	}
	s.w.Enc = s.enc
	s.w.Raw("* ENABLED")
	for _, name := range enabled {
		s.w.Raw(" ").Raw(name)
	}
	s.w.CRLF()
	return done{}, nil
}

// cmdNamespace is NAMESPACE (RFC 9051 section 6.3.10): everything is personal.
func cmdNamespace(_ context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	s.w.Raw(`* NAMESPACE (("" "/")) NIL NIL`).CRLF()
	return done{}, nil
}

// handshakeTime is how long a client may take to shake hands for TLS.
const handshakeTime = 30 * time.Second

// cmdStartTLS is STARTTLS (RFC 9051 section 6.2.1).
func cmdStartTLS(ctx context.Context, s *session, c *imap.Command) (done, error) {
	if err := c.Parser(s.enc).End(); err != nil {
		return done{}, err
	}
	if s.conn.TLS() != nil {
		return done{}, bad("TLS is on already")
	}
	if s.srv.TLS == nil {
		return done{}, no("CANNOT", "TLS is not available")
	}
	if s.conn.Buffered() > 0 {
		s.bye("", "commands were sent ahead of the TLS handshake")
		return done{sent: true}, nil
	}
	s.w.Reply(c.Tag, imap.OK, "", "begin TLS now")
	if err := s.flush(); err != nil {
		return done{}, &lost{err}
	}
	if err := listen.StartTLS(ctx, s.conn, s.srv.TLS, handshakeTime); err != nil {
		return done{}, &lost{err}
	}
	s.login = nil
	s.seen.TLS = s.tlsVersion()
	return done{sent: true}, nil
}
