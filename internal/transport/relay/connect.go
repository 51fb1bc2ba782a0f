package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// connect makes a connection ready for messages: greeting, EHLO, TLS, EHLO again, login. Errors are *trouble.
func (r *Relay) connect(ctx context.Context, rt route.Route, h route.Host, a netip.AddrPort, sec route.Security) (*session, error) {
	dctx, cancel := context.WithTimeout(ctx, r.o.Timeouts.Connect)
	nc, err := r.o.Dialer.DialContext(dctx, "tcp", a.String())
	cancel()
	if err != nil {
		return nil, broken("connection failed", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	s := &session{key: rt.Key, host: h, addr: a, timeouts: r.o.Timeouts}
	var login *route.Smarthost
	if sh := rt.Smarthost; sh != nil {
		s.lmtp = sh.Protocol == route.LMTP
		if sh.Login != "" {
			login = sh
		}
	}
	under := nc
	if sec == route.Implicit {
		if under, err = r.handshake(ctx, s, nc, demanded); err != nil {
			_ = nc.Close()
			return nil, err
		}
	}
	s.lc = line.NewConn(under, line.Config{MaxLine: sasl.MaxLine, Write: r.o.Timeouts.Block, Pool: &r.pool})
	if err := r.prepare(ctx, s, sec); err != nil {
		s.quitUnless(err)
		return nil, err
	}
	if login != nil {
		if err := s.login(login); err != nil {
			s.quitUnless(err)
			return nil, err
		}
	}
	return s, nil
}

// quitUnless ends a connection that is of no use, politely if the other side still speaks.
func (s *session) quitUnless(err error) {
	if t, ok := errors.AsType[*trouble](err); ok && t.reply.Code != 0 && t.reply.Code != 421 {
		s.quit()
		return
	}
	s.abort()
}

// prepare does what comes before a login.
func (r *Relay) prepare(ctx context.Context, s *session, sec route.Security) error {
	greeting, err := s.reply(s.timeouts.Greeting)
	if err != nil {
		return broken("no greeting", err)
	}
	if greeting.Class() != 2 {
		return refused(greeting)
	}
	if err := s.ehlo(r.o.Hostname); err != nil {
		return err
	}
	offered := s.hello.Ext.Has(smtp.StartTLS)
	switch {
	case sec == route.StartTLS && !offered:
		return &trouble{words: "the server offers no encryption, which is demanded"}
	case sec == route.StartTLS:
		return r.startTLS(ctx, s, demanded)
	case sec == route.Opportunistic && offered:
		return r.startTLS(ctx, s, welcome)
	}
	return nil
}

// ehlo greets, with HELO if the other side knows no EHLO.
func (s *session) ehlo(name string) error {
	verb := "EHLO "
	if s.lmtp {
		verb = "LHLO "
	}
	reply, err := s.command(s.timeouts.Command, verb, name)
	if err != nil {
		return broken("no answer to "+verb[:4], err)
	}
	if reply.Class() == 2 {
		s.hello = smtp.ReadHello(reply)
		return nil
	}
	if s.lmtp || reply.Class() != 5 {
		return refused(reply)
	}
	if reply, err = s.command(s.timeouts.Command, "HELO ", name); err != nil {
		return broken("no answer to HELO", err)
	}
	if reply.Class() != 2 {
		return refused(reply)
	}
	s.hello = smtp.Hello{}
	return nil
}

// strictness is how much TLS matters.
type strictness uint8

const (
	welcome  strictness = iota // any encryption is better than none
	demanded                   // and the certificate must be the host's
)

// startTLS upgrades the connection and greets again (RFC 3207 section 4.2).
func (r *Relay) startTLS(ctx context.Context, s *session, want strictness) error {
	reply, err := s.command(s.timeouts.Command, "STARTTLS")
	if err != nil {
		t := broken("no answer to STARTTLS", err)
		t.handshake = true
		return t
	}
	if reply.Code != 220 {
		t := refused(reply)
		t.handshake = true
		return t
	}
	var failed error
	err = s.lc.Upgrade(func(nc net.Conn) net.Conn {
		tc, err := r.handshake(ctx, s, nc, want)
		if err != nil {
			failed = err
			return nc
		}
		return tc
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		t := broken("STARTTLS", err)
		t.handshake = true
		return t
	}
	return s.ehlo(r.o.Hostname)
}

// handshake starts TLS. Whether the certificate is the host's is always found out, and matters if TLS is demanded.
func (r *Relay) handshake(ctx context.Context, s *session, nc net.Conn, want strictness) (net.Conn, error) {
	verified := errors.New("no certificate")
	conf := &tls.Config{
		ServerName:             s.host.Name,
		MinVersion:             tls.VersionTLS12,
		SessionTicketsDisabled: true, // some servers fail on tickets
		InsecureSkipVerify:     true, // VerifyConnection below does it, and decides
		VerifyConnection: func(cs tls.ConnectionState) error {
			verified = r.verify(s.host.Name, cs)
			if want == demanded {
				return verified
			}
			return nil
		},
	}
	tc := tls.Client(nc, conf)
	// What was read before has left a deadline of its own, as short as a line's buffer is kept: a server that takes a second to shake
	// hands would be taken for one without TLS.
	_ = nc.SetDeadline(time.Now().Add(s.timeouts.TLS)) // a failure means it is closed, and the handshake hears of that
	hctx, cancel := context.WithTimeout(ctx, s.timeouts.TLS)
	defer cancel()
	if err := tc.HandshakeContext(hctx); err != nil {
		t := broken("TLS handshake failed", err)
		t.handshake = true
		return nil, t
	}
	_ = nc.SetDeadline(time.Time{})
	cs := tc.ConnectionState()
	s.tlsWords, s.tlsVersion, s.policy = tlsWords(&cs), cs.Version, journey.PolicyUnverified
	if verified == nil {
		s.policy = journey.PolicyVerified
	}
	return tc, nil
}

// verify checks the certificate against the roots and the host's name.
func (r *Relay) verify(name string, cs tls.ConnectionState) error {
	o := x509.VerifyOptions{
		Roots: r.o.RootCAs, DNSName: name, Intermediates: x509.NewCertPool(), CurrentTime: time.Now(),
	}
	for _, c := range cs.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(o)
	return err
}
