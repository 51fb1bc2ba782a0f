package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

const password = "geheim mit ü"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// authority is a local certificate authority and a certificate for this machine.
type authority struct {
	dir, ca, cert, key string
	pool               *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), pool: x509.NewCertPool()}
	now := time.Now()
	made, err := certs.NewAuthority("interop", now)
	must(t, err)
	a.ca, a.cert, a.key = filepath.Join(a.dir, "ca.pem"), filepath.Join(a.dir, "cert.pem"), filepath.Join(a.dir, "key.pem")
	must(t, os.WriteFile(a.ca, made.PEM(), 0o644))
	must(t, made.WritePair(certs.Pair{Cert: a.cert, Key: a.key}, now, "localhost", "127.0.0.1"))
	a.pool.AppendCertsFromPEM(made.PEM())
	return a
}

// config is the part of a server's configuration that shows the certificate, and believes the authority.
func (a *authority) config() string {
	return fmt.Sprintf("[tls]\ntrust = %q\n[[tls.certificate]]\ncert = %q\nkey = %q\n", a.ca, a.cert, a.key)
}

// server is a running Posthorn.
type server struct {
	*node.Node
	*authority
}

// setting is what a test changes in a configuration.
type setting struct {
	listen string // lines of [listen]
	routes string // [[route]] tables
}

// start runs the server of one organisation, with anna and bert.
func start(t *testing.T, a *authority, domain string, set setting) *server {
	t.Helper()
	return &server{authority: a, Node: rig.Start(t, node.Options{
		Hostname: "mx." + domain, Domains: []string{domain}, Config: set.listen + a.config() + set.routes,
		Accounts: []node.Account{{Address: "anna@" + domain, Password: password}, {Address: "bert@" + domain, Password: password}},
	})}
}

// inbox is every message of an account, by POP3.
func (s *server) inbox(t *testing.T, login string) []string {
	t.Helper()
	nc, err := tls.Dial("tcp", s.Addr("pop3s"), &tls.Config{RootCAs: s.pool, ServerName: "localhost"})
	must(t, err)
	c := textproto.NewConn(nc)
	defer c.Close()
	ask := func(format string, args ...any) string {
		t.Helper()
		if format != "" {
			must(t, c.PrintfLine(format, args...))
		}
		l, err := c.ReadLine()
		must(t, err)
		if !strings.HasPrefix(l, "+OK") {
			t.Fatalf("POP3: %s", l)
		}
		return l
	}
	ask("")
	ask("USER %s", login)
	ask("PASS %s", password)
	var n, size int
	_, err = fmt.Sscanf(ask("STAT"), "+OK %d %d", &n, &size)
	must(t, err)
	var out []string
	for i := range n {
		ask("RETR %d", i+1)
		b, err := io.ReadAll(c.DotReader())
		must(t, err)
		out = append(out, string(b))
	}
	ask("QUIT")
	return out
}

// await waits until an inbox has n messages.
func (s *server) await(t *testing.T, login string, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; {
		got := s.inbox(t, login)
		if len(got) >= n {
			if len(got) > n {
				t.Fatalf("%s has %d messages, not %d", login, len(got), n)
			}
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has %d messages after a minute, not %d", login, len(got), n)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// run runs a program and returns its output.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	out, err := try(t, stdin, name, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}

func try(t *testing.T, stdin, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// wants holds a message to what it must contain.
func wants(t *testing.T, message string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(message, p) {
			t.Errorf("%q is missing in\n%.5000s", p, message)
		}
	}
}
