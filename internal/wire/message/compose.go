package message

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"time"
)

// Leaf describes a part without parts, or a message in one piece.
type Leaf struct {
	Type        string // "text/plain"
	Params      Params // values as people read them; encoded as needed
	Encoding    string // how what is written gets encoded: "quoted-printable", "base64"; others pass it through
	Disposition string // "inline", "attachment" or empty
	Filename    string
	ID          string // Content-ID with its angle brackets, or empty
	Description string
}

// Composer writes a message of our own making: header fields, then a body. It streams. The first error of the writer or
// of the order of calls is kept, and told when the body is closed.
type Composer struct {
	w      io.Writer
	enc    HeaderEncoding
	err    error
	bodied bool
}

var errComposed = errors.New("message: the header is already complete")

// NewComposer begins a message.
func NewComposer(w io.Writer, enc HeaderEncoding) *Composer { return &Composer{w: w, enc: enc} }

func (c *Composer) put(s string) {
	if c.err == nil {
		_, c.err = io.WriteString(c.w, s)
	}
}

// Field writes a field whose value is structured and encoded already, folded at its spaces. Line breaks in it are
// dropped.
func (c *Composer) Field(name, value string) {
	if c.bodied && c.err == nil {
		c.err = errComposed
	}
	c.field(name, value)
}

func (c *Composer) field(name, value string) {
	c.put(name + ": " + Fold(name, unfold([]byte(value))) + "\r\n")
}

// Text writes an unstructured field (Subject, Comments), encoded as needed.
func (c *Composer) Text(name, value string) { c.Field(name, EncodeText(value, c.enc)) }

// Addresses writes an address field; names are as people read them and are encoded as needed. Without addresses nothing
// is written.
func (c *Composer) Addresses(name string, list ...Address) {
	if len(list) == 0 {
		return
	}
	out := make([]Address, len(list))
	for i, a := range list {
		a.Name = EncodeText(a.Name, c.enc)
		out[i] = a
	}
	c.Field(name, FormatAddressList(out))
}

// Date writes the Date field.
func (c *Composer) Date(t time.Time) { c.Field("Date", FormatDate(t)) }

// Body ends the header and begins the one body. Closing it ends the message and tells the first error.
func (c *Composer) Body(l Leaf) io.WriteCloser {
	c.Field("MIME-Version", "1.0")
	c.bodied = true
	return c.leaf(l)
}

// Multipart ends the header and begins a body of several parts. Closing it ends the message.
func (c *Composer) Multipart(subtype string, params ...Param) *Multipart {
	c.Field("MIME-Version", "1.0")
	c.bodied = true
	return c.multipart(subtype, params)
}

// leaf writes a leaf's header and gives the writer of its body.
func (c *Composer) leaf(l Leaf) io.WriteCloser {
	c.field("Content-Type", l.Type+formatParams(l.Params))
	if l.Encoding != "" && l.Encoding != "7bit" {
		c.field("Content-Transfer-Encoding", l.Encoding)
	}
	if l.Disposition != "" {
		v := l.Disposition
		if l.Filename != "" {
			v += formatParams(Params{{Name: "filename", Value: l.Filename}})
		}
		c.field("Content-Disposition", v)
	}
	if l.ID != "" {
		c.field("Content-ID", l.ID)
	}
	if l.Description != "" {
		c.field("Content-Description", EncodeText(l.Description, c.enc))
	}
	c.put("\r\n")
	return newBodyWriter(c, l.Encoding)
}

func (c *Composer) multipart(subtype string, params Params) *Multipart {
	m := &Multipart{c: c, boundary: newBoundary()}
	params = append(Params{{Name: "boundary", Value: m.boundary}}, params...)
	c.field("Content-Type", "multipart/"+subtype+formatParams(params))
	c.put("\r\n")
	return m
}

// newBoundary makes a boundary that occurs nowhere: random, and with "=_", which no encoded body can hold (RFC 2045
// section 6.7).
func newBoundary() string { return "=_" + strings.ToLower(rand.Text()) }

// Multipart is a body of several parts being written, one after the other.
type Multipart struct {
	c        *Composer
	boundary string
	begun    bool
}

// Boundary is the delimiter between the parts.
func (m *Multipart) Boundary() string { return m.boundary }

func (m *Multipart) delimit() {
	if m.begun {
		m.c.put("\r\n")
	}
	m.begun = true
	m.c.put("--" + m.boundary + "\r\n")
}

// Part begins the next part; close it before the next.
func (m *Multipart) Part(l Leaf) io.WriteCloser {
	m.delimit()
	return m.c.leaf(l)
}

// Multipart begins a part that has parts of its own; close it before the next.
func (m *Multipart) Multipart(subtype string, params ...Param) *Multipart {
	m.delimit()
	return m.c.multipart(subtype, params)
}

// Close ends the multipart with its closing delimiter and tells the first error of all writing.
func (m *Multipart) Close() error {
	if m.begun {
		m.c.put("\r\n")
	}
	m.c.put("--" + m.boundary + "--\r\n")
	return m.c.err
}

// bodyWriter keeps a writer's first error with the Composer.
type bodyWriter struct {
	c   *Composer
	enc io.WriteCloser
}

func newBodyWriter(c *Composer, encoding string) io.WriteCloser {
	raw := rawWriter{c}
	switch encoding {
	case "quoted-printable":
		return &bodyWriter{c: c, enc: quotedprintable.NewWriter(raw)}
	case "base64":
		lines := &lineWriter{w: raw}
		return &bodyWriter{c: c, enc: joinedCloser{base64.NewEncoder(base64.StdEncoding, lines), lines}}
	}
	return &bodyWriter{c: c}
}

// Write implements io.Writer.
func (b *bodyWriter) Write(p []byte) (int, error) {
	if b.enc == nil {
		return rawWriter{b.c}.Write(p)
	}
	return b.enc.Write(p)
}

// Close ends the body. It does not close the message's writer.
func (b *bodyWriter) Close() error {
	if b.enc != nil {
		if err := b.enc.Close(); err != nil && b.c.err == nil {
			b.c.err = err
		}
	}
	return b.c.err
}

type rawWriter struct{ c *Composer }

// Write implements io.Writer.
func (r rawWriter) Write(p []byte) (int, error) {
	if r.c.err != nil {
		return 0, r.c.err
	}
	n, err := r.c.w.Write(p)
	r.c.err = err
	return n, err
}

type joinedCloser struct {
	io.WriteCloser
	after io.Closer
}

// Close closes both.
func (j joinedCloser) Close() error { return errors.Join(j.WriteCloser.Close(), j.after.Close()) }

// lineWriter breaks base64 into lines of 76 characters.
type lineWriter struct {
	w   io.Writer
	col int
}

// Write implements io.Writer.
func (l *lineWriter) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := min(76-l.col, len(p)-n)
		if _, err := l.w.Write(p[n : n+c]); err != nil {
			return n, err
		}
		n += c
		if l.col += c; l.col == 76 {
			l.col = 0
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Close ends the last line.
func (l *lineWriter) Close() error {
	if l.col == 0 {
		return nil
	}
	_, err := io.WriteString(l.w, "\r\n")
	return err
}
