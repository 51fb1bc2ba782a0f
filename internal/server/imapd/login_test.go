package imapd

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// startTLS turns a peer to TLS.
func (p *peer) startTLS(cfg *tls.Config) {
	p.t.Helper()
	if got := p.ask("s", "STARTTLS"); !strings.HasPrefix(got[0], "s OK") {
		p.t.Fatal(got)
	}
	tc := tls.Client(p.Conn, cfg)
	must(p.t, tc.Handshake())
	p.Conn = tc
	p.r.Reset(tc)
}

func TestStartTLSAndEveryMechanism(t *testing.T) {
	s := start(t, Options{})
	for _, mech := range []string{"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"} {
		t.Run(mech, func(t *testing.T) {
			p := s.dial(t, true)
			p.line()
			p.startTLS(s.tls)
			caps := p.ask("c", "CAPABILITY")[0]
			if !strings.Contains(caps, "AUTH="+mech+" ") && !strings.HasSuffix(caps, "AUTH="+mech) || strings.Contains(caps, "STARTTLS") {
				t.Fatal(caps)
			}
			p.authenticate(mech, password)
			if got := p.ask("n", "NAMESPACE"); !strings.HasPrefix(got[len(got)-1], "n OK") {
				t.Fatal(got)
			}
		})
	}
}

// authenticate runs a SASL exchange with Posthorn's own client of the mechanism.
func (p *peer) authenticate(mech, pass string) {
	p.t.Helper()
	cs := p.Conn.(*tls.Conn).ConnectionState()
	channel := sasl.ChannelOf(&cs, cs.PeerCertificates[0])
	if mech == sasl.ScramSHA256 { // of a client that can bind, the server would take the plain one for a downgrade
		channel.Binding = nil
	}
	cl, err := sasl.NewClient([]string{mech}, sasl.Credentials{User: anna, Password: pass}, channel)
	must(p.t, err)
	name, initial, err := cl.Start()
	must(p.t, err)
	cmd := "AUTHENTICATE " + name
	if initial != nil {
		cmd += " " + base64.StdEncoding.EncodeToString(initial)
	}
	p.send("login " + cmd)
	for {
		l := p.line()
		if strings.HasPrefix(l, "login OK [CAPABILITY IMAP4rev1") {
			must(p.t, cl.Finish())
			return
		}
		rest, ok := strings.CutPrefix(l, "+ ")
		if !ok {
			p.t.Fatal(l)
		}
		challenge, err := base64.StdEncoding.DecodeString(rest)
		must(p.t, err)
		response, err := cl.Next(challenge)
		must(p.t, err)
		p.send(base64.StdEncoding.EncodeToString(response))
	}
}

func TestLoginRefused(t *testing.T) {
	s := start(t, Options{Limits: Limits{MaxFailed: 3}})
	p := s.dial(t, false)
	p.line()
	for _, c := range []struct{ command, answer string }{
		{`AUTHENTICATE NONSENSE`, "a NO [CANNOT]"},
		{`AUTHENTICATE PLAIN !`, "a BAD"},
		{"AUTHENTICATE PLAIN\r\n*", "a BAD login cancelled"},
		{`LOGIN anna@nord.test wrong`, "a NO [AUTHENTICATIONFAILED]"},
		{`LOGIN nobody@nord.test wrong`, "a NO [AUTHENTICATIONFAILED]"},
	} {
		p.send("a " + c.command)
		got := p.until("a ")
		if !strings.HasPrefix(got[len(got)-1], c.answer) {
			t.Errorf("%s: %q, want %q", c.command, got, c.answer)
		}
	}
	p.ended()
}

func TestNothingBeforeTLSCounts(t *testing.T) {
	s := start(t, Options{})
	p := s.dial(t, true)
	p.line()
	p.send("a STARTTLS\r\nb LOGIN " + anna + " x")
	if got := p.until("* BYE", "a OK"); !strings.HasPrefix(got[len(got)-1], "* BYE") {
		t.Error(got)
	}
}

func TestConnectionsOfAnAccountAreBounded(t *testing.T) {
	s := start(t, Options{Limits: Limits{PerAccount: 2}})
	first := s.login(t)
	s.login(t)
	p := s.dial(t, false)
	p.line()
	login := `LOGIN ` + anna + ` "` + password + `"`
	if got := p.ask("a", login); !strings.HasPrefix(got[0], "a NO [LIMIT]") {
		t.Fatal(got)
	}
	first.ask("z", "LOGOUT")
	first.ended()
	for got := []string{""}; !strings.HasPrefix(got[0], "b OK"); { // the server may still be closing
		if got = p.ask("b", login); strings.HasPrefix(got[0], "b BAD") {
			t.Fatal(got)
		}
	}
}

func TestBadCommandsEndTheSession(t *testing.T) {
	s := start(t, Options{Limits: Limits{MaxBad: 3}})
	p := s.login(t)
	p.send("a X\r\nb X\r\nc NOOP\r\nd X\r\ne X\r\nf (")
	got := p.until("* BYE")
	want := []string{"a BAD", "b BAD", "c OK", "d BAD", "e BAD", "f BAD", "* BYE"}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Error(got)
	}
}

func TestLoginTakesTooLong(t *testing.T) {
	s := start(t, Options{Limits: Limits{Login: time.Nanosecond}})
	p := s.dial(t, false)
	p.line()
	if got := p.ask("*", "NOOP"); !strings.HasPrefix(got[0], "* BYE") {
		t.Error(got)
	}
}

func TestStopSaysGoodBye(t *testing.T) {
	s := start(t, Options{})
	idle, waiting := s.login(t), s.login(t)
	idle.ask("a", "SELECT INBOX")
	idle.send("b IDLE")
	idle.line()
	done := make(chan struct{})
	go func() { defer close(done); s.stop() }()
	for _, p := range []*peer{idle, waiting} {
		if l := p.line(); !strings.HasPrefix(l, "* BYE [UNAVAILABLE]") {
			t.Error(l)
		}
	}
	<-done
}

func TestDisabledAccount(t *testing.T) {
	s := start(t, Options{})
	must(t, s.dir.SetStatus(t.Context(), s.account, directory.NoLogin))
	p := s.dial(t, false)
	p.line()
	if got := p.ask("a", `LOGIN `+anna+` "`+password+`"`); !strings.HasPrefix(got[0], "a NO [") {
		t.Error(got)
	}
}

// TestPipelinedAnswersLeaveTogether counts the packets of TLS records a pipelined group is answered with.
func TestPipelinedAnswersLeaveTogether(t *testing.T) {
	s := start(t, Options{})
	counted := &countingConn{}
	nc, err := net.Dial("tcp", s.secure)
	must(t, err)
	counted.Conn = nc
	tc := tls.Client(counted, s.tls)
	must(t, tc.SetDeadline(time.Now().Add(10*time.Second)))
	t.Cleanup(func() { tc.Close() })
	p := s.dial(t, false)
	p.Conn = tc
	p.r = bufio.NewReader(tc)
	p.line()
	p.ask("a", `LOGIN `+anna+` "`+password+`"`)
	before := counted.reads
	p.send(strings.Repeat("n NOOP\r\n", 50) + "o NOOP")
	p.until("o OK")
	if n := counted.reads - before; n > 4 {
		t.Errorf("%d reads for one group", n)
	}
}

type countingConn struct {
	net.Conn
	reads int
}

func (c *countingConn) Read(p []byte) (int, error) {
	c.reads++
	return c.Conn.Read(p)
}

// TestAnEndedLoginEndsItsSessions changes the password while sessions wait, idle, and fetch.
func TestAnEndedLoginEndsItsSessions(t *testing.T) {
	s := start(t, Options{})
	waiting, idle, busy := s.login(t), s.login(t), s.login(t)
	idle.fill(20, 2000)
	idle.ask("s", "SELECT INBOX")
	idle.send("i IDLE")
	if got := idle.line(); !strings.HasPrefix(got, "+ ") {
		t.Fatal(got)
	}
	busy.ask("s", "SELECT INBOX")
	busy.send(strings.Repeat("f FETCH 1:* BODY.PEEK[]\r\n", 100) + "f NOOP") // of which nothing is read yet
	must(t, s.dir.SetPassword(t.Context(), s.account, "another good one"))
	for name, p := range map[string]*peer{"waiting": waiting, "idle": idle} {
		if got := p.line(); !strings.HasPrefix(got, "* BYE ") {
			t.Errorf("%s: %q", name, got)
		}
		if l, err := p.r.ReadString('\n'); err == nil {
			t.Errorf("%s: goes on with %q", name, l)
		}
	}
	answers := 0
	for {
		l, err := busy.r.ReadString('\n')
		if err != nil || answers == 100 {
			break
		}
		if strings.HasPrefix(l, "f ") {
			answers++
		}
	}
	if answers == 100 {
		t.Error("a session that is kept busy goes on")
	}
}
