package pop3d

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

const (
	first  = "Subject: one\r\n\r\nHello\r\n.dot\r\n..two\r\n"
	second = "Subject: two\r\n\r\n1\r\n2\r\n3\r\n"
)

func TestASession(t *testing.T) {
	w := newWorld(t, Options{})
	id1, id2 := w.append(w.anna, first), w.append(w.anna, second)
	c := w.dial(w.secure)
	c.play(`
		S: +OK Posthorn is ready
		C: user Anna@Nord.test
		S: +OK send the password
		C: pass geheim
		S: +OK 2 messages (` + fmt.Sprint(len(first)+len(second)) + ` octets)
		C: STAT
		S: +OK 2 ` + fmt.Sprint(len(first)+len(second)) + `
		C: LIST
		S~ \+OK 2 messages .*
		S: 1 ` + fmt.Sprint(len(first)) + `
		S: 2 ` + fmt.Sprint(len(second)) + `
		S: .
		C: list 2
		S: +OK 2 ` + fmt.Sprint(len(second)) + `
		C: UIDL
		S~ \+OK .*
		S: 1 ` + id1.String() + `
		S: 2 ` + id2.String() + `
		S: .
		C: UIDL 1
		S: +OK 1 ` + id1.String() + `
		C: RETR 1
		S: +OK ` + fmt.Sprint(len(first)) + ` octets
		S: Subject: one
		S: 
		S: Hello
		S: ..dot
		S: ...two
		S: .
		C: TOP 2 1
		S~ \+OK .*
		S: Subject: two
		S: 
		S: 1
		S: .
		C: TOP 2 0
		S~ \+OK .*
		S: Subject: two
		S: 
		S: .
		C: NOOP
		S: +OK done
		C: DELE 1
		S: +OK message 1 deleted
		C: STAT
		S: +OK 1 ` + fmt.Sprint(len(second)) + `
		C: LIST 1
		S: -ERR no such message
		C: RETR 1
		S: -ERR no such message
		C: TOP 1 1
		S: -ERR no such message
		C: DELE 1
		S: -ERR no such message
		C: UIDL
		S~ \+OK .*
		S: 2 ` + id2.String() + `
		S: .
		C: RSET
		S~ \+OK 2 messages .*
		C: DELE 2
		S: +OK message 2 deleted
		C: QUIT
		S: +OK goodbye
		END`)
	if n := w.count(w.anna); n != 1 {
		t.Errorf("%d messages are left", n)
	}
	if log := w.mailLog.String(); !strings.Contains(log, "event=removed") || !strings.Contains(log, "count=1") || strings.Contains(log, "geheim") {
		t.Errorf("mail log:\n%s", log)
	}
	if len(w.fetches) != 1 || w.fetches[0].Email != id1 || w.fetches[0].Account != w.anna.ID || w.fetches[0].TLS == nil {
		t.Errorf("fetches: %+v", w.fetches)
	}
}

func TestNothingIsDeletedWithoutQuit(t *testing.T) {
	w := newWorld(t, Options{})
	w.append(w.anna, first)
	c := w.login("anna")
	c.play("C: DELE 1\nS~ \\+OK .*")
	must(t, c.conn.Close())
	waitFree(w, "anna")
	if n := w.count(w.anna); n != 1 {
		t.Fatalf("%d messages", n)
	}
}

// waitFree logs in as soon as the session before has been noticed to be over.
func waitFree(w *world, user string) *client {
	w.t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		c := w.dial(w.secure)
		c.play("S~ \\+OK .*\nC: USER " + user + "\nS~ \\+OK .*\nC: PASS geheim")
		l := c.line()
		if strings.HasPrefix(l, "+OK") {
			return c
		}
		_ = c.conn.Close()
		if !strings.HasPrefix(l, "-ERR [IN-USE] ") || time.Now().After(end) {
			w.t.Fatal(l)
		}
	}
}

func TestTheMaildropIsOneSessionsAlone(t *testing.T) {
	w := newWorld(t, Options{})
	w.account("bert")
	one := w.login("anna")
	two := w.dial(w.secure)
	two.play(`
		S~ \+OK .*
		C: USER anna
		S~ \+OK .*
		C: PASS geheim
		S: -ERR [IN-USE] another session has this mailbox
		C: USER bert
		S~ \+OK .*
		C: PASS geheim
		S~ \+OK .*
		C: QUIT
		S~ \+OK .*
		END`)
	one.play("C: QUIT\nS~ \\+OK .*\nEND")
	waitFree(w, "anna")
}

func TestTheViewStandsStill(t *testing.T) {
	w := newWorld(t, Options{})
	w.append(w.anna, first)
	w.append(w.anna, second)
	c := w.login("anna")
	w.append(w.anna, second)
	c.play("C: STAT\nS: +OK 2 " + fmt.Sprint(len(first)+len(second)))
	v := w.inbox(w.anna)
	_, _, err := w.boxes.Account(w.anna.ID).ExpungeUIDs(t.Context(), v.ID(), []mail.UID{v.UIDAt(1)})
	must(t, err)
	v.Close()
	c.play(`
		C: STAT
		S: +OK 2 ` + fmt.Sprint(len(first)+len(second)) + `
		C: RETR 1
		S: -ERR the message was removed meanwhile
		C: DELE 1
		S~ \+OK .*
		C: DELE 2
		S~ \+OK .*
		C: QUIT
		S~ \+OK .*
		END`)
	if n := w.count(w.anna); n != 1 {
		t.Errorf("%d messages are left", n)
	}
}

func TestOrderAndArguments(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{MaxBad: 100}})
	w.append(w.anna, first)
	c := w.dial(w.clear)
	c.play(`
		S~ \+OK .*
		C: STAT
		S: -ERR log in first
		C: XYZZY
		S: -ERR unknown command
		C: APOP anna c4c9334bac560ecc979e58001b3e22fb
		S: -ERR unknown command
		C: 
		S: -ERR unknown command
		C: USER anna
		S: -ERR logins need TLS: use STLS first
		C: PASS geheim
		S: -ERR logins need TLS: use STLS first
		C: AUTH PLAIN
		S: -ERR logins need TLS: use STLS first
		C: STLS now
		S: -ERR bad argument
		C: STLS
		S: +OK begin TLS now
		TLS
		C: STLS
		S: -ERR TLS is on already
		C: PASS geheim
		S: -ERR USER comes first
		C: USER
		S: -ERR bad argument
		C: USER anna
		S~ \+OK .*
		C: CAPA
		S~ \+OK .*
		S: TOP
		S: UIDL
		S: RESP-CODES
		S: AUTH-RESP-CODE
		S: PIPELINING
		S: EXPIRE NEVER
		S: UTF8 USER
		S: LANG
		S: IMPLEMENTATION Posthorn
		S: USER
		S: SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN
		S: .
		C: PASS geheim
		S: -ERR USER comes first
		C: USER anna
		S~ \+OK .*
		C: PASS
		S: -ERR bad argument
		C: USER anna
		S~ \+OK .*
		C: PASS geheim
		S~ \+OK 1 .*
		C: USER anna
		S: -ERR not possible now
		C: STLS
		S: -ERR not possible now
		C: UTF8
		S: -ERR not possible now
		C: RETR
		S: -ERR bad argument
		C: RETR 0
		S: -ERR bad argument
		C: RETR 2
		S: -ERR no such message
		C: RETR 99999999999999999999
		S: -ERR bad argument
		C: TOP 1
		S: -ERR bad argument
		C: TOP 1 -1
		S: -ERR bad argument
		C: DELE x
		S: -ERR bad argument
		C: STAT 1
		S: -ERR bad argument
		C: NOOP 1
		S: -ERR bad argument
		C: RSET 1
		S: -ERR bad argument
		C: CAPA x
		S: -ERR bad argument
		C: QUIT 1
		S: -ERR bad argument
		C: LIST 1 2
		S: -ERR bad argument
		C: QUIT
		S: +OK goodbye
		END`)
}

func TestCapabilitiesInClearText(t *testing.T) {
	for _, o := range []Options{{}, {TLS: &tls.Config{}}, {Limits: Limits{LoginDelay: 90 * time.Second}}} {
		w := newWorld(t, o)
		c := w.dial(w.clear)
		c.play("S~ \\+OK .*\nC: CAPA\nS~ \\+OK .*")
		caps := strings.Join(c.multi(), ",")
		if strings.Contains(","+caps+",", ",USER,") || strings.Contains(caps, "SASL") {
			t.Errorf("logins are offered in clear text: %s", caps)
		}
		if got := strings.Contains(caps, "STLS"); got != (o.TLS == nil) {
			t.Errorf("STLS offered: %v", got)
		}
		if got := strings.Contains(caps, "LOGIN-DELAY 90"); got != (o.Limits.LoginDelay > 0) {
			t.Errorf("LOGIN-DELAY offered: %v", got)
		}
		if o.TLS != nil {
			c.play("C: STLS\nS: -ERR TLS is not available here")
		}
	}
}

func TestLanguages(t *testing.T) {
	w := newWorld(t, Options{})
	c := w.dial(w.clear)
	c.play(`
		S~ \+OK .*
		C: LANG
		S: +OK languages follow
		S: en English
		S: de Deutsch
		S: .
		C: LANG fr
		S: -ERR this language is not spoken here
		C: LANG de-AT
		S: +OK de ab jetzt auf Deutsch
		C: XYZZY
		S: -ERR unbekannter Befehl
		C: LANG
		S: +OK Liste der Sprachen
		S: en English
		S: de Deutsch
		S: .
		C: LANG *
		S: +OK en English from now on
		C: LANG en de
		S: -ERR bad argument
		C: UTF8
		S: +OK UTF-8 it is
		C: STLS
		S: -ERR not possible now
		C: QUIT
		S: +OK goodbye
		END`)
}

func TestPipelining(t *testing.T) {
	w := newWorld(t, Options{})
	for range 50 {
		w.append(w.anna, second)
	}
	c := w.login("anna")
	var all strings.Builder
	for i := range 50 {
		fmt.Fprintf(&all, "RETR %d\r\nDELE %d\r\n", i+1, i+1)
	}
	c.send(all.String() + "QUIT\r\n")
	for i := range 50 {
		c.play("S~ \\+OK .*")
		if got := strings.Join(c.multi(), "\r\n") + "\r\n"; got != second {
			t.Fatalf("message %d: %q", i+1, got)
		}
		c.play("S~ \\+OK message .*")
	}
	c.play("S~ \\+OK .*\nEND")
	if n := w.count(w.anna); n != 0 {
		t.Errorf("%d messages are left", n)
	}
	w.stop()
	if len(w.fetches) != 50 {
		t.Errorf("%d fetches", len(w.fetches))
	}
}

func TestAMessageWithWildLineEnds(t *testing.T) {
	w := newWorld(t, Options{})
	w.append(w.anna, "Subject: x\n\na\r.\r\nb\n.\nQUIT\n")
	c := w.login("anna")
	c.play("C: RETR 1\nS~ \\+OK .*")
	if got := strings.Join(c.multi(), "|"); got != "Subject: x||a|..|b|..|QUIT" {
		t.Errorf("%q", got)
	}
	c.play("C: NOOP\nS~ \\+OK .*")
}

func TestALargeMessage(t *testing.T) {
	w := newWorld(t, Options{})
	line := strings.Repeat("0123456789", 7) + "\r\n"
	raw := "Subject: large\r\n\r\n" + strings.Repeat(line, 100_000)
	w.append(w.anna, raw)
	c := w.login("anna")
	c.play("C: TOP 1 1\nS~ \\+OK .*")
	if got := c.multi(); len(got) != 3 {
		t.Errorf("top: %d lines", len(got))
	}
	c.play("C: RETR 1\nS: +OK " + fmt.Sprint(len(raw)) + " octets")
	var b bytes.Buffer
	for _, l := range c.multi() {
		b.WriteString(l + "\r\n")
	}
	if b.String() != raw {
		t.Errorf("%d bytes came, of %d", b.Len(), len(raw))
	}
}

func TestSASL(t *testing.T) {
	w := newWorld(t, Options{})
	plain := base64.StdEncoding.EncodeToString([]byte("\x00anna\x00geheim"))
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, script := range map[string]string{
		"plain with initial response":    "C: AUTH PLAIN " + plain + "\nS~ \\+OK 0 .*",
		"plain with challenge":           "C: auth plain\nS: + \nC: " + plain + "\nS~ \\+OK 0 .*",
		"login":                          "C: AUTH LOGIN\nS: + " + b64("Username:") + "\nC: " + b64("anna") + "\nS: + " + b64("Password:") + "\nC: " + b64("geheim") + "\nS~ \\+OK 0 .*",
		"list of mechanisms":             "C: AUTH\nS~ \\+OK .*\nS: SCRAM-SHA-256-PLUS\nS: SCRAM-SHA-256\nS: PLAIN\nS: LOGIN\nS: .",
		"cancelled":                      "C: AUTH PLAIN\nS: + \nC: *\nS: -ERR login cancelled",
		"wrong password":                 "C: AUTH PLAIN " + b64("\x00anna\x00x") + "\nS: -ERR [AUTH] wrong user name or password",
		"not base64":                     "C: AUTH PLAIN !\nS: -ERR this login cannot be read",
		"not base64 after the challenge": "C: AUTH PLAIN\nS: + \nC: !!\nS: -ERR this login cannot be read",
		"no such mechanism":              "C: AUTH CRAM-MD5\nS: -ERR this mechanism is not available",
		"empty initial response":         "C: AUTH PLAIN =\nS: -ERR this login cannot be read",
		"too many words":                 "C: AUTH PLAIN a b\nS: -ERR bad argument",
		"too long":                       "C: AUTH PLAIN " + strings.Repeat("A", 14000) + "\nS: -ERR line too long",
	} {
		t.Run(name, func(t *testing.T) {
			c := w.dial(w.secure)
			c.t = t
			c.play("S~ \\+OK .*\n" + script)
			_ = c.conn.Close()
			w.t = t
			waitFree(w, "anna").play("C: QUIT\nS~ \\+OK .*\nEND")
		})
	}
}

func TestScramBoundToTheChannel(t *testing.T) {
	w := newWorld(t, Options{})
	for _, start := range []string{"implicit", "STLS"} {
		var c *client
		if start == "STLS" {
			c = w.dial(w.clear)
			c.play("S~ \\+OK .*\nC: STLS\nS~ \\+OK .*\nTLS")
		} else {
			c = w.dial(w.secure)
			c.play("S~ \\+OK .*")
		}
		cs := c.conn.(*tls.Conn).ConnectionState()
		ch := sasl.ChannelOf(&cs, cs.PeerCertificates[0])
		if start == "STLS" {
			ch.Binding.TLSExporter = nil // so that the certificate is what binds
		}
		cl, err := sasl.NewClient([]string{sasl.ScramSHA256Plus}, sasl.Credentials{User: "anna", Password: "geheim"}, ch)
		must(t, err)
		name, initial, err := cl.Start()
		must(t, err)
		c.send("AUTH " + name + " " + string(sasl.AppendChallenge(nil, initial)) + "\r\n")
		for {
			l := c.line()
			challenge, more := strings.CutPrefix(l, "+ ")
			if !more {
				if !strings.HasPrefix(l, "+OK ") {
					t.Fatal(l)
				}
				break
			}
			in, err := sasl.DecodeResponse([]byte(challenge))
			must(t, err)
			out, err := cl.Next(in)
			must(t, err)
			c.send(string(sasl.AppendChallenge(nil, out)) + "\r\n")
		}
		must(t, cl.Finish())
		c.play("C: STAT\nS: +OK 0 0\nC: QUIT\nS~ \\+OK .*\nEND")
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{MaxBad: 3, MaxFailed: 2}})
	w.dial(w.clear).play("S~ \\+OK .*\nC: A\nS~ -ERR .*\nC: B\nS~ -ERR .*\nC: C\nS~ -ERR unknown.*\nS: -ERR too many errors, goodbye\nEND")
	w.dial(w.secure).play(`
		S~ \+OK .*
		C: USER anna
		S~ \+OK .*
		C: PASS x
		S: -ERR [AUTH] wrong user name or password
		C: USER nobody
		S~ \+OK .*
		C: PASS x
		S: -ERR [AUTH] wrong user name or password
		S: -ERR too many failed logins, goodbye
		END`)
	long := w.dial(w.clear)
	long.play("S~ \\+OK .*\nC: " + strings.Repeat("x", maxAuthLine+1) + "\nS: -ERR line too long\nC: QUIT\nS~ \\+OK .*\nEND")
	bare := w.dial(w.clear)
	bare.play("S~ \\+OK .*")
	bare.send("QUIT\n")
	bare.play("S: -ERR lines end with CRLF\nEND")
	after := w.login("anna")
	after.play("C: RETR " + strings.Repeat("0", 2000) + "1\nS: -ERR line too long\nC: QUIT\nS~ \\+OK .*\nEND")
}

// TestLastWordsReachWhoSendsOn: a client that has sent much more by the time it is thrown out still reads why.
func TestLastWordsReachWhoSendsOn(t *testing.T) {
	w := newWorld(t, Options{})
	c := w.dial(w.clear)
	c.send(strings.Repeat("X\r\n", 500_000))
	got, err := io.ReadAll(c.r)
	if lines := strings.Split(strings.TrimSpace(string(got)), "\r\n"); err != nil || lines[len(lines)-1] != "-ERR too many errors, goodbye" {
		t.Errorf("%q, %v", lines[len(lines)-1], err)
	}
}

func TestLockedOut(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{MaxFailed: 100}})
	c := w.dial(w.secure)
	c.play("S~ \\+OK .*")
	for range 8 {
		c.play("C: USER bert\nS~ \\+OK .*\nC: PASS x\nS~ -ERR \\[AUTH\\] .*")
	}
	c.play("C: USER bert\nS~ \\+OK .*\nC: PASS x\nS~ -ERR \\[SYS/TEMP\\] no login possible now, .*")
}

func TestLoginDelay(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{LoginDelay: time.Minute}})
	w.login("anna").play("C: QUIT\nS~ \\+OK .*\nEND")
	try := "S~ \\+OK .*\nC: USER anna\nS~ \\+OK .*\nC: PASS geheim\n"
	w.dial(w.secure).play(try + "S~ -ERR \\[LOGIN-DELAY\\] .*")
	w.clock.Advance(time.Minute)
	w.dial(w.secure).play(try + "S~ \\+OK .*")
}

func TestTimeouts(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{Login: 50 * time.Millisecond, Idle: 60 * time.Millisecond}})
	w.dial(w.clear).play("S~ \\+OK .*\nS: -ERR timeout, goodbye\nEND")
	c := newWorld(t, Options{Limits: Limits{Idle: 60 * time.Millisecond}}).login("anna")
	c.play("S: -ERR timeout, goodbye\nEND")
}

func TestTheServerStops(t *testing.T) {
	w := newWorld(t, Options{})
	w.append(w.anna, first)
	c := w.login("anna")
	c.play("C: DELE 1\nS~ \\+OK .*")
	w.stop()
	c.play("S: -ERR [SYS/TEMP] the server is shutting down, please come again\nEND")
	if n := w.count(w.anna); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestInjectedClearText(t *testing.T) {
	w := newWorld(t, Options{})
	c := w.dial(w.clear)
	c.play("S~ \\+OK .*")
	c.send("STLS\r\nUSER anna\r\n")
	if rest, _ := io.ReadAll(c.r); strings.Contains(string(rest), "password") {
		t.Errorf("a command sent in clear text was obeyed: %q", rest)
	}
}

func TestAClientThatTakesNothing(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{Write: 100 * time.Millisecond}})
	w.append(w.anna, "Subject: large\r\n\r\n"+strings.Repeat(strings.Repeat("x", 98)+"\r\n", 200_000))
	c := w.login("anna")
	c.send("RETR 1\r\n")
	// Nothing is read. The server gives up, and the maildrop is free again.
	waitFree(w, "anna")
}

func TestAnEndedLoginEndsItsSession(t *testing.T) {
	w := newWorld(t, Options{})
	w.append(w.anna, "Subject: one\r\n\r\nHello\r\n")
	c := w.login("anna")
	c.play("C: DELE 1\nS~ \\+OK.*")
	must(t, w.dir.SetStatus(t.Context(), w.anna.ID, directory.Disabled))
	c.play("S~ -ERR \\[AUTH\\] .*\nEND")
	if n := w.count(w.anna); n != 1 {
		t.Fatalf("%d messages after a session without QUIT", n)
	}
}
