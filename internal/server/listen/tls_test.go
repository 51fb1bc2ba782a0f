package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// testTLS borrows the certificate of net/http's test server, which is valid for example.com.
func testTLS(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	server = &tls.Config{Certificates: srv.TLS.Certificates}
	client = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return server, client
}

func TestImplicitTLS(t *testing.T) {
	server, client := testTLS(t)
	leaf := make(chan *x509.Certificate, 1)
	addr, stop := start(t, Config{TLS: server}, func(ctx context.Context, c *Conn) {
		leaf <- Leaf(c.Conn)
		echoRemote(ctx, c)
	})
	c := tls.Client(dial(t, addr), client)
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if !c.ConnectionState().PeerCertificates[0].Equal(<-leaf) {
		t.Error("the leaf is not what the client was shown")
	}
	_ = c.Close()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTLSFailureAndTimeout(t *testing.T) {
	server, _ := testTLS(t)
	failed := make(chan error, 2)
	addr, stop := start(t, Config{TLS: server, Handshake: 20 * time.Millisecond,
		OnTLSFailure: func(_ netip.AddrPort, err error) { failed <- err }}, func(context.Context, *Conn) { t.Error("served without TLS") })
	c := dial(t, addr)
	_, _ = io.WriteString(c, "EHLO client.example\r\n")
	_, _ = io.ReadAll(c)
	if err := <-failed; err == nil {
		t.Error("a client without TLS got through")
	}
	dial(t, addr) // and says nothing
	if err := <-failed; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent client: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestStartTLS(t *testing.T) {
	server, client := testTLS(t)
	server = RecordLeaf(server)
	addr, stop := start(t, Config{}, func(ctx context.Context, c *Conn) {
		lc := line.NewConn(c.Conn, line.Config{})
		_, _ = lc.ReadLine()
		_, _ = lc.WriteString("220 go\r\n")
		if err := StartTLS(ctx, lc, server, 10*time.Second); err != nil {
			_, _ = lc.WriteString(err.Error() + "\r\n")
		}
		if lc.TLS() != nil && Leaf(lc.NetConn()) != nil {
			_, _ = lc.WriteString("secret\r\n")
		}
		_ = lc.Flush()
	})
	raw := dial(t, addr)
	_, _ = io.WriteString(raw, "STARTTLS\r\n")
	if b, err := io.ReadAll(io.LimitReader(raw, 8)); string(b) != "220 go\r\n" {
		t.Fatalf("got %q, %v", b, err)
	}
	if l, err := bufio.NewReader(tls.Client(raw, client)).ReadString('\n'); l != "secret\r\n" {
		t.Errorf("under TLS came %q, %v", l, err)
	}
	raw = dial(t, addr)
	_, _ = io.WriteString(raw, "STARTTLS\r\nMAIL FROM:<a@b.example>\r\n")
	if b, _ := io.ReadAll(raw); string(b) != "220 go\r\n"+line.ErrInjected.Error()+"\r\n" {
		t.Errorf("with injected text came %q", b)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestDrainDoesNotWaitForHandshakes: a client that says hello and then nothing does not hold up the end.
func TestDrainDoesNotWaitForHandshakes(t *testing.T) {
	server, client := testTLS(t)
	greeted := make(chan struct{})
	server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		close(greeted)
		return nil, nil //nolint:nilnil // "the configuration itself", by GetConfigForClient's contract
	}
	addr, stop := start(t, Config{TLS: server}, func(context.Context, *Conn) { t.Error("a session began") })
	c := dial(t, addr)
	here, there := net.Pipe()
	go func() { _ = tls.Client(there, client).Handshake() }()
	hello := make([]byte, 4096)
	n, err := here.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(hello[:n]); err != nil {
		t.Fatal(err)
	}
	<-greeted
	if err := stop(); err != nil {
		t.Error(err)
	}
	_ = here.Close()
}
