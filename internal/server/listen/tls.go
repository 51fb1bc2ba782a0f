package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// RecordLeaf makes a configuration that remembers, for Leaf, which certificate each client was shown. Make it once for a
// service and use it for all connections: session tickets belong to it. New does it for implicit TLS.
func RecordLeaf(cfg *tls.Config) *tls.Config {
	out := cfg.Clone()
	out.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := choose(cfg, hello)
		if rec, ok := hello.Conn.(*leafConn); ok && err == nil && cert != nil && len(cert.Certificate) > 0 {
			rec.leaf = leafOf(cert)
		}
		return cert, err
	}
	out.Certificates, out.NameToCertificate = nil, nil //nolint:staticcheck // NameToCertificate must not choose behind our back
	return out
}

// leafOf is the certificate proper of a chain; who loaded it has it parsed already, as a rule. Nil if it is none.
func leafOf(cert *tls.Certificate) *x509.Certificate {
	if cert.Leaf != nil {
		return cert.Leaf
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil // its handshake fails, or its logins cannot be bound to it
	}
	return leaf
}

// choose picks a certificate as crypto/tls does.
func choose(cfg *tls.Config, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if cfg.GetCertificate != nil {
		if cert, err := cfg.GetCertificate(hello); cert != nil || err != nil {
			return cert, err
		}
	}
	for i := range cfg.Certificates {
		if hello.SupportsCertificate(&cfg.Certificates[i]) == nil {
			return &cfg.Certificates[i], nil
		}
	}
	if len(cfg.Certificates) == 0 {
		return nil, nil // crypto/tls says that there is none
	}
	return &cfg.Certificates[0], nil
}

// leafConn carries the certificate from the handshake's callback to Leaf. Both run in the session's goroutine.
type leafConn struct {
	net.Conn
	leaf *x509.Certificate
}

// NetConn is the connection beneath.
func (l *leafConn) NetConn() net.Conn { return l.Conn }

// Leaf is the certificate that the client was shown, for channel binding (RFC 5929 section 4). Nil in clear text, without
// RecordLeaf, and for a resumed session, where none was shown.
func Leaf(c net.Conn) *x509.Certificate {
	t, ok := c.(*tls.Conn)
	if !ok {
		return nil
	}
	rec, ok := t.NetConn().(*leafConn)
	if !ok {
		return nil
	}
	return rec.leaf
}

// StartTLS turns a connection to TLS, as a server, after the reply that says so has been written to it (it is sent now). It fails
// with line.ErrInjected, before any handshake, if clear text was pipelined behind the command (RFC 3207 section 4.2).
// After a failure the connection must end.
func StartTLS(ctx context.Context, c *line.Conn, cfg *tls.Config, timeout time.Duration) error {
	var t *tls.Conn
	err := c.Upgrade(func(nc net.Conn) net.Conn {
		t = tls.Server(&leafConn{Conn: nc}, cfg)
		return t
	})
	if err != nil {
		return err
	}
	return handshake(ctx, t, timeout)
}

func handshake(ctx context.Context, t *tls.Conn, timeout time.Duration) error {
	// A deadline that was left from reading lines must not cut the handshake.
	if err := t.SetDeadline(time.Time{}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// In a goroutine of its own, as it needs a stack many times that of a connection that waits, and stacks shrink slowly.
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("%w: %v", errPanicked, p)
			}
		}()
		done <- t.HandshakeContext(ctx)
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("shake hands for TLS: %w", err)
	}
	return nil
}

var errPanicked = errors.New("panic")
