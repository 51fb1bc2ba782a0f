package imapd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// pattern is a large message made on the way.
type pattern struct{ n int64 }

func (p *pattern) Read(b []byte) (int, error) {
	const text = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n"
	if len(b) < len(text) {
		return 0, io.ErrShortBuffer
	}
	n := 0
	for n+len(text) <= len(b) {
		n += copy(b[n:], text)
	}
	p.n += int64(n)
	return n, nil
}

// TestLargeMessageIsStreamed takes 45 MiB in and out and looks at the memory meanwhile.
func TestLargeMessageIsStreamed(t *testing.T) {
	if testing.Short() {
		t.Skip("counts memory, and -short runs under the race detector, which has much of its own")
	}
	s := startOn(t, vfs.Default, t.TempDir(), Options{})
	p := s.login(t)
	const head = "Subject: large\r\n\r\n"
	const size = 78 * 600_000
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p.send(fmt.Sprintf("a APPEND INBOX {%d}", size+len(head)))
	p.until("+ ")
	_, err := io.WriteString(p, head)
	must(t, err)
	buf := make([]byte, 78*400)
	src := &pattern{}
	for src.n < size {
		n, _ := src.Read(buf[:min(int64(len(buf)), size-src.n)])
		if _, err := p.Write(buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	p.send("")
	if got := p.until("a "); !strings.HasPrefix(got[len(got)-1], "a OK [APPENDUID") {
		t.Fatal(got)
	}
	p.ask("b", "SELECT INBOX")
	p.send("c FETCH 1 BODY[]")
	l, err := p.r.ReadString('\n')
	must(t, err)
	if want := fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n", size+len(head)); l != want {
		t.Fatalf("%q, want %q", l, want)
	}
	n, err := io.CopyN(io.Discard, p.r, size+int64(len(head)))
	must(t, err)
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	p.until("c OK")
	if n != size+int64(len(head)) {
		t.Error(n, "bytes came back")
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 40<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

// TestGarbage sends what no client should, and expects that the server stays and answers the next client.
func TestGarbage(t *testing.T) {
	s := start(t, Options{Limits: Limits{MaxBad: 1000}})
	rnd := rand.New(rand.NewPCG(1, 2))
	words := []string{"a ", "b ", "LOGIN ", "FETCH ", "UID ", "1:*", "(", ")", "{5+}\r\n", "{3}\r\n", "\"", "\\", "\r\n", "\r\n", "\n", "\r", "BODY[",
		"]", "SELECT INBOX\r\n", "APPEND INBOX ", "SEARCH ", "NOT ", "OR ", "\x00", "\xff", "STORE 1 FLAGS ", "IDLE\r\n", "DONE\r\n", "ä", "$", "COPY ",
		"LIST \"\" *\r\n", "NOOP\r\n", "AUTHENTICATE PLAIN\r\n", "{999999999999+}\r\n", "~{2+}\r\nab", "CHANGEDSINCE", "18446744073709551616", "<", ">"}
	for i := range 150 {
		p := s.dial(t, i%3 == 0)
		if i%3 == 1 {
			_, err := io.WriteString(p, "l LOGIN "+anna+" \""+password+"\"\r\nl SELECT INBOX\r\n")
			must(t, err)
		}
		var b strings.Builder
		for range rnd.IntN(60) {
			b.WriteString(words[rnd.IntN(len(words))])
		}
		b.WriteString("\r\nzz LOGOUT\r\n")
		if _, err := io.WriteString(p, b.String()); err == nil {
			if tc, ok := p.Conn.(*tls.Conn); ok {
				_ = tc.CloseWrite()
			}
		}
		must(t, p.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		_, _ = io.Copy(io.Discard, p.r)
		p.Close()
	}
	p := s.login(t)
	if got := p.ask("a", "NOOP"); len(got) != 1 || !strings.HasPrefix(got[0], "a OK") {
		t.Error(got)
	}
}

// TestLongLineEndsTheSession sends a line without an end.
func TestLongLineEndsTheSession(t *testing.T) {
	s := start(t, Options{})
	p := s.login(t)
	go func() { _, _ = io.WriteString(p, "a NOOP "+strings.Repeat("x", 1<<20)) }()
	if l := p.line(); !strings.HasPrefix(l, "* BYE [TOOBIG]") {
		t.Error(l)
	}
}

func TestExpensiveQuestionsAreRefused(t *testing.T) {
	s := start(t, Options{Limits: Limits{Search: time.Nanosecond}})
	p := s.login(t)
	p.ask("a", "SELECT INBOX")
	p.fill(70, 60)
	if got := p.ask("b", "SEARCH BODY nothing"); !strings.HasPrefix(got[len(got)-1], "b NO [LIMIT]") {
		t.Error(got)
	}
	for i := range 20 {
		p.ask("c", "CREATE "+strings.Repeat(fmt.Sprintf("%s%d/", strings.Repeat("a", 190), i), 12)+"x")
	}
	pattern := `"` + strings.Repeat("*a", 500) + `"`
	if got := p.ask("d", `LIST "" (`+strings.Repeat(pattern+" ", 20)+`*)`); !strings.HasPrefix(got[len(got)-1], "d NO [LIMIT]") {
		t.Errorf("%.200q", got[len(got)-1])
	}
}

func TestIdleHasAnEnd(t *testing.T) {
	clk := clock.NewFake(time.Now())
	s := start(t, Options{Clock: clk})
	p, q := s.login(t), s.login(t)
	p.ask("a", "SELECT INBOX")
	p.send("b IDLE")
	p.line()
	q.ask("a", "APPEND INBOX {6+}\r\na: b\r\n")
	if got := p.line(); got != "* 1 EXISTS" {
		t.Fatal(got)
	}
	clk.Advance(31 * time.Minute)
	q.ask("b", "APPEND INBOX {6+}\r\na: b\r\n")
	if got := p.until("* BYE"); got[0] != "* 2 EXISTS" {
		t.Error(got)
	}
	p.ended()
}

func TestStrangersMessageIsNotReadAway(t *testing.T) {
	s := start(t, Options{})
	p := s.dial(t, false)
	p.line()
	p.send("a APPEND INBOX {1000000+}")
	if l := p.line(); !strings.HasPrefix(l, "* BYE [TOOBIG]") {
		t.Error(l)
	}
	p.ended()
}

// TestTurns holds an account to as many turns as there are, and lets others pass.
func TestTurns(t *testing.T) {
	turns := newTurns(2)
	one, two := mail.AccountID{ID: mail.NewID(time.Unix(1, 0))}, mail.AccountID{ID: mail.NewID(time.Unix(2, 0))}
	enter := func(id mail.AccountID) func() {
		t.Helper()
		leave, err := turns.enter(t.Context(), id)
		must(t, err)
		return leave
	}
	first, second, other := enter(one), enter(one), enter(two)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.enter(over, one); !errors.Is(err, context.Canceled) {
		t.Fatalf("a third turn: %v", err)
	}
	waits := make(chan func())
	go func() {
		leave, err := turns.enter(context.Background(), one)
		if err != nil {
			t.Error(err)
		}
		waits <- leave
	}()
	first()
	(<-waits)()
	second()
	other()
	if len(turns.of) != 0 {
		t.Fatalf("%d accounts are remembered", len(turns.of))
	}
}

// TestLargeAnswersWaitForTheirTurn has clients that read nothing hold all turns to hold much, and looks at who waits and who does not.
func TestLargeAnswersWaitForTheirTurn(t *testing.T) {
	s := start(t, Options{})
	p := s.login(t)
	var parts strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&parts, "--b\r\nContent-Type: text/plain; name=\"part %d\"\r\n\r\nx\r\n", i)
	}
	m := "Subject: monster\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts.String() + "--b--\r\n"
	p.send(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s", len(m), m))
	p.until("a OK")
	p.fill(1, 1)
	p.ask("s", "SELECT INBOX")
	var greedy []*peer
	for range largeAtOnce {
		g := s.login(t)
		g.ask("s", "SELECT INBOX")
		g.send(strings.Repeat("g FETCH 1 BODYSTRUCTURE\r\n", 100) + "g NOOP")
		greedy = append(greedy, g)
	}
	held := func() int {
		s.srv.larges.mu.Lock()
		defer s.srv.larges.mu.Unlock()
		if tn := s.srv.larges.of[s.account]; tn != nil {
			return len(tn.taken)
		}
		return 0
	}
	for deadline := time.Now().Add(20 * time.Second); held() < largeAtOnce; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the turns are not taken")
		}
	}
	if got := p.ask("n", "FETCH 2 BODYSTRUCTURE"); len(got) != 2 {
		t.Fatalf("a small answer waits or is wrong: %q", got)
	}
	p.send("w FETCH 1 BODYSTRUCTURE")
	must(t, greedy[0].Close())
	if got := p.until("w "); !strings.HasPrefix(got[len(got)-1], "w OK") {
		t.Fatal(got[len(got)-1])
	}
}
