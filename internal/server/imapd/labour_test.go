package imapd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// bomb puts a message into INBOX whose only part is so many KiB when it is decoded, and selects it.
func (p *peer) bomb(kib int) {
	p.t.Helper()
	body := strings.Repeat(strings.Repeat("QUFB", 16)+"\r\n", kib*1024/48+1)
	m := "Subject: bomb\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
	p.send(fmt.Sprintf("bomb APPEND INBOX {%d+}\r\n%s", len(m), m))
	p.until("bomb OK")
	p.ask("select", "SELECT INBOX")
}

// TestDecodingInVainHasALimit: sizes and beginnings that are decoded and not sent are counted over a whole FETCH, what is sent is not.
func TestDecodingInVainHasALimit(t *testing.T) {
	const kib = 600
	s := start(t, Options{Limits: Limits{MaxDecoded: 2*kib<<10 + 4096}})
	p := s.login(t)
	for range 5 {
		p.bomb(kib)
	}
	for command, want := range map[string]string{
		"FETCH 1:2 BINARY.SIZE[1]":            "OK",
		"FETCH 1:5 BINARY.SIZE[1]":            "NO [LIMIT]",
		"FETCH 1:5 BINARY.PEEK[1]":            "OK", // counted, sent, and no longer held against it
		"FETCH 1:5 BINARY.PEEK[1]<610000.10>": "NO [LIMIT]",
		"FETCH 1 (BINARY.PEEK[1]<610000.9> BINARY.PEEK[1]<610000.8> BINARY.PEEK[1]<610000.7>)": "NO [LIMIT]",
		"FETCH 1:5 BODY.PEEK[1]": "OK",
	} {
		got := p.ask("a", command)
		if last := got[len(got)-1]; !strings.HasPrefix(last, "a "+want) {
			t.Errorf("%s: %q, want %s", command, last, want)
		}
	}
}

// ticking is a clock that each look at it moves on.
type ticking struct {
	*clock.Fake
	tick time.Duration
}

func (c ticking) Now() time.Time {
	c.Advance(c.tick)
	return c.Fake.Now()
}

// TestAClientIsToldOfLongWork has commands take long by the clock, and looks at what is said meanwhile and that answers stay whole.
func TestAClientIsToldOfLongWork(t *testing.T) {
	s := start(t, Options{Clock: ticking{clock.NewFake(time.Now()), time.Second}, Limits: Limits{Login: time.Hour}})
	p := s.login(t)
	p.bomb(8 << 10)
	for command, want := range map[string]string{
		"FETCH 1 (BINARY.SIZE[1] UID)": "* 1 FETCH (BINARY.SIZE[1] 8388624 UID 1)",
		"SEARCH NOT BODY nothing":      "* SEARCH 1",
	} {
		got := p.ask("a", command)
		working := 0
		for _, l := range got[:len(got)-2] {
			if l != "* OK still working" {
				t.Errorf("%s: %q", command, l)
			}
			working++
		}
		if working == 0 || got[len(got)-2] != want || !strings.HasPrefix(got[len(got)-1], "a OK") {
			t.Errorf("%s: said %d times that it goes on, then %q", command, working, got[len(got)-2:])
		}
	}
}

// TestWorkEndsWithTheClient: who has left is not decoded for to the end of his command. It is minutes of work if nobody notices.
func TestWorkEndsWithTheClient(t *testing.T) {
	s := start(t, Options{Clock: ticking{clock.NewFake(time.Now()), time.Second}, Limits: Limits{Login: time.Hour, MaxDecoded: 1 << 60, PerAccount: 1}})
	p := s.login(t)
	p.bomb(1 << 10)
	parts := make([]string, 100) // each is decoded anew up to its beginning
	for i := range parts {
		parts[i] = fmt.Sprintf("BINARY.PEEK[1]<%d.1>", 1<<20-i)
	}
	p.send(strings.Repeat("a FETCH 1 ("+strings.Join(parts, " ")+")\r\n", 100) + "a NOOP")
	if got := p.line(); got != "* OK still working" {
		t.Fatal(got)
	}
	must(t, p.Close())
	for deadline := time.Now().Add(20 * time.Second); ; { // until the account's one connection is free
		q := s.dial(t, false)
		q.line()
		got := q.ask("l", `LOGIN `+anna+` "`+password+`"`)
		if strings.HasPrefix(got[0], "l OK") {
			return
		}
		if must(t, q.Close()); time.Now().After(deadline) {
			t.Fatalf("the session goes on: %q", got)
		}
	}
}
