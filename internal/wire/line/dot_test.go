package line

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// refDots is DotReader as a byte-by-byte state machine, slow and obvious. used is where the input after the end starts.
func refDots(in []byte) (content []byte, used int, err error) {
	for i := 0; i < len(in); {
		if in[i] == '.' {
			if bytes.HasPrefix(in[i:], finalLine) {
				return content, i + 3, nil
			}
			i++
		}
		for {
			if i == len(in) {
				return content, i, io.ErrUnexpectedEOF
			}
			c := in[i]
			i++
			if c == '\n' {
				return content, i, ErrBareLF
			}
			if c != '\r' {
				content = append(content, c)
				continue
			}
			if i == len(in) {
				return content, i, io.ErrUnexpectedEOF
			}
			if in[i] != '\n' {
				return content, i, ErrBareCR
			}
			content = append(content, '\r', '\n')
			i++
			break
		}
	}
	return content, len(in), io.ErrUnexpectedEOF
}

// checkDots compares the reader with the reference, for input in pieces and reads of some size.
func checkDots(t *testing.T, in []byte, piece, read int) {
	t.Helper()
	want, used, wantErr := refDots(in)
	c := NewConn(chopped(in, piece), Config{})
	d := c.Dots()
	var got []byte
	var err error
	for p := make([]byte, read); err == nil; {
		var n int
		n, err = d.Read(p)
		got = append(got, p[:n]...)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	switch {
	case wantErr == nil:
		rest, _ := io.ReadAll(io.MultiReader(bytes.NewReader(c.buf[c.r:c.w]), c.NetConn()))
		if err != nil || !bytes.Equal(got, want) || !bytes.Equal(rest, in[used:]) || d.Size() != int64(len(want)) {
			t.Fatalf("%q in pieces of %d, reads of %d:\n got %q, %v, left %q\nwant %q, left %q", in, piece, read, got, err, rest, want, in[used:])
		}
	case IsBareNewline(wantErr):
		// Which of two wrong line ends is told is not promised, and how much came before neither: it is thrown away.
		if !IsBareNewline(err) || !bytes.HasPrefix(want, got) {
			t.Fatalf("%q in pieces of %d: got %q, %v, want %q, %v", in, piece, got, err, want, wantErr)
		}
	default:
		if !errors.Is(err, wantErr) && !IsBareNewline(err) || !bytes.HasPrefix(want, got) {
			t.Fatalf("%q in pieces of %d: got %q, %v, want %q, %v", in, piece, got, err, want, wantErr)
		}
	}
}

var dotCases = []string{
	".\r\n", "..\r\n.\r\n", "a\r\n.\r\n", "a\r\n..\r\n.\r\nQUIT\r\n", "\r\n.\r\n", "\r\n\r\n.\r\nx", ".a\r\n.\r\n", "a.\r\n.\r\n",
	"...\r\n.\r\n", "a\r\n.b\r\n..c\r\n.\r\n", "", ".", ".\r", "a", "a\r", "a\r\n", "a\r\n.", "a\r\n.\r", "a\r\n..", "a\r\n. \r\n.\r\n",
	"a\r\n.\r\n.\r\n", "Subject: x\r\n\r\nbody\r\n.\r\nRSET\r\n",
}

// smuggling is what was found to end a message at some servers and not at others (SEC Consult, "SMTP Smuggling", December
// 2023; and its variants since). Each is followed by an envelope that must never be seen as one.
var smuggling = []string{
	"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n", "\r\r\n.\r\r\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n",
	"\r\n.\r\r\n", "\n\r\n.\n", "\r\n\n.\n", "\x0b.\x0b", "\u0085.\u0085", "\r\n.\t\r\n", "\r\n .\r\n", "\r\n.\x1a\r\n",
}

func TestDots(t *testing.T) {
	for _, in := range dotCases {
		for piece := 1; piece <= 8; piece++ {
			for _, read := range []int{1, 2, 3, 100} {
				checkDots(t, []byte(in), piece, read)
			}
		}
	}
}

func TestSmuggling(t *testing.T) {
	const tail = "MAIL FROM:<evil@example.org>\r\n"
	for _, end := range smuggling {
		in := "From: a\r\n\r\nhello" + end + tail + "\r\n.\r\nQUIT\r\n"
		for piece := 1; piece <= 6; piece++ {
			c := NewConn(chopped([]byte(in), piece), Config{})
			d := c.Dots()
			got, err := io.ReadAll(d)
			if err == nil && !strings.Contains(string(got), tail) {
				t.Errorf("%q ended the message", end)
			}
			if err != nil && !IsBareNewline(err) {
				t.Errorf("%q: %v", end, err)
			}
			bare := strings.ContainsAny(strings.ReplaceAll(end, "\r\n", ""), "\r\n")
			if bare != IsBareNewline(err) {
				t.Errorf("%q: bare CR or LF is told: %v", end, err)
			}
			if err := d.Skip(1 << 20); err != nil {
				t.Errorf("%q: skip: %v", end, err)
			}
			if l, err := c.ReadLine(); string(l) != "QUIT" {
				t.Errorf("%q: after the message comes %q, %v", end, l, err)
			}
		}
	}
}

// TestSkip stops reading after every number of bytes and looks whether the end is still found.
func TestSkip(t *testing.T) {
	in := "a\r\n.b\r\n\r\n..\r\nlong line here\r\n.\r\nQUIT\r\n"
	want, _, _ := refDots([]byte(in))
	for stop := range len(want) + 1 {
		for piece := 1; piece <= len(in); piece++ {
			c := NewConn(chopped([]byte(in), piece), Config{})
			d := c.Dots()
			if _, err := io.ReadFull(d, make([]byte, stop)); err != nil {
				t.Fatal(err)
			}
			if err := d.Skip(1000); err != nil {
				t.Fatalf("stopped at %d, pieces of %d: %v", stop, piece, err)
			}
			if l, err := c.ReadLine(); string(l) != "QUIT" {
				t.Fatalf("stopped at %d, pieces of %d: then %q, %v", stop, piece, l, err)
			}
			if _, err := d.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Fatalf("read after skip: %v", err)
			}
		}
	}
}

func TestSkipGivesUp(t *testing.T) {
	c := NewConn(chopped(bytes.Repeat([]byte("x"), 1<<20), 4096), Config{})
	if err := c.Dots().Skip(1 << 16); !errors.Is(err, ErrEndless) {
		t.Errorf("got %v", err)
	}
}

func TestWriteTo(t *testing.T) {
	body := strings.Repeat(".line with a dot\r\n..\r\nplain\r\n", 5000)
	var wire bytes.Buffer
	w := NewDotWriter(&wire)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	var got bytes.Buffer
	c := NewConn(chopped(wire.Bytes(), 7777), Config{Pool: &Pool{}})
	n, err := c.Dots().WriteTo(&got)
	if err != nil || n != int64(len(body)) || got.String() != body {
		t.Errorf("%d of %d bytes, %v", n, len(body), err)
	}
}

func TestDotWriter(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ".\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{"..\r\na.\r\n\r\n.b", "...\r\na.\r\n\r\n..b\r\n.\r\n"},
		{"a\nb\r\n", "!bare LF"},
		{"a\rb\r\n", "!bare CR"},
		{"a\r\r\n", "!bare CR"},
		{"\n", "!bare LF"},
		{"a\r", "!bare CR"},
	} {
		for piece := 1; piece <= 10; piece++ {
			var b bytes.Buffer
			w := NewDotWriter(&b)
			var err error
			for in := []byte(c.in); len(in) > 0 && err == nil; {
				n := min(piece, len(in))
				_, err = w.Write(in[:n])
				in = in[n:]
			}
			if cerr := w.Close(); err == nil {
				err = cerr
			}
			if msg, ok := strings.CutPrefix(c.want, "!"); ok {
				if err == nil || !strings.HasPrefix(err.Error(), msg) || bytes.HasSuffix(b.Bytes(), finalLine) {
					t.Errorf("%q in pieces of %d: %q, %v", c.in, piece, b.String(), err)
				}
				continue
			}
			if err != nil || b.String() != c.want {
				t.Errorf("%q in pieces of %d: %q, %v, want %q", c.in, piece, b.String(), err, c.want)
			}
		}
	}
}

func FuzzDots(f *testing.F) {
	for _, in := range dotCases {
		f.Add([]byte(in), uint8(3), uint8(5))
	}
	for _, in := range smuggling {
		f.Add([]byte("a"+in+"b\r\n.\r\n"), uint8(2), uint8(9))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece, read uint8) {
		checkDots(t, in, int(piece)+1, int(read)+1)
	})
}

// FuzzDotsRoundTrip holds that what DotWriter takes, DotReader gives back, with the last line ended.
func FuzzDotsRoundTrip(f *testing.F) {
	for _, in := range dotCases {
		f.Add([]byte(in), uint8(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		var wire bytes.Buffer
		w := NewDotWriter(&wire)
		for _, p := range chopped(in, int(piece)+1).pieces {
			if _, err := w.Write(p); err != nil {
				if !IsBareNewline(err) {
					t.Fatal(err)
				}
				return
			}
		}
		if err := w.Close(); err != nil {
			return // a CR at the very end
		}
		want := in
		if len(in) > 0 && !bytes.HasSuffix(in, crlf) {
			want = append(bytes.Clone(in), crlf...)
		}
		got, err := io.ReadAll(NewConn(chopped(wire.Bytes(), int(piece)+1), Config{}).Dots())
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q came back as %q, %v", in, got, err)
		}
	})
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte("EHLO a\r\nMAIL FROM:<>\r\n"), uint8(3))
	f.Add([]byte("a\nb\r\n"), uint8(1))
	f.Add([]byte(strings.Repeat("x", 100)+"\r\nNOOP\r\n"), uint8(50))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		c := NewConn(chopped(in, int(piece)+1), Config{MaxLine: 64})
		for at := 0; ; {
			l, err := c.ReadLine()
			if errors.Is(err, ErrTooLong) {
				at = bytes.Index(in, crlf) // only that it goes on is checked
				continue
			}
			if err != nil {
				return
			}
			if len(l) > 64 || bytes.ContainsAny(l, "\r\n") || !bytes.Contains(in[max(at, 0):], append(bytes.Clone(l), crlf...)) {
				t.Fatalf("line %q of %q", l, in)
			}
		}
	})
}

func BenchmarkDots(b *testing.B) {
	for _, length := range []int{30, 76, 998} {
		b.Run(fmt.Sprintf("line%d", length), func(b *testing.B) {
			wire := append(bytes.Repeat([]byte(strings.Repeat("x", length)+"\r\n"), (1<<20)/length), finalLine...)
			s := &script{}
			c := NewConn(s, Config{Pool: &Pool{}})
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				s.pieces = append(s.pieces[:0], wire)
				if _, err := c.Dots().WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDotWriter(b *testing.B) {
	body := bytes.Repeat([]byte(strings.Repeat("x", 76)+"\r\n"), 1<<13)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		w := NewDotWriter(io.Discard)
		_, _ = w.Write(body)
		_ = w.Close()
	}
}

func BenchmarkReadLine(b *testing.B) {
	wire := bytes.Repeat([]byte("RCPT TO:<somebody@example.org>\r\n"), 100)
	s := &script{}
	c := NewConn(s, Config{Pool: &Pool{}})
	b.ReportAllocs()
	for b.Loop() {
		s.pieces = append(s.pieces[:0], wire)
		for range 100 {
			if _, err := c.ReadLine(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
