package pop3

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestParseCommand(t *testing.T) {
	for line, want := range map[string]struct {
		verb Verb
		arg  string
	}{
		"USER anna": {User, "anna"}, "user anna": {User, "anna"}, "PASS a  b ": {Pass, "a  b "}, "Quit": {Quit, ""}, "UTF8": {UTF8, ""},
		"lang de": {Lang, "de"}, "": {Unknown, ""}, " QUIT": {Unknown, ""}, "APOP x y": {Unknown, ""}, "QUITX": {Unknown, ""}, "QÜI": {Unknown, ""},
		"STAT\x00": {Unknown, ""}, "top 1 2": {Top, "1 2"}, "T\xffP 1": {Unknown, ""},
	} {
		v, arg := ParseCommand([]byte(line))
		if v != want.verb || string(arg) != want.arg {
			t.Errorf("%q: %d %q", line, v, arg)
		}
	}
}

func TestNumbers(t *testing.T) {
	for arg, want := range map[string]int{"1": 1, " 7 ": 7, "007": 7, "2147483647": maxNumber} {
		if n, err := Number([]byte(arg)); n != want || err != nil {
			t.Errorf("%q: %d %v", arg, n, err)
		}
	}
	for _, arg := range []string{"", " ", "0", "-1", "+1", "1x", "1 2", "2147483648", "99999999999", "１"} {
		if n, err := Number([]byte(arg)); !errors.Is(err, ErrArgument) {
			t.Errorf("%q: %d %v", arg, n, err)
		}
	}
	if n, err := OptionalNumber([]byte(" ")); n != 0 || err != nil {
		t.Errorf("none: %d %v", n, err)
	}
	if _, err := OptionalNumber([]byte("x")); !errors.Is(err, ErrArgument) {
		t.Error("x is no number")
	}
	if n, l, err := NumberAndLines([]byte("3  0")); n != 3 || l != 0 || err != nil {
		t.Errorf("top: %d %d %v", n, l, err)
	}
	for _, arg := range []string{"", "1", "1 ", "1 -1", "0 1", "1 2 3", "x 1"} {
		if _, _, err := NumberAndLines([]byte(arg)); !errors.Is(err, ErrArgument) {
			t.Errorf("top %q: %v", arg, err)
		}
	}
	if Empty([]byte("  ")) != nil || Empty([]byte(" x")) == nil {
		t.Error("Empty")
	}
	if w, err := Words([]byte(" a  b "), 2); err != nil || len(w) != 2 {
		t.Errorf("words: %q %v", w, err)
	}
	if _, err := Words([]byte("a b c"), 2); err == nil {
		t.Error("three words are not two")
	}
}

func TestResponses(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{string(AppendOK(nil, "")), "+OK\r\n"},
		{string(AppendOK(nil, "2 320")), "+OK 2 320\r\n"},
		{string(AppendErr(nil, NoCode, "no")), "-ERR no\r\n"},
		{string(AppendErr(nil, InUse, "später\r\n+OK\x00")), "-ERR [IN-USE] später+OK\r\n"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
	if n := len(AppendErr(nil, LoginDelay, strings.Repeat("x", 10_000))); n > 512 {
		t.Errorf("a line of %d bytes", n)
	}
}

// pieces writes s in pieces of n bytes.
func pieces(t *testing.T, w *Writer, s string, n int) {
	t.Helper()
	for len(s) > 0 {
		k := min(n, len(s))
		if m, err := w.Write([]byte(s[:k])); m != k || err != nil {
			t.Fatalf("wrote %d of %d, %v", m, k, err)
		}
		s = s[k:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWriter(t *testing.T) {
	for in, want := range map[string]string{
		"":                          ".\r\n",
		"a":                         "a\r\n.\r\n",
		"a\r\n":                     "a\r\n.\r\n",
		"a\r\n\r\nb\r\n":            "a\r\n\r\nb\r\n.\r\n",
		".\r\n":                     "..\r\n.\r\n",
		".":                         "..\r\n.\r\n",
		"..a\r\n.b\r\nc.d\r\n":      "...a\r\n..b\r\nc.d\r\n.\r\n",
		"a\n.b\n":                   "a\r\n..b\r\n.\r\n",
		"a\r.\r\nb":                 "a\r\n..\r\nb\r\n.\r\n",
		"a\r\r\n.\r\n":              "a\r\n\r\n..\r\n.\r\n",
		"a\r":                       "a\r\n.\r\n",
		"\r":                        "\r\n.\r\n",
		"\n\n":                      "\r\n\r\n.\r\n",
		"x\r\ny\nz\r\n.q\r\nw\r.\n": "x\r\ny\r\nz\r\n..q\r\nw\r\n..\r\n.\r\n",
	} {
		for n := 1; n <= len(in)+1; n++ {
			var out bytes.Buffer
			pieces(t, NewWriter(&out), in, n)
			if out.String() != want {
				t.Errorf("%q in pieces of %d: %q, want %q", in, n, out.String(), want)
			}
		}
	}
}

func TestTopWriter(t *testing.T) {
	const m = "A: 1\r\n.B: 2\r\n\r\none\r\n.two\r\n\r\nfour\r\n"
	for _, tt := range []struct {
		in    string
		lines int
		want  string
		full  bool
	}{
		{m, 0, "A: 1\r\n..B: 2\r\n\r\n.\r\n", true},
		{m, 1, "A: 1\r\n..B: 2\r\n\r\none\r\n.\r\n", true},
		{m, 2, "A: 1\r\n..B: 2\r\n\r\none\r\n..two\r\n.\r\n", true},
		{m, 3, "A: 1\r\n..B: 2\r\n\r\none\r\n..two\r\n\r\n.\r\n", true},
		{m, 9, "A: 1\r\n..B: 2\r\n\r\none\r\n..two\r\n\r\nfour\r\n.\r\n", false},
		{"A: 1\n\nbody\n", 0, "A: 1\r\n\r\n.\r\n", true},
		{"A: 1", 5, "A: 1\r\n.\r\n", false},
		{"\r\nbody", 1, "\r\nbody\r\n.\r\n", false},
	} {
		for n := 1; n <= len(tt.in); n++ {
			var out bytes.Buffer
			w := NewTopWriter(&out, tt.lines)
			pieces(t, w, tt.in, n)
			if out.String() != tt.want || w.Full() != tt.full {
				t.Errorf("%q, %d lines, in pieces of %d: %q full %v, want %q", tt.in, tt.lines, n, out.String(), w.Full(), tt.want)
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriterTellsFailures(t *testing.T) {
	w := NewWriter(broken{})
	if _, err := w.Write([]byte("a\r\n")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Close: %v", err)
	}
}

// FuzzWriter holds the writer to what a client reads: lines with CRLF, one end, the same text, however it is cut.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("a\r\n.b\r\n"), uint8(3), uint8(0))
	f.Add([]byte("A: 1\n\n.\r\n\r"), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, piece, lines uint8) {
		plain := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(string(in))
		if plain != "" && !strings.HasSuffix(plain, "\r\n") {
			plain += "\r\n"
		}
		var out, top bytes.Buffer
		pieces(t, NewWriter(&out), string(in), int(piece)+1)
		if got := unstuff(t, out.String()); got != plain {
			t.Fatalf("%q was sent as %q", in, got)
		}
		pieces(t, NewTopWriter(&top, int(lines)), string(in), int(piece)+1)
		header, body, cut := strings.Cut("\r\n"+plain, "\r\n\r\n")
		want := strings.TrimPrefix(header, "\r\n")
		switch {
		case cut && header == "":
			want = "\r\n"
		case cut:
			want += "\r\n\r\n"
		default:
			want = plain
		}
		if cut {
			rest := strings.SplitAfter(body, "\r\n")
			want += strings.Join(rest[:min(len(rest), int(lines))], "")
		}
		if got := unstuff(t, top.String()); got != want {
			t.Fatalf("top %d of %q was sent as %q, want %q", lines, in, got, want)
		}
	})
}

// unstuff reads a multi-line response as a strict client does.
func unstuff(t *testing.T, sent string) string {
	t.Helper()
	var b strings.Builder
	for {
		line, rest, ok := strings.Cut(sent, "\r\n")
		if !ok || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("bad line %q", line)
		}
		if line == "." {
			if rest != "" {
				t.Fatalf("text after the end: %q", rest)
			}
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
		sent = rest
	}
}

// FuzzCommand feeds the grammar lines; nothing it accepts is out of its bounds.
func FuzzCommand(f *testing.F) {
	f.Add([]byte("TOP 1 10"))
	f.Add([]byte("user x"))
	f.Fuzz(func(t *testing.T, line []byte) {
		v, arg := ParseCommand(line)
		if v >= VerbCount || len(arg) > len(line) {
			t.Fatalf("%q: %d %q", line, v, arg)
		}
		if n, l, err := NumberAndLines(arg); err == nil && (n < 1 || n > maxNumber || l < 0 || l > maxNumber) {
			t.Fatalf("%q: %d %d", line, n, l)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	text := []byte(strings.Repeat("This is a line of a letter, as long as they commonly are, more or less.\r\n", 500))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		w := NewWriter(io.Discard)
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
	}
}
