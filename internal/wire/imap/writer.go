package imap

import (
	"fmt"
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// flushAt is how much a Writer gathers before it sends by itself.
const flushAt = 16 << 10

// Writer writes responses to a connection, as a rule a line.Conn that sends them when it next waits. Its methods append
// to a lent buffer; Flush hands that on and gives it back. The first error is kept, and after it nothing is written;
// Flush tells it. A Writer is used by one goroutine.
type Writer struct {
	conn io.Writer
	pool *Pool
	buf  []byte
	sent int64 // bytes handed on
	err  error
	// Enc is how strings and mailbox names with characters outside of ASCII are written.
	Enc Encoding
}

// NewWriter writes to conn, with buffers of pool.
func NewWriter(conn io.Writer, pool *Pool) *Writer { return &Writer{conn: conn, pool: pool} }

// Err is the first error of the connection.
func (w *Writer) Err() error { return w.err }

// Flush hands on what was written and gives the buffer back. Call it after each command.
func (w *Writer) Flush() error {
	w.send()
	if w.buf != nil {
		w.pool.giveBack(w.buf)
		w.buf = nil
	}
	return w.err
}

func (w *Writer) send() {
	if len(w.buf) > 0 && w.err == nil {
		_, w.err = w.conn.Write(w.buf)
	}
	w.sent += int64(len(w.buf))
	w.buf = w.buf[:0]
}

// Written is how many bytes have been written so far, handed on or not.
func (w *Writer) Written() int64 { return w.sent + int64(len(w.buf)) }

// room makes sure that there is a buffer, makes one that fills up a big one, though a long answer may have grown it in between, and
// sends a big one that is full. So there are always some hundred bytes free.
func (w *Writer) room() {
	switch {
	case w.buf == nil:
		w.buf = w.pool.lend()
	case len(w.buf) >= flushAt:
		w.send()
	case len(w.buf) > newBuffer*3/4 && cap(w.buf) < bigBuffer:
		big := append(w.pool.lendBig(), w.buf...)
		w.pool.giveBack(w.buf)
		w.buf = big
	}
}

// Raw writes s as it is.
func (w *Writer) Raw(s string) *Writer {
	w.room()
	w.buf = append(w.buf, s...)
	return w
}

// Append lets f append to the buffer: for the Append functions of this package.
func (w *Writer) Append(f func(dst []byte) []byte) *Writer {
	w.room()
	w.buf = f(w.buf)
	return w
}

// Number writes a number.
func (w *Writer) Number(n uint64) *Writer {
	w.room()
	w.buf = appendUint(w.buf, n)
	return w
}

// String writes a string, quoted or as a literal.
func (w *Writer) String(s string) *Writer {
	w.room()
	w.buf = AppendString(w.buf, s, w.Enc)
	return w
}

// NString writes a string, or NIL for the empty one.
func (w *Writer) NString(s string) *Writer {
	w.room()
	w.buf = AppendNString(w.buf, s, w.Enc)
	return w
}

// Mailbox writes a mailbox name.
func (w *Writer) Mailbox(name string) *Writer {
	w.room()
	w.buf = AppendMailbox(w.buf, name, w.Enc)
	return w
}

// Set writes a set of numbers.
func (w *Writer) Set(s Set) *Writer {
	w.room()
	w.buf = s.Append(w.buf)
	return w
}

// Flags writes a list of flags and keywords in parentheses.
func (w *Writer) Flags(f mail.Flags, keywords []string) *Writer {
	w.room()
	w.buf = AppendFlags(w.buf, f, keywords)
	return w
}

var flagNames = [...]struct {
	flag mail.Flags
	name string
}{
	{mail.FlagAnswered, `\Answered`}, {mail.FlagFlagged, `\Flagged`}, {mail.FlagDeleted, `\Deleted`},
	{mail.FlagSeen, `\Seen`}, {mail.FlagDraft, `\Draft`},
}

// AppendFlags writes a list of flags and keywords in parentheses.
func AppendFlags(dst []byte, f mail.Flags, keywords []string) []byte {
	dst = append(dst, '(')
	start := len(dst)
	for _, n := range flagNames {
		if f.Has(n.flag) {
			dst = append(append(dst, n.name...), ' ')
		}
	}
	for _, k := range keywords {
		dst = append(append(dst, k...), ' ')
	}
	if len(dst) > start {
		dst = dst[:len(dst)-1]
	}
	return append(dst, ')')
}

// Time writes an internal date.
func (w *Writer) Time(t time.Time) *Writer {
	w.room()
	w.buf = AppendDateTime(w.buf, t)
	return w
}

// CRLF ends a response.
func (w *Writer) CRLF() *Writer { return w.Raw("\r\n") }

// Untagged writes "* ", a number, a space and the rest of a response's start ("EXISTS", "FETCH (").
func (w *Writer) Untagged(n uint32, what string) *Writer {
	w.room()
	w.buf = AppendUntagged(w.buf, n, what)
	return w
}

// AppendUntagged writes what Writer.Untagged does.
func AppendUntagged(dst []byte, n uint32, what string) []byte {
	dst = appendUint(append(dst, "* "...), uint64(n))
	return append(append(dst, ' '), what...)
}

// AppendNumber writes a number.
func AppendNumber(dst []byte, n uint64) []byte { return appendUint(dst, n) }

// Numbers writes the numbers of a set one by one, each with a space before it, as SEARCH answers.
func (w *Writer) Numbers(s Set) *Writer {
	for _, r := range s.ranges {
		for n := uint64(r.First); n <= uint64(r.Last); {
			w.room()
			end := min(uint64(r.Last), n+numbersAtOnce-1)
			w.buf = appendNumbers(w.buf, n, end)
			n = end + 1
		}
	}
	return w
}

// numbersAtOnce numbers of up to ten digits and a space fit behind what fills a small buffer.
const numbersAtOnce = 64

// appendNumbers writes all from first to last by counting in decimal.
func appendNumbers(dst []byte, first, last uint64) []byte {
	start := len(dst)
	dst = appendUint(append(dst, ' '), first)
	width := len(dst) - start
	for n := first; n < last; n++ {
		if dst[len(dst)-1] != '9' {
			dst = append(dst, dst[len(dst)-width:]...)
			dst[len(dst)-1]++
			continue
		}
		start = len(dst)
		dst = appendUint(append(dst, ' '), n+1)
		width = len(dst) - start
	}
	return dst
}

// Status is a status response's condition.
type Status string

// The conditions of RFC 9051 section 7.1.
const (
	OK      Status = "OK"
	NO      Status = "NO"
	BAD     Status = "BAD"
	BYE     Status = "BYE"
	PreAuth Status = "PREAUTH"
)

// Reply writes a status response; tag "*" or "" makes it untagged, code ("ALERT", "UIDNEXT 5") may be empty. Line ends in
// the text become spaces.
func (w *Writer) Reply(tag string, s Status, code, text string) *Writer {
	if tag == "" {
		tag = "*"
	}
	w.Raw(tag).Raw(" ").Raw(string(s)).Raw(" ")
	if code != "" {
		w.Raw("[").Raw(code).Raw("] ")
	}
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c == 0x7f || c > 0x7f && w.Enc != UTF8 {
			c = ' '
		}
		w.buf = append(w.buf, c)
	}
	return w.CRLF()
}

// Continue writes a continuation request.
func (w *Writer) Continue(text string) *Writer { return w.Raw("+ ").Raw(text).CRLF() }

// literalHead writes the head of a literal of n bytes: "{n}" or, for literal8, "~{n}".
func (w *Writer) literalHead(n int64, binary bool) {
	if binary {
		w.Raw("~")
	}
	w.Raw("{").Number(uint64(n)).Raw("}\r\n")
}

// Literal writes n bytes of r as a literal. If r fails or ends early, the client could not tell where the response goes
// on: the error becomes the Writer's own and ends the connection.
func (w *Writer) Literal(n int64, r io.Reader) error { return w.stream(n, r, false) }

// Literal8 is Literal for bytes that may hold NUL (RFC 3516).
func (w *Writer) Literal8(n int64, r io.Reader) error { return w.stream(n, r, true) }

func (w *Writer) stream(n int64, r io.Reader, binary bool) error {
	w.literalHead(n, binary)
	for n > 0 && w.err == nil {
		w.room()
		free := w.buf[len(w.buf):cap(w.buf)]
		got, err := r.Read(free[:min(n, int64(len(free)))])
		w.buf = w.buf[:len(w.buf)+got]
		n -= int64(got)
		if err != nil && n > 0 && w.err == nil {
			w.err = fmt.Errorf("read a literal's content: %w", eofInside(err))
		}
	}
	return w.err
}
