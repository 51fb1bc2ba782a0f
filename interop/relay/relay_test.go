package relay_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

const (
	anna, annasPassword   = "anna@nord.test", "anna darf rein"
	bert, bertsPassword   = "bert@sued.test", "bert darf rein"
	kunde, kundesPassword = "kunde@hub.test", "der Kunde des Anbieters"
	zone                  = "nord.test. MX 10 mx.nord.test.\nsued.test. MX 10 mx.sued.test.\nhub.test. MX 10 mx.hub.test.\nexim.test. MX 10 mx.exim.test.\n"
	within                = 20 * time.Second
	subject, body         = "drei Stationen", "Grüße über drei Stationen\r\n.mit Punkt\r\n..und zweien\r\n"
	wrongPassword         = "falsch"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is what the three servers share: an authority, a name server, and folders.
type world struct {
	dir, trust, pair string
	roots            *x509.CertPool
	dns              string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), roots: x509.NewCertPool()}
	now := time.Now()
	authority, err := certs.NewAuthority("interop", now)
	must(t, err)
	w.trust = filepath.Join(w.dir, "ca.pem")
	must(t, os.WriteFile(w.trust, authority.PEM(), 0o600))
	w.roots.AppendCertsFromPEM(authority.PEM())
	pair := certs.Pair{Cert: filepath.Join(w.dir, "cert.pem"), Key: filepath.Join(w.dir, "key.pem")}
	must(t, authority.WritePair(pair, now, "localhost", "127.0.0.1"))
	w.pair = fmt.Sprintf("[tls]\ntrust = %q\n[[tls.certificate]]\ncert = %q\nkey = %q\n", w.trust, pair.Cert, pair.Key)
	z, err := resolve.ParseZone(zone, "")
	must(t, err)
	srv, err := resolve.Serve(z, "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = srv.Close() })
	w.dns = fmt.Sprintf("[dns]\nservers = [%q]\n", srv.Addr())
	return w
}

func (w *world) start(t *testing.T, name string, accounts []node.Account, routes string) *node.Node {
	t.Helper()
	return rig.Start(t, node.Options{
		Hostname: "mx." + name + ".test", Domains: []string{name + ".test"}, Accounts: accounts, Config: w.pair + w.dns + routes,
	})
}

func smarthost(addr, user, passwordFile, tls string) string {
	s := fmt.Sprintf("[[route]]\ndomains = [\"*\"]\nhost = %q\n", addr)
	if user != "" {
		s += fmt.Sprintf("user = %q\npassword_file = %q\n", user, passwordFile)
	}
	if tls != "" {
		s += fmt.Sprintf("tls = %q\n", tls)
	}
	return s
}

// submit sends a message as anna's program would, and returns the id that the server told.
func (w *world) submit(t *testing.T, n *node.Node, to string) string {
	t.Helper()
	c, err := smtp.Dial(n.Addr("submission"))
	must(t, err)
	defer c.Close()
	must(t, c.StartTLS(&tls.Config{ServerName: "localhost", RootCAs: w.roots, MinVersion: tls.VersionTLS12}))
	must(t, c.Auth(smtp.PlainAuth("", anna, annasPassword, "127.0.0.1")))
	must(t, c.Mail(anna))
	must(t, c.Rcpt(to))
	_, err = c.Text.Cmd("DATA")
	must(t, err)
	_, _, err = c.Text.ReadResponse(354)
	must(t, err)
	d := c.Text.DotWriter()
	fmt.Fprintf(d, "From: Anna <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Transfer-Encoding: 8bit\r\n\r\n%s", anna, to, subject, body)
	must(t, d.Close())
	_, words, err := c.Text.ReadResponse(250)
	must(t, err)
	id := regexp.MustCompile(`[0-9a-v]{20}`).FindString(words)
	if id == "" {
		t.Fatalf("no id in %q", words)
	}
	return id
}

// inbox fetches all messages of an account by POP3 over TLS.
func (w *world) inbox(t *testing.T, n *node.Node, login, password string) []string {
	t.Helper()
	nc, err := tls.Dial("tcp", n.Addr("pop3s"), &tls.Config{ServerName: "localhost", RootCAs: w.roots, MinVersion: tls.VersionTLS12})
	must(t, err)
	defer nc.Close()
	p := textproto.NewConn(nc)
	say := func(format string, args ...any) string {
		t.Helper()
		if format != "" {
			must(t, p.PrintfLine(format, args...))
		}
		l, err := p.ReadLine()
		if err != nil || !strings.HasPrefix(l, "+OK") {
			t.Fatalf("POP3 %s: %q %v", format, l, err)
		}
		return l
	}
	say("")
	say("USER %s", login)
	say("PASS %s", password)
	f := strings.Fields(say("STAT"))
	count, err := strconv.Atoi(f[1])
	must(t, err)
	var out []string
	for i := range count {
		say("RETR %d", i+1)
		b, err := p.ReadDotBytes()
		must(t, err)
		out = append(out, strings.ReplaceAll(string(b), "\n", "\r\n"))
	}
	say("QUIT")
	return out
}

// eventually asks until the answer is right, within a bound.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(within); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("it does not happen: %s", what)
		}
	}
}

func cli(t *testing.T, n *node.Node, args ...string) string {
	t.Helper()
	out, err := n.CLI("", args...)
	must(t, err)
	return out
}

func expectIn(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

// received are a message's Received fields, the newest first, unfolded.
func received(t *testing.T, msg string) []string {
	t.Helper()
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(msg))).ReadMIMEHeader()
	must(t, err)
	return h["Received"]
}

// TestThreeHops sends from a company's server through its provider's, which wants a login, to another server: three real
// servers, TLS on each of the ways.
func TestThreeHops(t *testing.T) {
	w := newWorld(t)
	sued := w.start(t, "sued", []node.Account{{Address: bert, Password: bertsPassword}}, "")
	hub := w.start(t, "hub", []node.Account{{Address: kunde, Password: kundesPassword}},
		fmt.Sprintf("[[route]]\ndomains = [\"sued.test\"]\nhost = %q\n", sued.Addr("smtp")))
	// The provider lets its customer use the company's addresses, and takes their mail.
	cli(t, hub, "domain", "add", "nord.test")
	cli(t, hub, "alias", "set", anna, kunde)
	file := filepath.Join(w.dir, "password")
	must(t, os.WriteFile(file, []byte(wrongPassword+"\n"), 0o600))
	nord := w.start(t, "nord", []node.Account{{Address: anna, Password: annasPassword}},
		smarthost(hub.Addr("submission"), kunde, file, ""))

	id := w.submit(t, nord, bert)
	eventually(t, "a wrong password puts the message off", func() bool {
		return strings.Contains(cli(t, nord, "queue", "list"), "5.7.8") || strings.Contains(cli(t, nord, "queue", "list"), "535")
	})
	must(t, os.WriteFile(file, []byte(kundesPassword+"\n"), 0o600))
	cli(t, nord, "queue", "retry", id)
	var msg string
	eventually(t, "the message arrives", func() bool {
		in := w.inbox(t, sued, bert, bertsPassword)
		if len(in) == 1 {
			msg = in[0]
		}
		return len(in) > 0
	})
	if !strings.HasSuffix(msg, "\r\n\r\n"+body) {
		t.Errorf("the body came changed: %q", msg)
	}
	hops := received(t, msg)
	if len(hops) != 3 {
		t.Fatalf("%d Received fields:\n%s", len(hops), msg)
	}
	expectIn(t, "the hop to sued", hops[0], "by mx.sued.test", "SMTPS (TLS 1.3")
	expectIn(t, "the hop to hub", hops[1], "by mx.hub.test", "SMTPSA (TLS 1.3")
	expectIn(t, "the hop to nord", hops[2], "by mx.nord.test", "SMTPSA (TLS 1.3")
	expectIn(t, "nord's story", cli(t, nord, "journey", id), "logged in as "+anna, "certificate verified", "Handed over to 127.0.0.1 for "+bert, "TLS 1.3")
	expectIn(t, "hub's story", cli(t, hub, "journey"), "logged in as "+kunde, "certificate verified", "Handed over to 127.0.0.1 for "+bert)
	expectIn(t, "sued's story", cli(t, sued, "journey"), "Stored for "+bert)
	eventually(t, "the last story tells of the fetch", func() bool {
		return strings.Contains(cli(t, sued, "journey"), "Fetched by "+bert+" over POP3")
	})

	// Nobody of that name: the last server says so, the middle one tells the sender.
	w.submit(t, nord, "nobody@sued.test")
	eventually(t, "the notice arrives at the customer's mailbox", func() bool {
		in := w.inbox(t, hub, kunde, kundesPassword)
		if len(in) > 0 {
			expectIn(t, "the notice", in[0], "nobody@sued.test", "5.1.1", "multipart/report", "Action: failed", "Status: 5.1.1")
		}
		return len(in) > 0
	})
	for _, n := range []*node.Node{nord, hub} {
		if out := cli(t, n, "queue", "list"); strings.Contains(out, "@") {
			t.Errorf("something is left in the queue: %s", out)
		}
	}
}
