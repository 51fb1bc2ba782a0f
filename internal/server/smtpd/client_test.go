package smtpd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	gosasl "github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
	wire "github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

const letter = "From: anna@posthorn.test\r\nSubject: hello\r\n\r\n.a dot\r\nand text\r\n"

func TestGoSMTPClient(t *testing.T) {
	rec := newRecorder()
	s := startServer(t, config(Submission, rec), false)
	_, tlsConfig := testTLS()
	c, err := gosmtp.DialStartTLS(s.addr, tlsConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(gosasl.NewPlainClient("", "anna@posthorn.test", "secret")); err != nil {
		t.Fatal(err)
	}
	err = c.Mail("anna@posthorn.test", &gosmtp.MailOptions{Size: 100, UTF8: true, Return: gosmtp.DSNReturnHeaders, EnvelopeID: "e=1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("bert@b.example", &gosmtp.RcptOptions{Notify: []gosmtp.DSNNotify{gosmtp.DSNNotifyDelayed}}); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, letter); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	m := rec.messages()
	if len(m) != 1 || m[0].body != letter || m[0].env.EnvID != "e=1" || m[0].to[0].Notify != mail.NotifyDelay {
		t.Errorf("got %+v", m)
	}
}

func TestGoSMTPClientLMTP(t *testing.T) {
	rec := newRecorder()
	s := startServer(t, config(LMTP, rec), false)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c := gosmtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.Mail("a@b.example", nil); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"anna@x.test", "late@x.test"} {
		if err := c.Rcpt(to, nil); err != nil {
			t.Fatal(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, letter)
	ok, err := w.CloseWithLMTPResponse()
	failed, isLMTP := errors.AsType[gosmtp.LMTPDataError](err)
	if !isLMTP || len(failed) != 1 || failed["late@x.test"] == nil || failed["late@x.test"].Code != 452 || ok["anna@x.test"] == nil {
		t.Errorf("ok %v, failed %v", ok, err)
	}
}

func TestNetSMTPClient(t *testing.T) {
	rec := newRecorder()
	s := startServer(t, config(Submission, rec), true)
	cl := s.dial(t)
	c, err := smtp.NewClient(cl.conn, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Auth(smtp.PlainAuth("", "anna@posthorn.test", "secret", "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("anna@posthorn.test"); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("bert@b.example"); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, letter)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if m := rec.messages(); len(m) != 1 || m[0].body != letter {
		t.Errorf("got %+v", m)
	}
}

// TestOwnClientSide drives the server with the parts the relay is made of, logged in with a SCRAM bound to the channel.
func TestOwnClientSide(t *testing.T) {
	for name, implicit := range map[string]implicitTLS{"STARTTLS": false, "implicit": true} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder()
			s := startServer(t, config(Submission, rec), implicit)
			cl := s.dial(t)
			if !implicit {
				cl.expect("220")
				cl.send("EHLO c.example\r\nSTARTTLS\r\n")
				cl.expect("250-")
				cl.expect("220")
				cl.startTLS()
			}
			lc := line.NewConn(cl.conn, line.Config{Line: 10 * time.Second})
			answer := func() wire.Reply {
				t.Helper()
				r, err := wire.ReadReply(lc)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			ask := func(command string) wire.Reply {
				_, _ = lc.WriteString(command + "\r\n")
				return answer()
			}
			if implicit {
				answer()
			}
			h := wire.ReadHello(ask("EHLO c.example"))
			scram(t, ask, h.Auth, sasl.ChannelOf(lc.TLS(), lc.TLS().PeerCertificates[0]))
			from, _ := mail.ParseAddress("anna@posthorn.test")
			to, _ := mail.ParseAddress("bert@b.example")
			env, rcpt := mail.Envelope{From: from, Size: int64(len(letter))}, mail.Recipient{Address: to}
			ask(string(wire.AppendMail(nil, &env, h.Ext)))
			ask(string(wire.AppendRcpt(nil, &rcpt, h.Ext)))
			ask("DATA")
			dw := line.NewDotWriter(lc)
			_, _ = io.WriteString(dw, letter)
			if err := dw.Close(); err != nil {
				t.Fatal(err)
			}
			if r := answer(); r.Code != 250 || r.Status != "2.0.0" || !strings.Contains(r.Text(), mail.FirstID(testNow).String()) {
				t.Fatalf("the message got %+v", r)
			}
			if m := rec.messages(); len(m) != 1 || m[0].body != letter || m[0].src.Login != anna.Login {
				t.Errorf("got %+v", m)
			}
		})
	}
}

func scram(t *testing.T, ask func(string) wire.Reply, offered []string, ch sasl.Channel) {
	t.Helper()
	c, err := sasl.NewClient(offered, sasl.Credentials{User: "anna@posthorn.test", Password: "secret"}, ch)
	if err != nil {
		t.Fatal(err)
	}
	mechanism, initial, err := c.Start()
	if err != nil || mechanism != sasl.ScramSHA256Plus {
		t.Fatalf("start: %s, %v", mechanism, err)
	}
	r := ask("AUTH " + mechanism + " " + string(sasl.AppendChallenge(nil, initial)))
	for r.Code == 334 {
		challenge, err := sasl.DecodeResponse([]byte(r.Text()))
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.Next(challenge)
		if err != nil {
			t.Fatal(err)
		}
		r = ask(string(sasl.AppendChallenge(nil, response)))
	}
	if r.Code != 235 {
		t.Fatalf("login: %+v", r)
	}
	if err := c.Finish(); err != nil {
		t.Fatal(err)
	}
}

func TestLeafIsShown(t *testing.T) {
	server, _ := testTLS()
	s := startServer(t, config(MX, newRecorder()), true)
	c := s.dial(t)
	c.expect("220")
	if listen.Leaf(c.conn) != nil {
		t.Error("a client has a leaf")
	}
	if len(server.Certificates) != 1 {
		t.Error("the configuration was changed")
	}
}

func BenchmarkSession(b *testing.B) {
	rec := newRecorder()
	cfg := config(MX, rec)
	cfg.Limits.Session = 1 << 60
	s := startServer(b, cfg, false)
	c := s.dial(b)
	c.expect("220")
	c.send("EHLO c.example\r\n")
	c.expect("250-")
	one := []byte("MAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nDATA\r\n")
	body := append(bytes.Repeat([]byte(strings.Repeat("x", 76)+"\r\n"), 52), ".\r\n"...)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_, _ = c.conn.Write(one)
		for range 3 {
			c.reply()
		}
		_, _ = c.conn.Write(body)
		c.reply()
	}
}
