package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// source is a connection that only reads.
type source struct {
	net.Conn
	io.Reader
}

func (s source) Read(p []byte) (int, error)      { return s.Reader.Read(p) }
func (s source) SetReadDeadline(time.Time) error { return nil }

// testReader reads from in and counts continuation requests.
func testReader(in io.Reader, lim Limits) (*Reader, *int) {
	asked := new(int)
	conn := line.NewConn(source{Reader: in}, line.Config{MaxLine: 1 << 10})
	return NewReader(conn, lim, func() error { *asked++; return nil }), asked
}

func TestReadCommand(t *testing.T) {
	small := Limits{Literal: 10, Command: 80, Discard: 100}
	for _, c := range []struct {
		name, in string
		lim      Limits
		want     []string // one for each command: tag, name, arguments or error
		asked    int
	}{
		{"plain", "a NOOP\r\nb uid fetch 1 FLAGS\r\n", Limits{},
			[]string{`a NOOP ""`, `b UID FETCH "1 FLAGS"`}, 0},
		{"literal", "a LOGIN {3}\r\na\nb {2+}\r\nxy\r\nb NOOP\r\n", Limits{},
			[]string{`a LOGIN "{3}\r\na\nb {2+}\r\nxy"`, `b NOOP ""`}, 1},
		{"empty literal", "a LOGIN {0}\r\n {0+}\r\n\r\n", Limits{}, []string{`a LOGIN "{0}\r\n {0+}\r\n"`}, 1},
		{"no tag", " NOOP\r\na NOOP\r\n", Limits{}, []string{`error: expected a tag (at byte 0)`, `a NOOP ""`}, 0},
		{"no command", "a\r\n+ x\r\nb NOOP\r\n", Limits{},
			[]string{`a error: expected a space (at byte 1)`, `error: expected a tag (at byte 0)`, `b NOOP ""`}, 0},
		{"bad head with literal", "* {5+}\r\nx NO \r\nb NOOP\r\n", Limits{},
			[]string{`error: expected a tag (at byte 0)`, `b NOOP ""`}, 0},
		{"long line", "a NOOP " + strings.Repeat("x", 1100) + "\r\nb NOOP\r\n", small, []string{`fatal: line too long`}, 0},
		{"long command", "a X {9}\r\n123456789" + strings.Repeat("x", 90) + " {2+}\r\nab\r\nb NOOP\r\n", small,
			[]string{`a X error: command is too long (at byte 0)`, `b NOOP ""`}, 1},
		{"large literal", "a LOGIN {11}\r\nb NOOP\r\n", small,
			[]string{`a LOGIN error: literal is too large (at byte 0)`, `b NOOP ""`}, 0},
		{"large literal at once", "a LOGIN {12+}\r\n01234567890\n {1}\r\nb NOOP\r\n", small,
			[]string{`a LOGIN error: literal is too large (at byte 0)`, `b NOOP ""`}, 0},
		{"far too large literal", "a LOGIN {101+}\r\n01234567890\n {1}\r\nb NOOP\r\n", small,
			[]string{`a LOGIN fatal: literal is far too large`}, 0},
		{"bare LF", "a NOOP\nb NOOP\r\n", Limits{}, []string{`fatal: bare LF received; lines end with CRLF`}, 0},
		{"bare CR", "a N\rOOP\r\n", Limits{}, []string{`fatal: bare CR received; lines end with CRLF`}, 0},
		{"CR CR LF", "a NOOP\r\r\n", Limits{}, []string{`fatal: bare CR received; lines end with CRLF`}, 0},
		{"only LF", "\n", Limits{}, []string{`fatal: bare LF received; lines end with CRLF`}, 0},
		{"NUL", "a \x00NOOP\r\n", Limits{}, []string{`a error: expected an atom (at byte 2)`}, 0},
		{"cut", "a NOOP", Limits{}, []string{`fatal: unexpected EOF`}, 0},
		{"cut in literal", "a LOGIN {5+}\r\nab", Limits{}, []string{`a LOGIN fatal: unexpected EOF`}, 0},
		{"literal of a literal head", "a X {4}\r\n {5}\r\nb NOOP\r\n", Limits{}, []string{`a X "{4}\r\n {5}"`, `b NOOP ""`}, 1},
		{"brace is no literal", "a X foo{x}\r\nb X {}\r\n", Limits{}, []string{`a X "foo{x}"`, `b X "{}"`}, 0},
	} {
		for _, oneByte := range []string{"whole", "bytewise"} {
			t.Run(c.name+"/"+oneByte, func(t *testing.T) {
				in := io.Reader(strings.NewReader(c.in))
				if oneByte == "bytewise" {
					in = iotest.OneByteReader(in)
				}
				r, asked := testReader(in, c.lim)
				for _, want := range c.want {
					cmd, err := r.ReadCommand()
					if got := tell(cmd, err); got != want {
						t.Fatalf("got  %s\nwant %s", got, want)
					}
				}
				if *asked != c.asked {
					t.Errorf("asked %d times, want %d", *asked, c.asked)
				}
				if !strings.Contains(c.want[len(c.want)-1], "fatal") {
					if _, err := r.ReadCommand(); !errors.Is(err, io.EOF) {
						t.Errorf("at the end: %v, want EOF", err)
					}
				}
			})
		}
	}
}

func tell(c Command, err error) string {
	if err == nil {
		return fmt.Sprintf("%s %s %q", c.Tag, c.Name, c.Args)
	}
	kind := "fatal"
	if _, ok := errors.AsType[*SyntaxError](err); ok {
		kind = "error"
	}
	return strings.TrimLeft(strings.TrimLeft(c.Tag+" ", " ")+strings.TrimLeft(c.Name+" ", " ")+kind+": "+err.Error(), " ")
}

func TestAppendMessageIsStreamed(t *testing.T) {
	body := strings.Repeat("0123456789abcde\n", 100_000)
	in := fmt.Sprintf("a APPEND {5+}\r\nDr\xc3\xa4f (\\Seen) {%d}\r\n%s\r\nb NOOP\r\n", len(body), body)
	r, asked := testReader(strings.NewReader(in), Limits{})
	cmd, err := r.ReadCommand()
	if err != nil || cmd.Message == nil || cmd.Message.Size != int64(len(body)) {
		t.Fatal(cmd, err)
	}
	ap, err := cmd.Parser(UTF8).Append()
	if err != nil || ap.Mailbox != "Dräf" || !ap.Flags.System.Has(1) {
		t.Fatal(ap, err)
	}
	if *asked != 0 {
		t.Fatal("asked for the message before the session wanted it")
	}
	m, err := r.Message(*cmd.Message)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(m)
	if err != nil || string(got) != body || *asked != 1 {
		t.Fatal(len(got), err, *asked)
	}
	tail, err := r.ReadTail()
	if err != nil || tail.Message != nil || tail.Parser(UTF7).AppendEnd(ap) != nil {
		t.Fatal(tail, err)
	}
	if next, err := r.ReadCommand(); err != nil || next.Tag != "b" {
		t.Fatal(next, err)
	}
}

func TestRefuseMessage(t *testing.T) {
	for _, in := range []string{
		"a APPEND x {5}\r\nb NOOP\r\n",
		"a APPEND x {7+}\r\nz NOOP \r\nb NOOP\r\n",
		"a APPEND x {2+}\r\nzz (\\Seen) {3+}\r\nyyy\r\nb NOOP\r\n",
	} {
		r, _ := testReader(strings.NewReader(in), Limits{})
		cmd, err := r.ReadCommand()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Refuse(*cmd.Message); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if next, err := r.ReadCommand(); err != nil || next.Tag != "b" {
			t.Errorf("%q: next is %v, %v", in, next, err)
		}
	}
}

func TestMessageCutShort(t *testing.T) {
	r, _ := testReader(strings.NewReader("a APPEND x {5+}\r\nab"), Limits{})
	cmd, _ := r.ReadCommand()
	m, _ := r.Message(*cmd.Message)
	if _, err := io.ReadAll(m); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("a LOGIN {3}\r\nabc \"x\"\r\nb UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (TO)]<0.5>)\r\n"))
	f.Add([]byte("a APPEND x (\\Seen) {7+}\r\nz NOOP \r\nb SEARCH OR (ALL) NOT 1\r\n"))
	f.Add([]byte("\n"))
	f.Add([]byte("a APPEND x UTF8 (~{3}\r\nabc)\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		lim := Limits{Literal: 100, Command: 400, Discard: 1000}
		whole := transcript(bytes.NewReader(in), lim)
		if bytewise := transcript(iotest.OneByteReader(bytes.NewReader(in)), lim); bytewise != whole {
			t.Fatalf("chunks matter:\n%s\n--\n%s", whole, bytewise)
		}
	})
}

func transcript(in io.Reader, lim Limits) string {
	r, _ := testReader(in, lim)
	var b strings.Builder
	for {
		c, err := r.ReadCommand()
		fmt.Fprintln(&b, tell(c, err))
		if _, ok := errors.AsType[*SyntaxError](err); err != nil && !ok {
			return b.String()
		}
		if c.Message != nil {
			if err := r.Refuse(*c.Message); err != nil {
				return b.String()
			}
		}
		parseAny(c)
	}
}

// parseAny runs every command's parser over the arguments.
func parseAny(c Command) {
	_, _ = c.Parser(UTF7).Fetch()
	_, _ = c.Parser(UTF7).Search()
	_, _ = c.Parser(UTF8).Store()
	_, _ = c.Parser(UTF7).List()
	_, _ = c.Parser(UTF8).LSub()
	_, _ = c.Parser(UTF7).Append()
	_, _, _ = c.Parser(UTF7).Status()
	_, _ = c.Parser(UTF8).Select()
	_, _ = c.Parser(UTF7).Create()
	_, _, _ = c.Parser(UTF7).Rename()
	_, _ = c.Parser(UTF7).ID()
	_, _ = c.Parser(UTF7).Enable()
	_, _ = c.Parser(UTF7).Authenticate()
	_, _, _ = c.Parser(UTF7).Login()
	_, _, _ = c.Parser(UTF7).CopyMove()
}
