package message

import (
	"errors"
	"io"
	"time"
)

// HeaderEncoding says how text outside of ASCII is written in headers.
type HeaderEncoding int

// The encodings of header text.
const (
	// HeaderASCII writes RFC 2047 words and RFC 2231 parameters: every server can carry it.
	HeaderASCII HeaderEncoding = iota
	// HeaderUTF8 writes UTF-8 as it is (RFC 6532): the message needs SMTPUTF8.
	HeaderUTF8
)

// Leaf describes a part without parts, or a message in one piece.
type Leaf struct {
	Type        string // "text/plain"
	Params      Params // values as people read them; encoded as needed
	Encoding    string // "quoted-printable", "base64", "7bit", "8bit": how what is written gets encoded
	Disposition string // "inline", "attachment" or empty
	Filename    string
	ID          string // Content-ID with its angle brackets, or empty
	Description string
}

// Composer writes a message of our own making: header fields, then a body. Errors of the writer are kept and told by
// Close.
type Composer struct {
	w   io.Writer
	enc HeaderEncoding
	err error
}

// NewComposer begins a message.
func NewComposer(w io.Writer, enc HeaderEncoding) *Composer { return &Composer{w: w, enc: enc} }

// Field writes a field whose value is structured and ASCII already, folded at its spaces.
func (c *Composer) Field(name, value string) { c.err = errors.ErrUnsupported }

// Text writes an unstructured field (Subject, Comments), encoded as needed.
func (c *Composer) Text(name, value string) { c.err = errors.ErrUnsupported }

// Addresses writes an address field; names are as people read them and are encoded as needed.
func (c *Composer) Addresses(name string, list ...Address) { c.err = errors.ErrUnsupported }

// Date writes the Date field.
func (c *Composer) Date(t time.Time) { c.err = errors.ErrUnsupported }

// Body ends the header and begins the one body; closing it ends the message.
func (c *Composer) Body(l Leaf) io.WriteCloser { return nil }

// Multipart ends the header and begins a body of several parts; closing it ends the message.
func (c *Composer) Multipart(subtype string, params ...Param) *Multipart { return nil }

// Multipart is a body of several parts being written, one after the other.
type Multipart struct{}

// Part begins the next part; close it before the next.
func (m *Multipart) Part(l Leaf) io.WriteCloser { return nil }

// Multipart begins a part that has parts of its own; close it before the next.
func (m *Multipart) Multipart(subtype string, params ...Param) *Multipart { return nil }

// Close ends the multipart with its closing delimiter and tells the first error of all writing.
func (m *Multipart) Close() error { return errors.ErrUnsupported }
