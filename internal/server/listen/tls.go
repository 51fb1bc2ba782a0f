package listen

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// StartTLS turns a connection to TLS, as a server, after the reply that says so has been written to it (it is sent now). It fails with
// line.ErrInjected, before any handshake, if clear text was pipelined behind the command (RFC 3207 section 4.2). After
// a failure the connection must end.
func StartTLS(ctx context.Context, c *line.Conn, cfg *tls.Config, timeout time.Duration) error {
	var t *tls.Conn
	err := c.Upgrade(func(nc net.Conn) net.Conn {
		t = tls.Server(nc, cfg)
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
	if err := t.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("shake hands for TLS: %w", err)
	}
	return nil
}
