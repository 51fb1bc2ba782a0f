package line

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// socketPair is a connection over a socket: the Conn, and the peer's end.
func socketPair(t *testing.T, cfg Config) (*Conn, net.Conn) {
	t.Helper()
	peer, nc := connected(t)
	t.Cleanup(func() { nc.Close() })
	return NewConn(nc, cfg), peer
}

func TestAwait(t *testing.T) {
	c, peer := socketPair(t, Config{Line: time.Minute})
	if _, err := c.ReadLineIfHere(); !errors.Is(err, ErrIdle) {
		t.Fatalf("nothing is here, but: %v", err)
	}
	c.Interrupt()
	if err := c.Await(); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("interrupted, but: %v", err)
	}
	if _, err := c.WriteString("hello\r\n"); err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 7)
		_, _ = io.ReadFull(peer, b) // Await sends what waits
		_, _ = io.WriteString(peer, "one\r\ntwo\r\n")
	}()
	if err := c.Await(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "two"} {
		if l, err := c.ReadLineOrIdle(); string(l) != want || err != nil {
			t.Fatalf("%q, %v", l, err)
		}
	}
	c.SetLineTimeout(time.Millisecond)
	if err := c.Await(); !errors.Is(err, ErrTimeout) {
		t.Fatalf("no time left, but: %v", err)
	}
	c.SetLineTimeout(time.Minute)
	peer.Close()
	if err := c.Await(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadLineOrIdle(); !errors.Is(err, io.EOF) {
		t.Fatalf("the peer is gone, but: %v", err)
	}
}

// TestIdleLooksIntoTLS sends two lines in two records at once: the second waits inside TLS, where the socket does not tell of it.
func TestIdleLooksIntoTLS(t *testing.T) {
	c, peer := socketPair(t, Config{Line: time.Minute})
	cfg := selfSigned(t)
	wires := make(chan error, 1)
	go func() {
		held := &holdWrites{Conn: peer}
		client := tls.Client(held, &tls.Config{InsecureSkipVerify: true})
		err := client.Handshake()
		held.hold = true
		for _, l := range []string{"one\r\n", "two\r\n"} {
			if err == nil {
				_, err = io.WriteString(client, l)
			}
		}
		if err == nil {
			_, err = peer.Write(held.held)
		}
		wires <- err
	}()
	if err := c.Upgrade(func(nc net.Conn) net.Conn { return tls.Server(nc, cfg) }); err != nil {
		t.Fatal(err)
	}
	if l, err := c.ReadLineOrIdle(); string(l) != "one" || err != nil {
		t.Fatalf("%q, %v", l, err)
	}
	if err := <-wires; err != nil {
		t.Fatal(err)
	}
	l, err := c.ReadLineIfHere()
	if errors.Is(err, ErrIdle) { // the second record had not come yet
		if err := c.Await(); err != nil {
			t.Fatal(err)
		}
		l, err = c.ReadLineOrIdle()
	}
	if string(l) != "two" || err != nil {
		t.Fatalf("%q, %v", l, err)
	}
}

// holdWrites gathers what is written once hold is set.
type holdWrites struct {
	net.Conn
	hold bool
	held []byte
}

func (h *holdWrites) Write(p []byte) (int, error) {
	if !h.hold {
		return h.Conn.Write(p)
	}
	h.held = append(h.held, p...)
	return len(p), nil
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"nord.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
