package smtpd

import (
	"context"
	"encoding/base64"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

func plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// conversation is a whole session, for talk.
type conversation struct {
	name     string
	role     Role
	implicit implicitTLS
	script   string
	messages int // accepted
}

// conversations are all sessions.
func conversations() []conversation {
	return slices.Concat(envelopeSessions, loginSessions, contentSessions)
}

func TestSessions(t *testing.T) {
	for _, c := range conversations() {
		t.Run(c.name, func(t *testing.T) {
			rec := newRecorder()
			s := startServer(t, config(c.role, rec), c.implicit)
			s.talk(t, c.script)
			s.stop()
			if n := len(rec.messages()); n != c.messages {
				t.Errorf("%d messages were accepted, want %d", n, c.messages)
			}
		})
	}
}

func TestWhatEhloOffers(t *testing.T) {
	for _, c := range []struct {
		name     string
		role     Role
		implicit implicitTLS
		want     string
	}{
		{"MX", MX, false, "PIPELINING|SIZE 100000|8BITMIME|SMTPUTF8|ENHANCEDSTATUSCODES|CHUNKING|BINARYMIME|DSN|STARTTLS|LIMITS RCPTMAX=5|HELP"},
		{"submission in clear text", Submission, false, "PIPELINING|SIZE 100000|8BITMIME|SMTPUTF8|ENHANCEDSTATUSCODES|CHUNKING|BINARYMIME|DSN|" +
			"STARTTLS|LIMITS RCPTMAX=5|FUTURERELEASE 2592000 2026-12-21T12:00:00Z|HELP"},
		{"submission with TLS", Submission, true, "PIPELINING|SIZE 100000|8BITMIME|SMTPUTF8|ENHANCEDSTATUSCODES|CHUNKING|BINARYMIME|DSN|" +
			"AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN|LIMITS RCPTMAX=5|FUTURERELEASE 2592000 2026-12-21T12:00:00Z|REQUIRETLS|HELP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := startServer(t, config(c.role, newRecorder()), c.implicit).dial(t)
			cl.expect("220")
			cl.send("EHLO client.example\r\n")
			var got []string
			for _, l := range strings.Split(strings.TrimSpace(cl.expect("250-")), "\r\n")[1:] {
				got = append(got, l[4:])
			}
			if g := strings.Join(got, "|"); g != c.want {
				t.Errorf("offered\n%s, want\n%s", g, c.want)
			}
		})
	}
}

func TestEnvelopeReachesIntake(t *testing.T) {
	rec := newRecorder()
	s := startServer(t, config(Submission, rec), true)
	s.talk(t, `
		< 220
		> EHLO client.example
		< 250-
		> AUTH PLAIN `+plain("anna@posthorn.test", "secret")+`
		< 235
		> MAIL FROM:<jörg@posthorn.test> SMTPUTF8 BODY=8BITMIME SIZE=500 RET=HDRS ENVID=x+2By HOLDFOR=60 REQUIRETLS
		< 250
		> RCPT TO:<bärbel@sued.example> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;b\x{E4}rbel@sued.example
		< 250
		> DATA
		< 354
		> Subject: ü
		>
		> ..dots
		> ...
		> .
		< 250 2.0.0 Accepted, message id `+mail.FirstID(testNow).String())
	s.stop()
	m := rec.messages()[0]
	from, _ := mail.ParseAddress("jörg@posthorn.test")
	want := mail.Envelope{From: from, Body: mail.Body8Bit, UTF8: true, Size: 500, EnvID: "x+y", Return: mail.ReturnHeaders,
		RequireTLS: true, HoldUntil: testNow.Add(time.Minute)}
	if !reflect.DeepEqual(m.env, want) {
		t.Errorf("envelope\n%+v, want\n%+v", m.env, want)
	}
	to, _ := mail.ParseAddress("bärbel@sued.example")
	wantTo := mail.Recipient{Address: to, OriginalType: "utf-8", Original: "bärbel@sued.example", Notify: mail.NotifySuccess | mail.NotifyDelay}
	if len(m.to) != 1 || m.to[0] != wantTo {
		t.Errorf("recipients %+v", m.to)
	}
	if m.body != "Subject: ü\r\n\r\n.dots\r\n..\r\n" {
		t.Errorf("body %q", m.body)
	}
	src := m.src
	if src.Helo != "client.example" || !src.Extended || src.TLS == nil || src.Account != anna.Account || src.Login != anna.Login ||
		!src.Remote.Addr().IsLoopback() || src.Protocol != "submission" {
		t.Errorf("source %+v", src)
	}
}

func TestBdatContentIsAsSent(t *testing.T) {
	rec := newRecorder()
	s := startServer(t, config(MX, rec), false)
	s.talk(t, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<anna@x.test>\r\nBDAT 5\r\n.\r\n\n\rBDAT 7 LAST\r\n\x00\r\n.\r\nZ"
		< 250-
		< 250
		< 250
		< 250
		< 250 2.0.0 Accepted`)
	s.stop()
	if got, want := rec.messages()[0].body, ".\r\n\n\r\x00\r\n.\r\nZ"; got != want {
		t.Errorf("content %q, want %q", got, want)
	}
}

func TestClientsNameIsLookedUpBeside(t *testing.T) {
	rec := newRecorder()
	cfg := config(MX, rec)
	asked := make(chan netip.Addr, 2)
	cfg.LookUpName = func(ctx context.Context, addr netip.Addr) string {
		asked <- addr
		if addr.Is6() {
			<-ctx.Done() // a name server that does not answer
			return ""
		}
		return "client.example"
	}
	run := func(remote, in string) {
		srv := New(cfg)
		tp := &tape{in: []byte(in), piece: 1000}
		srv.session(t.Context(), line.NewConn(tp, line.Config{}), &listen.Conn{Remote: netip.MustParseAddrPort(remote)})
	}
	run("192.0.2.7:4711", "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n.\r\n")
	run("[2001:db8::1]:4711", "EHLO x\r\nQUIT\r\n")
	run("127.0.0.1:4711", "EHLO x\r\nMAIL FROM:<>\r\n")
	if len(asked) != 2 {
		t.Errorf("asked %d times", len(asked))
	}
	m := rec.messages()
	if len(m) != 2 || m[0].src.ReverseName != "client.example" || m[1].src.ReverseName != "client.example" {
		t.Errorf("messages %+v", m)
	}
}
