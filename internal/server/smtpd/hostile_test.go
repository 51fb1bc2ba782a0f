package smtpd

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// limited is a server with short limits.
func limited(t *testing.T, change func(l *Limits)) *setup {
	t.Helper()
	cfg := config(MX, newRecorder())
	change(&cfg.Limits)
	return startServer(t, cfg, false)
}

const envelope = "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\n"

// content gets a session to where content is due.
func (s *setup) content(t *testing.T, how string) *client {
	t.Helper()
	c := s.dial(t)
	c.expect("220")
	c.send(envelope)
	c.expect("250-")
	c.expect("250")
	c.expect("250")
	c.send(how)
	return c
}

// flood sends the same again and again until the server closes, and gives what the server said last.
func (c *client) flood(piece string, pause time.Duration) string {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if _, err := io.WriteString(c.conn, piece); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
	last := ""
	for {
		l, err := c.r.ReadString('\n')
		if err != nil {
			break
		}
		last = l
	}
	_ = c.conn.Close()
	<-stopped
	return last
}

func TestEarlyTalkerIsRefused(t *testing.T) {
	s := limited(t, func(l *Limits) { l.GreetingPause = time.Minute })
	c := s.dial(t)
	c.send("EHLO me.first.example\r\n")
	c.expect("554 5.7.1")
	c.closed()
}

func TestPatientClientIsGreeted(t *testing.T) {
	s := limited(t, func(l *Limits) { l.GreetingPause = time.Millisecond })
	s.dial(t).expect("220")
}

func TestSilentClient(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Line = 5 * time.Millisecond })
	c := s.dial(t)
	c.expect("220")
	c.expect("421 4.4.2")
	c.closed()
}

func TestDrippingCommand(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Line = 30 * time.Millisecond })
	if last := s.dial(t).flood("x", time.Millisecond); !strings.HasPrefix(last, "421 4.4.2") {
		t.Errorf("the last reply was %q", last)
	}
}

func TestDrippingData(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Grace, l.MinRate = 20*time.Millisecond, 1<<20 })
	c := s.content(t, "DATA\r\n")
	c.expect("354")
	if last := c.flood("x\r\n", time.Millisecond); !strings.HasPrefix(last, "421 4.4.2") {
		t.Errorf("the last reply was %q", last)
	}
	s.stop()
	if len(s.rec.messages()) != 0 || s.rec.dropped != 1 {
		t.Errorf("%d messages, %d dropped", len(s.rec.messages()), s.rec.dropped)
	}
}

func TestDrippingChunk(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Chunk = 5 * time.Millisecond })
	c := s.content(t, "BDAT 1000 LAST\r\nabc")
	c.expect("421 4.4.2")
	c.closed()
}

func TestSessionIsBounded(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Session = 30 * time.Millisecond })
	if last := s.dial(t).flood("NOOP\r\n", time.Millisecond); !strings.HasPrefix(last, "421 4.4.2") {
		t.Errorf("the last reply was %q", last)
	}
}

func TestMillionCommands(t *testing.T) {
	s := limited(t, func(*Limits) {})
	if last := s.dial(t).flood(strings.Repeat("NOOP\r\n", 1000), 0); last != "" && !strings.HasPrefix(last, "421 4.7.0 Too many commands") &&
		!strings.HasPrefix(last, "250") { // replies can be lost when the server closes while much is on its way
		t.Errorf("the last reply was %q", last)
	}
}

func TestCommandsAreCountedBetweenMessages(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Commands = 10 })
	c := s.content(t, "DATA\r\n.\r\n")
	c.expect("354")
	c.expect("250")
	for range 10 {
		c.send("NOOP\r\n")
		c.expect("250")
	}
	c.send("NOOP\r\n")
	c.expect("421 4.7.0")
}

func TestAddressHarvest(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Refusals = 3 })
	c := s.content(t, strings.Repeat("RCPT TO:<nobody@x.test>\r\n", 5))
	for range 3 {
		c.expect("550")
	}
	c.expect("421 4.7.0")
	c.closed()
}

func TestMessagesPerSession(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Messages = 1 })
	c := s.content(t, "DATA\r\n.\r\nMAIL FROM:<a@b.example>\r\n")
	c.expect("354")
	c.expect("250")
	c.expect("421 4.7.0")
	c.closed()
}

func TestMessageTooLarge(t *testing.T) {
	s := limited(t, func(*Limits) {})
	c := s.content(t, "DATA\r\n")
	c.expect("354")
	c.send(strings.Repeat(strings.Repeat("x", 98)+"\r\n", 1100) + ".\r\n")
	c.expect("552 5.3.4")
	c.send("NOOP\r\n")
	c.expect("250")
}

func TestEndlessMessage(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Drain = 1 << 20 })
	c := s.content(t, "DATA\r\n")
	c.expect("354")
	last := c.flood(strings.Repeat(strings.Repeat("x", 98)+"\r\n", 300), 0)
	if last != "" && !strings.HasPrefix(last, "552 5.3.4 Message far too large") {
		t.Errorf("the last reply was %q", last)
	}
	s.stop()
	if n := len(s.rec.messages()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestClientDiesInTheMiddle(t *testing.T) {
	for _, how := range []string{"DATA\r\nhalf a mess", "DATA\r\nall but the end\r\n.", "BDAT 5\r\nabc", "BDAT 3\r\nabcBDAT 3 LAST\r\nde", "BDAT 3\r\nabc"} {
		s := limited(t, func(*Limits) {})
		c := s.content(t, how)
		if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c.r); err != nil {
			t.Fatal(err)
		}
		s.stop()
		if n := len(s.rec.messages()); n != 0 {
			t.Errorf("%q: a message was accepted", how)
		}
	}
}

func TestClientThatDoesNotRead(t *testing.T) {
	s := limited(t, func(l *Limits) { l.Write, l.Commands, l.Errors = 20*time.Millisecond, 1<<30, 1<<30 })
	c := s.dial(t)
	c.expect("220")
	help := strings.Repeat("HELP\r\n", 1000)
	for {
		if _, err := io.WriteString(c.conn, help); err != nil {
			if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
				t.Error("the server never gave up")
			}
			return
		}
	}
}

func TestShutdownEndsIdleSessionsPolitely(t *testing.T) {
	s := limited(t, func(*Limits) {})
	c := s.content(t, "NOOP\r\n")
	c.expect("250")
	s.stop()
	c.expect("421 4.3.2")
	c.closed()
}

func TestShutdownLetsAMessageEnd(t *testing.T) {
	s := limited(t, func(*Limits) {})
	c := s.content(t, "DATA\r\n")
	c.expect("354")
	stopped := make(chan struct{})
	go func() {
		s.stop()
		close(stopped)
	}()
	c.send("Subject: x\r\n")
	// Nobody new gets in any more: that is when the drain has begun.
	for {
		n, err := net.Dial("tcp", s.addr)
		if err != nil {
			break
		}
		_ = n.Close()
	}
	c.send("\r\nlast words\r\n.\r\n")
	c.expect("250 2.0.0 Accepted")
	c.expect("421 4.3.2")
	<-stopped
	if m := s.rec.messages(); len(m) != 1 || m[0].body != "Subject: x\r\n\r\nlast words\r\n" {
		t.Errorf("messages: %+v", m)
	}
}

func TestEveryFaultHasAReply(t *testing.T) {
	for k := mail.KindInternal; k <= mail.KindUnsupported; k++ {
		c, ok := codes[k]
		if !ok {
			if k != mail.KindInUse+1 { // the mark between temporary and permanent
				t.Errorf("kind %d has no reply", k)
			}
			continue
		}
		class := 5
		if k.Temporary() || k == mail.KindTooManyRecipients {
			class = 4
		}
		if c.reply/100 != class || int(c.status[0]-'0') != class {
			t.Errorf("kind %d is said as %d %s", k, c.reply, c.status)
		}
	}
	for stage, m := range byStage {
		for k, c := range m {
			if want := codes[k].reply / 100; c.reply/100 != want && stage != "connect" || c.reply/100 != int(c.status[0]-'0') {
				t.Errorf("%s: kind %d is said as %d %s", stage, k, c.reply, c.status)
			}
		}
	}
}

func TestFaultsSayNothingSecretOrLong(t *testing.T) {
	r := faultReply("rcpt", mail.Refuse(mail.KindPolicy, "sp\x00am\r\n250 ok ü"+strings.Repeat("x", 1000)))
	wire := string(r.Append(nil))
	if len(wire) > 512 || strings.Count(wire, "\n") != 1 || !strings.HasPrefix(wire, "550 5.7.1 sp?am??250 ok ?xxx") {
		t.Errorf("%d bytes: %.60q", len(wire), wire)
	}
}
