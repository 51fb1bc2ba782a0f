package relay

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
)

const deliver = `
C: MAIL FROM:<anna@us.test>
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
`

func startTLS(inner string) script {
	return script(hello("STARTTLS") + "C: STARTTLS\nS: 220 go\nTLS\nC: EHLO us.test\nS: 250-mx\n" + inner)
}

func TestOpportunisticTLS(t *testing.T) {
	cert, roots := certificate(t, "mx1.x.test")
	for name, tc := range map[string]struct {
		scripts []script
		roots   bool
		policy  string
		tls     bool
	}{
		"verified":                  {[]script{startTLS("S: 250 8BITMIME\n" + deliver)}, true, journey.PolicyVerified, true},
		"not verified":              {[]script{startTLS("S: 250 8BITMIME\n" + deliver)}, false, journey.PolicyUnverified, true},
		"handshake fails, in clear": {[]script{script(hello("STARTTLS") + "C: STARTTLS\nS: 220 go\nGARBAGE"), simple}, true, "", false},
		"refused, in clear":         {[]script{script(hello("STARTTLS") + "C: STARTTLS\nS: 454 not now"), simple}, true, "", false},
		"not offered":               {[]script{simple}, true, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, cert, tc.scripts...)
			b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, func(o *Options, _ *route.Options) {
				if tc.roots {
					o.RootCAs = roots
				}
			})
			b.zone.Remove("mx2.x.test")
			got := b.send(b.message(content), "a@x.test")
			r := got.Results[0]
			if statuses(got) != "ok" || r.Policy != tc.policy || strings.HasPrefix(r.TLS, "TLS 1.3, TLS_") != tc.tls || (r.TLSVersion == tls.VersionTLS13) != tc.tls {
				t.Fatalf("%+v", got)
			}
			var last journey.Event
			for _, e := range got.Events {
				last = e
			}
			if last.Kind != journey.Attempted || last.TLS != r.TLS || last.Reply != "" || last.Address != "192.0.2.1:25" {
				t.Fatalf("%+v", last)
			}
		})
	}
}

func smarthost(via route.Smarthost) func(*Options, *route.Options) {
	return func(_ *Options, ro *route.Options) { ro.Rules = []route.Rule{{Via: via}} }
}

func TestDemandedTLS(t *testing.T) {
	good, roots := certificate(t, "smart.test")
	other, otherRoots := certificate(t, "other.test")
	for name, tc := range map[string]struct {
		sec    route.Security
		script script
		cert   *tls.Certificate
		want   string
	}{
		"STARTTLS":                      {route.StartTLS, startTLS("S: 250 8BITMIME\n" + deliver), good, "ok"},
		"STARTTLS not offered":          {route.StartTLS, script(hello() + "CLOSE"), good, "later unreachable"},
		"STARTTLS with a wrong name":    {route.StartTLS, script(hello("STARTTLS") + "C: STARTTLS\nS: 220 go\nTLS\nCLOSE"), other, "later unreachable"},
		"implicit":                      {route.Implicit, "TLS\n" + simple, good, "ok"},
		"implicit with a wrong name":    {route.Implicit, "TLS\nCLOSE", other, "later unreachable"},
		"clear though TLS were offered": {route.Clear, script(hello("STARTTLS") + deliver), good, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, tc.cert, tc.script)
			b := newBench(t, dialer{"192.0.2.9:25": srv.addr}, func(o *Options, ro *route.Options) {
				o.RootCAs = roots
				if tc.cert == other {
					o.RootCAs = otherRoots
				}
				smarthost(route.Smarthost{Host: "smart.test", Port: 25, Security: tc.sec})(o, ro)
			})
			if got := b.send(b.message(content), "a@x.test"); statuses(got) != tc.want {
				t.Fatalf("%+v", got)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	cert, roots := certificate(t, "smart.test")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	plainAuth := "C: AUTH PLAIN " + b64([]byte("\x00me\x00secret")) + "\n"
	for name, tc := range map[string]struct {
		auth  string
		steps string
		want  string
		reply string
	}{
		"PLAIN": {"PLAIN", plainAuth + "S: 235 welcome\n" + deliver, "ok", ""},
		"LOGIN": {"LOGIN", "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: " + b64([]byte("me")) + "\nS: 334 UGFzc3dvcmQ6\nC: " +
			b64([]byte("secret")) + "\nS: 235 welcome\n" + deliver, "ok", ""},
		"refused":         {"PLAIN", plainAuth + "S: 535 5.7.8 who are you", "later unreachable", "5.7.8 who are you"},
		"nothing offered": {"GSSAPI", "", "later unreachable", "no such mechanism"},
		"nonsense":        {"LOGIN", "C: AUTH LOGIN\nS: 334 ???\nC: *\nS: 501 ok", "later unreachable", "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			sc := "TLS\n" + hello("AUTH "+tc.auth) + tc.steps
			srv := serve(t, cert, script(sc))
			b := newBench(t, dialer{"192.0.2.9:465": srv.addr}, func(o *Options, ro *route.Options) {
				o.RootCAs = roots
				smarthost(route.Smarthost{Host: "smart.test", Security: route.Implicit, Login: "me", PasswordFile: file})(o, ro)
			})
			got := b.send(b.message(content), "a@x.test")
			if statuses(got) != tc.want || !strings.Contains(got.Results[0].Reply, tc.reply) {
				t.Fatalf("%+v", got)
			}
		})
	}
	if _, err := readPassword(file + ".none"); err == nil {
		t.Fatal("a missing password file is no error")
	}
}

func TestLMTP(t *testing.T) {
	srv := serve(t, nil, `
		S: 220 box
		C: LHLO us.test
		S: 250-box
		S: 250-PIPELINING
		S: 250 DSN
		C: MAIL FROM:<anna@us.test>
		C: RCPT TO:<a@x.test>
		C: RCPT TO:<b@x.test>
		C: RCPT TO:<c@y.test>
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 550 5.1.1 no
		S: 250 ok
		S: 354 go
		BODY
		S: 250 2.0.0 stored
		S: 452 4.2.2 full`)
	b := newBench(t, dialer{"192.0.2.9:24": srv.addr}, smarthost(route.Smarthost{Host: "smart.test", Protocol: route.LMTP}))
	got := b.send(b.message(content), "a@x.test", "b@x.test", "c@y.test")
	if statuses(got) != "ok never later" || !got.Results[0].Final {
		t.Fatalf("%+v", got)
	}
}

func TestCancelEndsAnAttempt(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	b := newBench(t, dialer{"192.0.2.1:25": ln.Addr().String()}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		cancel() // while the greeting is waited for
		_, _ = io.Copy(io.Discard, nc)
	}()
	m := b.message(content)
	got := b.relay.Send(ctx, queue.Job{Message: m, Recipients: []mail.Recipient{{Address: mail.Address{Local: "a", Domain: "x.test"}}}})
	if got.Results[0].Status != queue.Deferred {
		t.Fatalf("%+v", got)
	}
}

func TestTimeouts(t *testing.T) {
	for name, sc := range map[string]string{
		"greeting": "WAIT", "EHLO": "S: 220 mx\nC: EHLO\nWAIT", "MAIL": hello() + "C: MAIL\nWAIT",
		"final": hello() + "C: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nWAIT",
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, nil, script("SILENT\n"+strings.ReplaceAll(sc, "WAIT", "C: never")))
			short := 100 * time.Millisecond
			b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, func(o *Options, _ *route.Options) {
				o.Timeouts = Timeouts{Greeting: short, Command: short, Data: short, Final: short}
			})
			got := b.send(b.message(content), "a@x.test")
			if got.Results[0].Status != queue.Deferred {
				t.Fatalf("%+v", got)
			}
		})
	}
}

// TestAnAttemptEnds has a server that says something now and then, and never comes to an end.
func TestAnAttemptEnds(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		for err == nil {
			_, err = io.WriteString(nc, "220-wait\r\n")
			time.Sleep(5 * time.Millisecond)
		}
	}()
	b := newBench(t, dialer{"192.0.2.1:25": ln.Addr().String()}, func(o *Options, _ *route.Options) {
		o.Timeouts.Attempt = 50 * time.Millisecond
	})
	if got := b.send(b.message(content), "a@x.test"); statuses(got) != "later unreachable" || !strings.Contains(got.Results[0].Reply, "took too long") {
		t.Fatalf("%+v", got)
	}
}

// peer is a go-smtp server that keeps what it is given.
type peer struct{ got chan string }

func (p *peer) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return &peerSession{p: p}, nil }

type peerSession struct {
	p    *peer
	head string
}

func (s *peerSession) Mail(from string, o *gosmtp.MailOptions) error {
	s.head = "from " + from + " " + string(o.Body) + "\n"
	return nil
}

func (s *peerSession) Rcpt(to string, o *gosmtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody") {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "nobody here"}
	}
	s.head += "to " + to + "\n"
	for _, n := range o.Notify {
		s.head += "notify " + string(n) + "\n"
	}
	return nil
}

func (s *peerSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.p.got <- s.head + string(b)
	return err
}

func (s *peerSession) Reset()        { s.head = "" }
func (s *peerSession) Logout() error { return nil }

func TestPeerGoSMTP(t *testing.T) {
	p := &peer{got: make(chan string, 10)}
	cert, roots := certificate(t, "mx1.x.test")
	srv := gosmtp.NewServer(p)
	srv.Domain, srv.EnableDSN, srv.EnableSMTPUTF8, srv.EnableBINARYMIME = "mx1.x.test", true, true, true
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	b := newBench(t, dialer{"192.0.2.1:25": ln.Addr().String()}, func(o *Options, _ *route.Options) {
		o.IdleFor, o.RootCAs = time.Hour, roots
	})
	b.zone.Remove("mx2.x.test")
	big := "Subject: große Post\r\n\r\n" + strings.Repeat(".a line that starts with a dot\r\n", 20_000)
	m := b.message(big)
	m.Body = mail.Body8Bit
	for range 3 { // over one connection
		job := queue.Job{Message: m}
		for _, to := range []string{"a@x.test", "nobody@x.test", "ü@x.test"} {
			a, _ := mail.ParseAddress(to)
			job.Recipients = append(job.Recipients, mail.Recipient{Address: a, Notify: mail.NotifyFailure})
		}
		got := b.relay.Send(t.Context(), job)
		if statuses(got) != "ok never ok" || got.Results[0].Policy != journey.PolicyVerified || !got.Results[0].NotifiesSuccess {
			t.Fatalf("%+v", got)
		}
		want := "from anna@us.test 8BITMIME\nto a@x.test\nnotify FAILURE\nto ü@x.test\nnotify FAILURE\n" + big
		if got := <-p.got; got != want {
			t.Fatalf("it came as %d bytes: %.200s", len(got), got)
		}
	}
	b.relay.Close()
	_ = srv.Close()
	t.Log("the peer ended:", <-served)
}

// BenchmarkSend is a 4 KiB message over an open connection to a go-smtp server.
func BenchmarkSend(b *testing.B) {
	p := &peer{got: make(chan string, 1)}
	srv := gosmtp.NewServer(p)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	be := newBench(b, dialer{"192.0.2.1:25": ln.Addr().String()}, func(o *Options, _ *route.Options) {
		o.IdleFor, o.MaxMessages = time.Hour, 1<<30
	})
	m := be.message("Subject: x\r\n\r\n" + strings.Repeat("a line of the usual length, or nearly so\r\n", 100))
	b.ReportAllocs()
	for b.Loop() {
		if got := be.send(m, "a@x.test"); got.Results[0].Status != queue.Delivered {
			b.Fatal(got)
		}
		<-p.got
	}
}

func TestParametersArePassedOn(t *testing.T) {
	cert, roots := certificate(t, "mx1.x.test")
	inner := `S: 250-DSN
S: 250 REQUIRETLS
C: MAIL FROM:<anna@us.test> REQUIRETLS RET=FULL ENVID=e1
S: 250 ok
C: RCPT TO:<a@x.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first+2Blast@x.test
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok`
	srv := serve(t, cert, startTLS(inner))
	b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, func(o *Options, _ *route.Options) { o.RootCAs = roots })
	b.zone.Sign()
	m := b.message(content)
	m.RequireTLS, m.Return, m.EnvID = true, mail.ReturnFull, "e1"
	got := b.relay.Send(t.Context(), queue.Job{Message: m, Recipients: []mail.Recipient{{
		Address: mail.Address{Local: "a", Domain: "x.test"}, Notify: mail.NotifySuccess | mail.NotifyDelay,
		OriginalType: "rfc822", Original: "first+last@x.test",
	}}})
	if statuses(got) != "ok" || !got.Results[0].NotifiesSuccess {
		t.Fatalf("%+v", got)
	}
}

// TestRequiredTLSIsKept sends a message that asks for TLS all the way (RFC 8689) to servers that cannot give it: they must not see it.
func TestRequiredTLSIsKept(t *testing.T) {
	cert, roots := certificate(t, "mx1.x.test")
	const noTLS = "C: QUIT\nS: 221 bye"
	offered := "S: 250 REQUIRETLS\n" + noTLS
	for name, tc := range map[string]struct {
		scripts      []script
		roots, proof bool
		want         string
	}{
		"no TLS":                   {[]script{script(hello("8BITMIME") + noTLS)}, true, true, "never"},
		"TLS that fails":           {[]script{script(hello("STARTTLS") + "C: STARTTLS\nS: 454 not now"), script(hello("STARTTLS") + noTLS)}, true, true, "later"},
		"a certificate of anybody": {[]script{startTLS(offered)}, false, true, "never"},
		"no REQUIRETLS":            {[]script{startTLS("S: 250 8BITMIME\n" + noTLS)}, true, true, "never"},
		"a name without a proof":   {[]script{startTLS(offered)}, true, false, "never"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, cert, tc.scripts...)
			b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, func(o *Options, _ *route.Options) {
				if tc.roots {
					o.RootCAs = roots
				}
			})
			if tc.proof {
				b.zone.Sign()
			}
			m := b.message(content)
			m.RequireTLS = true
			got := b.send(m, "a@x.test")
			status := map[string]string{"never": "5.7.30", "later": "4.7.30"}[tc.want]
			if statuses(got) != tc.want || got.Results[0].Enhanced != status {
				t.Fatalf("%+v", got)
			}
		})
	}
}
