package e2e

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// patience bounds every wait in real time.
const patience = 10 * time.Second

// peer is one client connection of a session.
type peer struct {
	conn    net.Conn
	r       *bufio.Reader
	skipped []string
}

func dialPeer(addr string, implicitTLS *tls.Config) (*peer, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	p := &peer{conn: c, r: bufio.NewReader(c)}
	if implicitTLS != nil {
		return p, p.startTLS(implicitTLS)
	}
	return p, nil
}

func (p *peer) startTLS(cfg *tls.Config) error {
	if p.r.Buffered() > 0 {
		return fmt.Errorf("the server sent %d bytes too many before TLS", p.r.Buffered())
	}
	t := tls.Client(p.conn, cfg)
	_ = t.SetDeadline(time.Now().Add(patience))
	if err := t.Handshake(); err != nil {
		return err
	}
	p.conn, p.r = t, bufio.NewReader(t)
	return nil
}

func (p *peer) send(s string) error {
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := io.WriteString(p.conn, s)
	return err
}

func (p *peer) line() (string, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	s, err := p.r.ReadString('\n')
	if err != nil {
		return s, err
	}
	if !strings.HasSuffix(s, "\r\n") {
		return s, fmt.Errorf("line %q does not end in CRLF", s)
	}
	return s[:len(s)-2], nil
}

// eof wants the end of the connection; a reset counts.
func (p *peer) eof() error {
	s, err := p.line()
	if err == nil {
		return fmt.Errorf("wanted the connection closed, got %q", s)
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return fmt.Errorf("the server did not close the connection")
	}
	return nil
}

// hangUp ends the connection and returns when the server has noticed.
func (p *peer) hangUp() error {
	c, ok := p.conn.(interface{ CloseWrite() error })
	if !ok {
		return p.conn.Close()
	}
	if err := c.CloseWrite(); err != nil {
		return p.conn.Close()
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, p.r)
	return p.conn.Close()
}
