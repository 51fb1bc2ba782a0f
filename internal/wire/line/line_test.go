package line

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a connection whose peer has sent these pieces already; each Read gives at most one. What is written is kept.
type script struct {
	net.Conn // nil: what is not overridden must not be called
	pieces   [][]byte
	written  bytes.Buffer
	writes   int
	reads    int
}

func scripted(pieces ...string) *script {
	s := &script{}
	for _, p := range pieces {
		s.pieces = append(s.pieces, []byte(p))
	}
	return s
}

// chopped cuts the input in pieces of n bytes.
func chopped(in []byte, n int) *script {
	s := &script{}
	for ; len(in) > n; in = in[n:] {
		s.pieces = append(s.pieces, in[:n])
	}
	s.pieces = append(s.pieces, in)
	return s
}

func (s *script) Read(p []byte) (int, error) {
	s.reads++
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { s.writes++; return s.written.Write(p) }
func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 20)
	for _, c := range []struct {
		name string
		in   []string
		want []string // lines, or "!" and the error that follows; the last is how it ends
	}{
		{"simple", []string{"EHLO a\r\nQUIT\r\n"}, []string{"EHLO a", "QUIT", "!EOF"}},
		{"empty line", []string{"\r\n"}, []string{"", "!EOF"}},
		{"CR and LF apart", []string{"NOOP\r", "\nQUIT\r\n"}, []string{"NOOP", "QUIT", "!EOF"}},
		{"bytes", []string{"N", "O", "\r", "\n"}, []string{"NO", "!EOF"}},
		{"bare LF", []string{"NOOP\nQUIT\r\n"}, []string{"!bare LF"}},
		{"bare LF first", []string{"\nQUIT\r\n"}, []string{"!bare LF"}},
		{"bare CR", []string{"NOOP\rQUIT\r\n"}, []string{"!bare CR"}},
		{"two CRs", []string{"NOOP\r\r\n"}, []string{"!bare CR"}},
		{"cut", []string{"NOO"}, []string{"!unexpected EOF"}},
		{"longest", []string{long + "\r\nNOOP\r\n"}, []string{long, "NOOP", "!EOF"}},
		{"longest, LF apart", []string{long + "\r", "\nNOOP\r\n"}, []string{long, "NOOP", "!EOF"}},
		{"too long at once", []string{long + "x\r\nNOOP\r\n"}, []string{"!line too long", "NOOP", "!EOF"}},
		{"too long at once, with a bare LF", []string{long + "xx\ny\r\nNOOP\r\n"}, []string{"!line too long", "NOOP", "!EOF"}},
		{"too long in pieces, with a bare LF", []string{long + "xx", "\ny\r\nNOOP\r\n"}, []string{"!line too long", "NOOP", "!EOF"}},
		{"too long at once, with a bare CR", []string{"a\r" + long + "xx\r\nNOOP\r\n"}, []string{"!line too long", "NOOP", "!EOF"}},
		{"too long in pieces", []string{long, long, long + "\r", "\nNOOP\r\n"}, []string{"!line too long", "NOOP", "!EOF"}},
		{"too long and cut", []string{long, long}, []string{"!unexpected EOF"}},
		{"endless", []string{strings.Repeat("x", 3*maxExcess)}, []string{"!line without end"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := NewConn(scripted(c.in...), Config{MaxLine: len(long), Pool: &Pool{}})
			for _, want := range c.want {
				got, err := l.ReadLine()
				if msg, isErr := strings.CutPrefix(want, "!"); isErr {
					if err == nil || !strings.HasPrefix(err.Error(), msg) {
						t.Fatalf("got %q, %v, want error %q", got, err, msg)
					}
					continue
				}
				if err != nil || string(got) != want {
					t.Fatalf("got %q, %v, want %q", got, err, want)
				}
			}
		})
	}
}

func TestRepliesToPipelinedCommandsGoTogether(t *testing.T) {
	s := scripted("MAIL\r\nRCPT\r\nRC", "PT\r\nDATA\r\n")
	c := NewConn(s, Config{})
	var writes []int
	for {
		l, err := c.ReadLine()
		if err != nil {
			break
		}
		writes = append(writes, s.writes)
		_, _ = c.WriteString("250 " + string(l) + "\r\n")
	}
	// The first two replies go when more input is needed, the rest likewise at the end.
	if want := []int{0, 0, 1, 1}; !equal(writes, want) {
		t.Errorf("writes before each command: %v, want %v", writes, want)
	}
	if s.writes != 2 || s.written.String() != "250 MAIL\r\n250 RCPT\r\n250 RCPT\r\n250 DATA\r\n" {
		t.Errorf("%d writes: %q", s.writes, s.written.String())
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestMuchOutputIsNotGathered(t *testing.T) {
	s := scripted()
	c := NewConn(s, Config{})
	want := bytes.Buffer{}
	for i := range 200 {
		p := bytes.Repeat([]byte{byte(i)}, i*7)
		want.Write(p)
		_, _ = c.Write(p)
		if cap(c.out.buf) > 2*maxOut {
			t.Fatalf("%d bytes wait", cap(c.out.buf))
		}
	}
	huge := bytes.Repeat([]byte("y"), 3*maxOut)
	want.Write(huge)
	_, _ = c.Write(huge)
	_ = c.Flush()
	if !bytes.Equal(s.written.Bytes(), want.Bytes()) {
		t.Error("output is not what was written")
	}
}

func TestUpgradeRefusesInjectedText(t *testing.T) {
	s := scripted("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")
	c := NewConn(s, Config{})
	if _, err := c.ReadLine(); err != nil {
		t.Fatal(err)
	}
	err := c.Upgrade(func(net.Conn) net.Conn { t.Error("wrapped"); return nil })
	if !errors.Is(err, ErrInjected) {
		t.Errorf("got %v", err)
	}
}

func TestUpgradeSendsTheReplyFirst(t *testing.T) {
	s := scripted("STARTTLS\r\n", "EHLO\r\n")
	c := NewConn(s, Config{})
	_, _ = c.ReadLine()
	_, _ = c.WriteString("220 go\r\n")
	next := scripted("NOOP\r\n")
	err := c.Upgrade(func(old net.Conn) net.Conn {
		if old != s || s.written.String() != "220 go\r\n" {
			t.Errorf("before the handshake %q was sent", s.written.String())
		}
		return next
	})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := c.ReadLine(); string(l) != "NOOP" || err != nil {
		t.Errorf("after it came %q, %v", l, err)
	}
	_, _ = c.WriteString("250 ok\r\n")
	_ = c.Flush()
	if next.written.String() != "250 ok\r\n" {
		t.Errorf("reply went elsewhere: %q", next.written.String())
	}
}

func TestExactly(t *testing.T) {
	for n := 1; n <= 30; n++ {
		c := NewConn(chopped([]byte("BDAT 10\r\n\r\n.\r\n5678\nNOOP\r\n"), n), Config{})
		if _, err := c.ReadLine(); err != nil {
			t.Fatal(err)
		}
		e := c.Exactly(10)
		if got, err := io.ReadAll(e); string(got) != "\r\n.\r\n5678\n" || err != nil || e.Left() != 0 {
			t.Fatalf("pieces of %d: got %q, %v", n, got, err)
		}
		if l, err := c.ReadLine(); string(l) != "NOOP" || err != nil {
			t.Fatalf("pieces of %d: then %q, %v", n, l, err)
		}
	}
}

func TestExactlySkipAndCut(t *testing.T) {
	c := NewConn(chopped([]byte("0123456789NOOP\r\n0123"), 3), Config{})
	e := c.Exactly(10)
	_, _ = e.Read(make([]byte, 2))
	if err := e.Skip(); err != nil {
		t.Fatal(err)
	}
	if l, _ := c.ReadLine(); string(l) != "NOOP" {
		t.Fatalf("then %q", l)
	}
	if _, err := io.ReadAll(c.Exactly(10)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut content: %v", err)
	}
}

// sleepy is a client that says nothing until the reader gave up waiting once.
type sleepy struct {
	*script
	sizes []int // of the buffers it was to be read with
}

func (s *sleepy) Read(p []byte) (int, error) {
	s.sizes = append(s.sizes, len(p))
	if len(s.sizes) == 2 {
		return 0, os.ErrDeadlineExceeded
	}
	return s.script.Read(p)
}

func TestIdleConnectionHoldsNoBuffer(t *testing.T) {
	s := &sleepy{script: scripted("a\r\n", "b\r\n", "c\r\n")}
	c := NewConn(s, Config{Pool: &Pool{}})
	for _, want := range []string{"a", "b", "c"} {
		if l, err := c.ReadLine(); string(l) != want || err != nil {
			t.Fatalf("got %q, %v", l, err)
		}
	}
	// The first line, a wait that got long, what came after it, and the next line at once.
	if want := []int{smallSize, bufSize, smallSize, bufSize}; !equal(s.sizes, want) {
		t.Errorf("read with buffers of %v, want %v", s.sizes, want)
	}
	if _, err := c.ReadLine(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	c.Release()
	if c.buf != nil || c.out.buf != nil {
		t.Error("buffers are kept after Release")
	}
}
