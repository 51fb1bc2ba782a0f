// Package imap_test lets real IMAP programs live on Posthorn's own binary.
package imap_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

const (
	login    = "anna@nord.test"
	password = "geheim mit Leerzeichen"
)

// server is a running Posthorn with an account for anna.
type server struct {
	*node.Node
	dir  string // for the files of the programs
	ca   string // the file of the authority
	pool *x509.CertPool
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T) *server {
	t.Helper()
	now := time.Now()
	s := &server{dir: t.TempDir(), pool: x509.NewCertPool()}
	authority, err := certs.NewAuthority("interop", now)
	must(t, err)
	s.ca = filepath.Join(s.dir, "ca.pem")
	must(t, os.WriteFile(s.ca, authority.PEM(), 0o600))
	s.pool.AppendCertsFromPEM(authority.PEM())
	pair := certs.Pair{Cert: filepath.Join(s.dir, "cert.pem"), Key: filepath.Join(s.dir, "key.pem")}
	must(t, authority.WritePair(pair, now, "localhost", "127.0.0.1"))
	s.Node = rig.Start(t, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"},
		Accounts: []node.Account{{Address: login, Password: password}},
		Config:   fmt.Sprintf("[[tls.certificate]]\ncert = %q\nkey = %q\n", pair.Cert, pair.Key),
	})
	return s
}

// host is a listener's name and port as the certificate has it.
func (s *server) host(listener string) (name, port string) {
	addr := s.Addr(listener)
	return "localhost", addr[strings.LastIndexByte(addr, ':')+1:]
}

// client is the other side's view in the tests: what a program left on the server.
func (s *server) client(t *testing.T) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialTLS(s.Addr("imaps"), &imapclient.Options{TLSConfig: &tls.Config{RootCAs: s.pool, ServerName: "localhost"}})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.Login(login, password).Wait())
	return c
}

func messageOf(i int) string {
	return fmt.Sprintf("From: bert@sued.test\r\nTo: %s\r\nSubject: number %d\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\nMessage-ID: <%d@sued.test>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße %d\r\n%s\r\n",
		login, i, i, i, strings.Repeat("line of text\r\n", i%50))
}

// put appends messages of these numbers to a mailbox.
func put(t *testing.T, c *imapclient.Client, box string, numbers ...int) {
	t.Helper()
	var waiting []*imapclient.AppendCommand
	for _, i := range numbers {
		m := messageOf(i)
		ap := c.Append(box, int64(len(m)), nil)
		_, err := io.WriteString(ap, m)
		must(t, err)
		must(t, ap.Close())
		waiting = append(waiting, ap)
	}
	for _, ap := range waiting {
		_, err := ap.Wait()
		must(t, err)
	}
}

// held is what a mailbox holds: flags by Message-ID.
func held(t *testing.T, c *imapclient.Client, box string) map[string]string {
	t.Helper()
	sel, err := c.Select(box, &goimap.SelectOptions{ReadOnly: true}).Wait()
	must(t, err)
	out := map[string]string{}
	if sel.NumMessages == 0 {
		return out
	}
	msgs, err := c.Fetch(goimap.SeqSet{{Start: 1}}, &goimap.FetchOptions{Envelope: true, Flags: true}).Collect()
	must(t, err)
	for _, m := range msgs {
		out["<"+m.Envelope.MessageID+">"] = letters(m.Flags) // go-imap takes the brackets off
	}
	if len(out) != len(msgs) {
		t.Errorf("%s: %d messages, but only %d different ones", box, len(msgs), len(out))
	}
	return out
}

// letters writes flags as a Maildir's file name does.
func letters(flags []goimap.Flag) string {
	var b strings.Builder
	for _, f := range []struct {
		flag   goimap.Flag
		letter string
	}{{goimap.FlagFlagged, "F"}, {goimap.FlagAnswered, "R"}, {goimap.FlagSeen, "S"}, {goimap.FlagDeleted, "T"}} {
		for _, have := range flags {
			if have == f.flag {
				b.WriteString(f.letter)
			}
		}
	}
	return b.String()
}

// run runs a program and gives what it printed.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return out.String()
}
