package smtp_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/interop/peers"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

// trustLoopback makes a server take mail to anywhere from this machine, so that programs without a login can send.
const trustLoopback = "trusted = [\"127.0.0.0/8\"]\n"

// startPostfix runs a Postfix that is the last stop for carl@sued.test and speaks SMTP always with TLS; extra settings win.
func startPostfix(t *testing.T, a *authority, extra map[string]string) *peers.Postfix {
	t.Helper()
	rig.Need(t, "postfix", "postfix")
	dir, err := os.MkdirTemp("", "posthorn-postfix-") // t.TempDir's path is closed to the postfix user
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	mail := filepath.Join(dir, "mail")
	must(t, os.MkdirAll(mail, 0o755))
	must(t, os.Chown(mail, 65534, 65534))
	for _, f := range []string{a.ca, a.cert, a.key} {
		b, err := os.ReadFile(f)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o644))
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	port, err := peers.FreePort()
	must(t, err)
	main := map[string]string{
		"virtual_mailbox_domains": "sued.test", "virtual_mailbox_base": mail, "virtual_mailbox_maps": "inline:{carl@sued.test=carl/}",
		"virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534", "virtual_minimum_uid": "1",
		"virtual_mailbox_limit": "0", "message_size_limit": "50000000", "mailbox_size_limit": "0", "smtputf8_enable": "yes",
		"smtpd_tls_security_level": "encrypt", "smtpd_tls_cert_file": in("cert.pem"), "smtpd_tls_key_file": in("key.pem"),
		"smtpd_tls_received_header": "yes", "smtp_tls_security_level": "verify", "smtp_tls_CAfile": in("ca.pem"),
		"smtp_tls_verify_cert_match": "hostname", "smtp_tls_loglevel": "1", "smtpd_tls_loglevel": "1", "notify_classes": "",
	}
	maps.Copy(main, extra)
	p, err := peers.StartPostfix(dir, peers.PostfixOptions{Hostname: "mx.sued.test", Port: port, Main: main})
	if errors.Is(err, peers.ErrCannotInstall) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix' log:\n%s", p.Log())
		}
		p.Stop()
	})
	return p
}

// carl waits for n messages in carl's folder.
func carl(t *testing.T, p *peers.Postfix, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; {
		files, err := filepath.Glob(filepath.Join(p.Dir, "mail", "carl", "new", "*"))
		must(t, err)
		if len(files) >= n {
			var out []string
			for _, f := range files {
				b, err := os.ReadFile(f)
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				must(t, err)
				out = append(out, string(b))
			}
			if len(out) > n {
				t.Fatalf("carl has %d messages, not %d", len(out), n)
			}
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("carl has %d messages after a minute, not %d", len(files), n)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// letters are bodies that are hard on the way.
var letters = []string{
	"Hello\n.\n..\n.dot\n",
	"Grüße aus dem Norden\n",
	strings.Repeat("0123456789", 90) + "\n",
	strings.Repeat(strings.Repeat("0123456789", 7)+"\n", 40_000),
}

func letterTo(to, subject, body string) string {
	return "From: Anna <anna@nord.test>\nTo: " + to + "\nSubject: " + subject + "\nDate: Sun, 1 Mar 2026 12:00:00 +0000\n" +
		"Message-ID: <" + subject + "@nord.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" +
		"Content-Transfer-Encoding: 8bit\n\n" + body
}

// submit sends letters as anna by a server's submission port.
func (s *server) submit(t *testing.T, to string, letters ...string) {
	t.Helper()
	swaks := rig.Need(t, "swaks", "swaks")
	for i, body := range letters {
		run(t, letterTo(to, fmt.Sprintf("letter-%d", i), body), swaks, "--server", "localhost", "--port", strconv.Itoa(s.Ports["submissions"]),
			"--tls-on-connect", "--auth", "PLAIN", "--auth-user", "anna@nord.test", "--auth-password", password, "--hide-informational", "--hide-send",
			"--from", "anna@nord.test", "--to", to, "--data", "-")
	}
}

// bodiesArrived holds that each letter's body is in exactly one message.
func bodiesArrived(t *testing.T, got []string, letters []string) {
	t.Helper()
	for _, l := range letters {
		n := 0
		for _, m := range got {
			if _, body, _ := strings.Cut(strings.ReplaceAll(m, "\r\n", "\n"), "\n\n"); strings.TrimRight(body, "\n") == strings.TrimRight(l, "\n") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%.40q arrived %d times", l, n)
		}
	}
}

// by hands everything that is not for carl to a server.
func by(s *server) map[string]string {
	return map[string]string{"relayhost": fmt.Sprintf("[localhost]:%d", s.Ports["smtp"])}
}

func TestPostfixRelaysIn(t *testing.T) {
	swaks := rig.Need(t, "swaks", "swaks")
	a := newAuthority(t)
	s := start(t, a, "nord.test", setting{})
	p := startPostfix(t, a, by(s))
	for i, body := range letters {
		run(t, letterTo("bert@nord.test", fmt.Sprintf("letter-%d", i), body), swaks, "--server", p.Addr, "--tls", "--hide-informational", "--hide-send",
			"--from", "carl@sued.test", "--to", "bert@nord.test", "--data", "-")
	}
	got := s.await(t, "bert@nord.test", len(letters))
	bodiesArrived(t, got, letters)
	for _, m := range got {
		wants(t, m, "by mx.nord.test", "with ESMTPS", "TLS 1.3", "by mx.sued.test (Postfix)", "Return-Path: <carl@sued.test>")
	}
	wants(t, p.Log(), "Verified TLS connection established to localhost", "status=sent (250 2.0.0 Accepted, message id ")
}

func TestPostfixReturnsWhatWeRefuse(t *testing.T) {
	swaks := rig.Need(t, "swaks", "swaks")
	a := newAuthority(t)
	p := startPostfix(t, a, by(start(t, a, "nord.test", setting{})))
	run(t, letterTo("nobody@nord.test", "lost", "where are you?\n"), swaks, "--server", p.Addr, "--tls", "--hide-informational", "--hide-send",
		"--from", "carl@sued.test", "--to", "nobody@nord.test", "--data", "-")
	wants(t, carl(t, p, 1)[0], "Undelivered Mail Returned to Sender", "550 5.1.1", "Status: 5.1.1", "where are you?")
}

func routeTo(p *peers.Postfix) setting {
	return setting{routes: fmt.Sprintf("[[route]]\ndomains = [\"sued.test\"]\nhost = %q\ntls = \"require\"\n", p.Addr)}
}

func TestPostfixTakesWhatWeSend(t *testing.T) {
	a := newAuthority(t)
	p := startPostfix(t, a, nil)
	s := start(t, a, "nord.test", routeTo(p))
	s.submit(t, "carl@sued.test", letters...)
	got := carl(t, p, len(letters))
	bodiesArrived(t, got, letters)
	for _, m := range got {
		wants(t, m, "from mx.nord.test", "using TLSv1.3", "by mx.sued.test (Postfix) with ESMTPS", "by mx.nord.test", "with ESMTPSA")
	}
}

func TestNoticeForWhomPostfixDoesNotKnow(t *testing.T) {
	a := newAuthority(t)
	p := startPostfix(t, a, nil)
	s := start(t, a, "nord.test", routeTo(p))
	s.submit(t, "nobody@sued.test", "who are you?\n")
	notice := s.await(t, "anna@nord.test", 1)[0]
	wants(t, notice, "multipart/report", "message/delivery-status", "Action: failed", "Status: 5.1.1", "nobody@sued.test", "550 5.1.1",
		"who are you?", "Return-Path: <>")
}

// TestThreeHops sends by a first server that knows one way out: a provider, with a login; which knows Postfix.
func TestThreeHops(t *testing.T) {
	a := newAuthority(t)
	p := startPostfix(t, a, nil)
	provider := start(t, a, "nord.test", routeTo(p))
	secret := filepath.Join(a.dir, "provider-password")
	must(t, os.WriteFile(secret, []byte(password+"\n"), 0o600))
	for _, way := range []struct{ tls, listener string }{{"require", "submission"}, {"implicit", "submissions"}} {
		first := start(t, a, "nord.test", setting{routes: fmt.Sprintf("[[route]]\ndomains = [\"*\"]\nhost = \"127.0.0.1:%d\"\ntls = %q\n"+
			"user = \"anna@nord.test\"\npassword_file = %q\n", provider.Ports[way.listener], way.tls, secret)})
		first.submit(t, "carl@sued.test", "three hops by "+way.listener+"\n")
	}
	got := carl(t, p, 2)
	bodiesArrived(t, got, []string{"three hops by submission\n", "three hops by submissions\n"})
	for _, m := range got {
		if n := strings.Count(m, "with ESMTPSA"); n != 2 {
			t.Errorf("%d of the hops had a login, want 2:\n%s", n, m)
		}
	}
}

// TestPostfixDeliversByLMTP has Postfix in front and the mailboxes behind it.
func TestPostfixDeliversByLMTP(t *testing.T) {
	swaks := rig.Need(t, "swaks", "swaks")
	a := newAuthority(t)
	s := start(t, a, "nord.test", setting{})
	p := startPostfix(t, a, map[string]string{
		"relay_domains": "nord.test", "relay_transport": "lmtp:inet:" + s.Addr("lmtp"), "lmtp_destination_recipient_limit": "10",
	})
	run(t, letterTo("bert@nord.test", "by-lmtp", letters[0]), swaks, "--server", p.Addr, "--tls", "--hide-informational", "--hide-send",
		"--from", "carl@sued.test", "--to", "anna@nord.test,nobody@nord.test,bert@nord.test", "--data", "-")
	for _, who := range []string{"anna@nord.test", "bert@nord.test"} {
		got := s.await(t, who, 1)
		bodiesArrived(t, got, letters[:1])
		wants(t, got[0], "with LMTP", "by mx.sued.test (Postfix)")
	}
	wants(t, carl(t, p, 1)[0], "Undelivered Mail", "nobody@nord.test", "550 5.1.1")
}
