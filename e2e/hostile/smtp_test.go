package hostile

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// prepare makes the aliases and mail that attacks need.
func (v *victim) prepare(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{
		{"alias", "set", "a@" + domain, "b@" + domain}, {"alias", "set", "b@" + domain, "c@" + domain}, {"alias", "set", "c@" + domain, "a@" + domain},
		{"alias", "set", "all@" + domain, "evil@" + domain, "honest@" + domain, "a@" + domain},
		{"account", "change", "poor@" + domain, "--quota", "1MiB"},
	} {
		if _, err := v.CLI("", args...); err != nil {
			t.Logf("prepare: %v", err) // a circle may be refused at once
		}
	}
	for _, to := range []string{"honest", "evil"} {
		if got := v.send(t, to, "Subject: first\r\n\r\nhello\r\n"); !strings.HasPrefix(got, "250") {
			t.Fatalf("first message: %q", got)
		}
	}
}

// send sends one message and gives the reply to its content.
func (v *victim) send(t *testing.T, to, content string) string {
	t.Helper()
	c, err := v.smtp()
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() { _ = c.Close() }()
	if got := c.envelope(to); !strings.HasPrefix(got, "354") {
		return got
	}
	go c.say(content + "\r\n.\r\n")
	return c.reply()
}

// slowData sends messages a byte at a time, and then goes away in the middle.
func slowData(t *testing.T, v *victim) {
	open := v.many(t, size(500, 5000))
	crowd(len(open), func(i int) { open[i].envelope("evil") })
	for k := range 5 {
		for _, c := range open {
			c.say("Subject: slow\r\n\r\n"[k : k+1])
		}
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // slowness is the attack
	}
}

func endlessLines(t *testing.T, v *victim) {
	piece := strings.Repeat("A", 64<<10)
	crowd(20, func(i int) {
		listener := []string{"smtp", "imap", "pop3", "submission"}[i%4]
		conn, err := v.stranger(listener)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		c := talk(conn)
		c.line()
		go func() {
			for range size(64, 1024) {
				c.say(piece)
			}
		}()
		if got := c.line(); got == "" && listener == "smtp" {
			t.Errorf("%s said nothing to an endless line", listener)
		}
		c.rest()
	})
}

func endlessHeaders(t *testing.T, v *victim) {
	for name, content := range map[string]string{
		"a million fields": strings.Repeat("X: y\r\n", 1_000_000),
		"a long field":     "Subject: " + strings.Repeat("a", 10<<20) + "\r\n\r\n",
		"a folded field":   "To: x\r\n" + strings.Repeat(" <a@b.test>,\r\n", 500_000) + "\r\n",
	} {
		if got := v.send(t, "evil", content); !strings.HasPrefix(got, "552") && !strings.HasPrefix(got, "554") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// largeHeaders keeps headers just under the bound in the air, as many as there are addresses.
func largeHeaders(t *testing.T, v *victim) {
	field := "X-Large: " + strings.Repeat("a", 900) + "\r\n"
	v.fill(t, size(600, 3000), strings.Repeat(field, 250))
}

// parts is a message of n parts, which are empty.
func parts(n int) string {
	return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", n)
}

// monsters are messages that are small to send and may be large to understand.
func monsters() map[string]string {
	var deep, rfc822 strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		rfc822.WriteString("Content-Type: message/rfc822\r\n\r\n")
	}
	return map[string]string{
		"10,000 parts":     parts(10_000),
		"200,000 parts":    parts(200_000),
		"depth 1,000":      deep.String(),
		"1,000 messages":   rfc822.String(),
		"one boundary":     strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 5000),
		"long references":  "References: " + strings.Repeat("<a@b.test>\r\n ", 9000) + "\r\n\r\nx",
		"many addresses":   "To: " + strings.Repeat("a@b.test,\r\n ", 9000) + "c@d.test\r\n\r\nx",
		"open comments":    "To: " + strings.Repeat("((((((((\r\n ", 9000) + "x\r\n\r\nx",
		"open quotes":      "To: " + strings.Repeat("\"a\\\r\n ", 9000) + "x\r\n\r\nx",
		"open groups":      "To: " + strings.Repeat("a:b:c:<<<,;\r\n ", 8000) + "x\r\n\r\nx",
		"encoded words":    "Subject: " + strings.Repeat("=?utf-8?q?a?=\r\n ", 6000) + "x\r\n\r\nx",
		"broken words":     "Subject: " + strings.Repeat("=?=?=?utf-8?b?\r\n ", 5000) + "x\r\n\r\nx",
		"re: re: re:":      "Subject: " + strings.Repeat("re:[fwd:[x]\r\n ", 7000) + "x\r\n\r\nx",
		"many parameters":  "Content-Type: text/plain" + strings.Repeat(";\r\n a*0*=x", 9000) + "\r\n\r\nx",
		"dashes":           "Content-Type: multipart/mixed; boundary=\"" + strings.Repeat("-", 200) + "\"\r\n\r\n" + strings.Repeat(strings.Repeat("-", 500)+"\r\n", 5000),
		"base64 bomb":      "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("QUFB", 19)+"\r\n", 100_000),
		"printable bomb":   "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=20=20=20   =\r\n", 300_000),
		"html without end": "Content-Type: text/html\r\n\r\n" + strings.Repeat("<style <script <!-- &amp", 50_000),
	}
}

// monstrousMessages sends each monster, and reads what the server made of it.
func monstrousMessages(t *testing.T, v *victim) {
	crowd(4, func(i int) {
		k := 0
		for name, content := range monsters() {
			if k++; k%4 != i && !long {
				continue
			}
			began := time.Now()
			got := v.send(t, "evil", content)
			if got == "" || got[0] != '2' && got[0] != '5' {
				t.Errorf("%s: %q", name, got)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Logf("%s took %v", name, took)
			}
		}
	})
	c, err := v.imap("evil")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	c.tagged("SELECT INBOX")
	began := time.Now()
	for _, command := range []string{"FETCH 1:* (ENVELOPE)", "FETCH 1:* (BODYSTRUCTURE)", "SEARCH SUBJECT x", "SEARCH TO x"} {
		if got := c.tagged(command); !strings.HasPrefix(got, "t OK") {
			t.Errorf("%s: %q", command, got)
		}
	}
	t.Logf("listing the monsters took %v", time.Since(began).Round(time.Millisecond))
}

// manyPartsAtOnce sends messages of very many parts on many connections and never ends them.
func manyPartsAtOnce(t *testing.T, v *victim) {
	v.fill(t, size(120, 1500), parts(9_999))
}

// many opens sessions from as many addresses; they are closed when the test ends.
func (v *victim) many(t *testing.T, n int) []*client {
	t.Helper()
	open := make([]*client, n)
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	crowd(100, func(int) {
		for i := range next {
			c, err := v.smtp()
			if err != nil {
				t.Error(err)
				continue
			}
			open[i] = c
			t.Cleanup(func() { _ = c.Close() })
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return open
}

// fill sends the beginning of a message on very many connections, and tells how many of them were refused for it.
func (v *victim) fill(t *testing.T, n int, content string) {
	t.Helper()
	open := v.many(t, n)
	var refused atomic.Int64
	crowd(n, func(i int) {
		if got := open[i].envelope("evil"); strings.HasPrefix(got, "354") {
			open[i].say(content)
		}
	})
	ended := size(50, n) // these end their messages and are answered
	crowd(ended, func(i int) {
		open[i].say("\r\n\r\n.\r\n")
		got := open[i].reply()
		switch {
		case strings.HasPrefix(got, "450 4.7.1"):
			refused.Add(1)
		case !strings.HasPrefix(got, "250"):
			t.Errorf("answered with %q", got)
		}
	})
	t.Logf("%d of %d were put off", refused.Load(), ended)
}

func commandsWithoutEnd(t *testing.T, v *victim) {
	for _, command := range []string{"NOOP\r\n", "RSET\r\n", "X\r\n", "VRFY evil\r\n", "EHLO x\r\n", "BDAT 0\r\n"} {
		c, err := v.smtp()
		if err != nil {
			t.Fatal(err)
		}
		go c.say(strings.Repeat(command, size(20_000, 100_000))) // more is cut off before the last reply is read
		last, lines := "", 0
		for {
			l := c.line()
			if l == "" {
				break
			}
			last = l
			lines++
		}
		if !strings.HasPrefix(last, "421") {
			t.Errorf("%q without end: %d replies, the last is %q", command, lines, last)
		}
		_ = c.Close()
	}
}

func recipientsWithoutEnd(t *testing.T, v *victim) {
	c, err := v.smtp()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	c.ask("MAIL FROM:<evil@evil.test>")
	n := size(10_000, 100_000)
	go func() {
		for i := range n {
			c.say(fmt.Sprintf("RCPT TO:<evil+%d@%s>\r\n", i, domain))
		}
	}()
	accepted, last := 0, ""
	for l := c.line(); l != ""; l = c.line() {
		if strings.HasPrefix(l, "250") {
			accepted++
		}
		last = l
	}
	if accepted != 100 || !strings.HasPrefix(last, "421") {
		t.Errorf("%d recipients were accepted, and the last reply is %q", accepted, last)
	}
}

func longParameters(t *testing.T, v *victim) {
	c, err := v.smtp()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, command := range []string{
		"MAIL FROM:<a@b.test> ENVID=" + strings.Repeat("x", 101), "MAIL FROM:<a@b.test> ENVID=" + strings.Repeat("x", 100<<10),
		"MAIL FROM:<" + strings.Repeat("a", 256) + "@b.test>", "MAIL FROM:<a@" + strings.Repeat("b.", 200) + "test>",
		"MAIL FROM:<a@b.test> SIZE=99999999999999999999", "MAIL FROM:<a@b.test> SIZE=9999999999",
	} {
		if got := c.ask(command); got == "" || got[0] != '5' {
			t.Errorf("%.60s (%d bytes): %q", command, len(command), got)
		}
	}
	c.ask("MAIL FROM:<a@b.test>")
	if got := c.ask("RCPT TO:<evil@" + domain + "> ORCPT=rfc822;" + strings.Repeat("x", 501)); got == "" || got[0] != '5' {
		t.Errorf("a long ORCPT: %q", got)
	}
}

func aliasesInCircles(t *testing.T, v *victim) {
	c, err := v.smtp()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	c.ask("MAIL FROM:<a@b.test>")
	for range 50 {
		if got := c.ask("RCPT TO:<a@" + domain + ">"); got == "" || got[0] != '5' {
			t.Errorf("an alias that leads to itself: %q", got)
		}
	}
	if got := c.ask("RCPT TO:<all@" + domain + ">"); got == "" || got[0] != '2' {
		t.Errorf("a group with such an alias in it: %q", got)
	}
}

// successBomb asks for notices of success for every recipient, which go to one of us.
func successBomb(t *testing.T, v *victim) {
	for range size(5, 50) {
		c, err := v.smtp()
		if err != nil {
			t.Fatal(err)
		}
		c.ask("MAIL FROM:<evil@" + domain + "> RET=FULL")
		for i := range 90 {
			c.ask(fmt.Sprintf("RCPT TO:<evil+%d@%s> NOTIFY=SUCCESS,DELAY,FAILURE", i, domain))
		}
		c.ask("DATA")
		if got := c.ask("Subject: bomb\r\n\r\nx\r\n."); !strings.HasPrefix(got, "250") {
			t.Errorf("%q", got)
		}
		_ = c.Close()
	}
}
