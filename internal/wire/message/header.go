package message

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrHeaderTooLarge means a header block is beyond MaxHeader, MaxFields or MaxField.
var ErrHeaderTooLarge = errors.New("message: header is too large")

// Field is one header field with its exact bytes.
type Field struct {
	// Raw is the whole field with its folds and its last line break. It is shared with the header it came from: do not
	// change it.
	Raw  []byte
	name int // length of the name; 0 for bytes that are no field
}

// Header is a header block: fields in their order, without the blank line that ends it.
type Header []Field

// MakeField makes a field of a name and a value that is already folded and encoded; CRLF is added.
func MakeField(name, value string) Field {
	raw := make([]byte, 0, len(name)+len(value)+4)
	raw = append(raw, name...)
	raw = append(raw, ": "...)
	raw = append(raw, value...)
	raw = append(raw, "\r\n"...)
	return Field{Raw: raw, name: len(name)}
}

// Name is the field's name as written; empty for a line that is no field.
func (f Field) Name() string { return string(f.Raw[:f.name]) }

// Is reports whether the field has this name, in any case.
func (f Field) Is(name string) bool {
	return f.name == len(name) && f.name > 0 && equalFoldASCII(f.Raw[:f.name], name)
}

// Value is what follows the colon, unfolded (RFC 5322 section 2.2.3) and without white space around it.
func (f Field) Value() string {
	if f.name == 0 {
		return ""
	}
	v := f.Raw[f.name:]
	colon := bytes.IndexByte(v, ':')
	return unfold(v[colon+1:])
}

// RawValue is what follows the colon, with its folds and its last line break.
func (f Field) RawValue() []byte {
	if f.name == 0 {
		return nil
	}
	v := f.Raw[f.name:]
	return v[bytes.IndexByte(v, ':')+1:]
}

// unfold takes CR and LF out and trims.
func unfold(v []byte) string {
	v = bytes.Trim(v, " \t\r\n")
	if bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0 {
		return string(v)
	}
	out := make([]byte, 0, len(v))
	for _, c := range v {
		if c != '\r' && c != '\n' {
			out = append(out, c)
		}
	}
	return string(out)
}

// equalFoldASCII compares ASCII letters without case and allocates nothing.
func equalFoldASCII(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		d := s[i]
		if c == d {
			continue
		}
		if c|0x20 != d|0x20 || c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// ParseHeader splits a header block into fields. It ends at a blank line or at the end of the block. Lines that are no
// fields are kept, nameless. The fields share the block's memory. Beyond MaxFields or MaxField, the error is
// ErrHeaderTooLarge, and the fields so far are returned.
func ParseHeader(block []byte) (Header, error) {
	h := make(Header, 0, min(bytes.Count(block, []byte{'\n'})+1, 64))
	for len(block) > 0 && !startsBlank(block) {
		n := fieldEnd(block)
		if len(h) == MaxFields || n > MaxField {
			return h, ErrHeaderTooLarge
		}
		h = append(h, Field{Raw: block[:n:n], name: nameLen(block[:n])})
		block = block[n:]
	}
	return h, nil
}

func startsBlank(b []byte) bool {
	return b[0] == '\n' || len(b) > 1 && b[0] == '\r' && b[1] == '\n'
}

// fieldEnd finds where the field at the block's beginning ends: at the first line break that no white space follows.
func fieldEnd(block []byte) int {
	n := 0
	for {
		i := bytes.IndexByte(block[n:], '\n')
		if i < 0 {
			return len(block)
		}
		n += i + 1
		if n == len(block) || block[n] != ' ' && block[n] != '\t' {
			return n
		}
	}
}

// nameLen is the length of the field name at the line's beginning (RFC 5322 section 2.2: printable ASCII without colon),
// with white space before the colon tolerated (section 4.5.8); zero if the line is no field.
func nameLen(line []byte) int {
	i := 0
	for i < len(line) && line[i] > ' ' && line[i] < 0x7f && line[i] != ':' {
		i++
	}
	n := i
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if i == len(line) || line[i] != ':' {
		return 0
	}
	return n
}

// ReadHeader reads a message's header block, with the blank line, and leaves the reader at the first byte of the body. A
// line that is no field ends the header as well and belongs to the body, as many programs write a body without a
// header. A line "From " or ">From " before the first field (from a mailbox file) is skipped.
//
// Errors are ErrHeaderTooLarge and those of the reader; the end of the message is none. Line breaks are not changed; a
// line is never longer than MaxField.
func ReadHeader(r *bufio.Reader) (Header, error) { return new(HeaderReader).Read(r) }

// HeaderReader reads header blocks, each into the memory of the last. The zero HeaderReader is ready.
type HeaderReader struct{ c collector }

// Read is ReadHeader. The header is valid until the next Read.
func (hr *HeaderReader) Read(r *bufio.Reader) (Header, error) {
	c := &hr.c
	c.reset()
	for {
		kind, err := peekLine(r, c.open)
		if err != nil && !errors.Is(err, io.EOF) {
			return c.header(), fmt.Errorf("read header: %w", err)
		}
		if kind == lineOther && c.total == 0 && isMboxLine(r) {
			kind = lineMbox
		}
		if kind == lineOther || err != nil {
			err = c.end()
			return c.header(), err
		}
		n, err := c.readLine(r, kind)
		if err != nil {
			return c.header(), err
		}
		c.total += n
		if kind == lineBlank {
			err = c.end()
			return c.header(), err
		}
	}
}

// usualFields is how many fields a header usually has at most, keepFields of how many the memory is kept for the next.
const (
	usualFields = 24
	keepFields  = 256
)

// collector puts a header's lines into one piece of memory.
type collector struct {
	block []byte // all fields so far, and the one being read
	h     Header // ended fields, with their lengths only: block may still move
	begin int    // where the field being read begins in block
	open  bool   // a field is being read
	total int    // bytes read
}

// reset makes the collector ready for another header, in memory that is usual for one.
func (c *collector) reset() {
	block, h := c.block[:0], c.h[:0]
	if cap(block) == 0 || cap(block) > keepHeader {
		block = make([]byte, 0, usualHeader)
	}
	if cap(h) == 0 || cap(h) > keepFields {
		h = make(Header, 0, usualFields)
	}
	*c = collector{block: block, h: h}
}

// readLine reads a line of a kind that is known. A line that belongs to no field is thrown away.
func (c *collector) readLine(r *bufio.Reader, kind lineKind) (int, error) {
	if kind == lineField {
		if err := c.end(); err != nil {
			return 0, err
		}
		c.begin, c.open = len(c.block), true
	}
	n := 0
	for {
		b, err := r.ReadSlice('\n')
		n += len(b)
		if n > min(MaxHeader-c.total, MaxField) {
			return n, ErrHeaderTooLarge
		}
		if kind == lineField || kind == lineFold {
			c.block = append(c.block, b...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return n, fmt.Errorf("read header: %w", err)
		}
		break
	}
	if len(c.block)-c.begin > MaxField {
		c.open = false
		return n, ErrHeaderTooLarge
	}
	return n, nil
}

// end ends the field that is being read.
func (c *collector) end() error {
	if !c.open {
		return nil
	}
	c.open = false
	if len(c.h) == MaxFields {
		return ErrHeaderTooLarge
	}
	c.h = append(c.h, Field{Raw: c.block[c.begin:], name: nameLen(c.block[c.begin:])})
	return nil
}

// header gives the ended fields; where they are is told by their lengths.
func (c *collector) header() Header {
	if len(c.h) == 0 {
		return nil
	}
	at := 0
	for i := range c.h {
		n := at + len(c.h[i].Raw)
		c.h[i].Raw = c.block[at:n:n]
		at = n
	}
	return c.h
}

type lineKind int

const (
	lineOther lineKind = iota
	lineBlank
	lineField
	lineFold
	lineMbox
)

// peekLine says what the next line is, without reading it. At the end of the message the error is io.EOF.
func peekLine(r *bufio.Reader, inField bool) (lineKind, error) {
	const longestName = 512
	var b []byte
	for n := 1; n <= min(longestName, r.Size()); n++ {
		if len(b) < n {
			var err error
			if b, err = r.Peek(n); len(b) < n {
				if err == io.EOF && n > 1 {
					return lineOther, nil
				}
				return lineOther, err
			}
			b, _ = r.Peek(min(max(r.Buffered(), n), longestName)) // what is there anyway
		}
		c := b[n-1]
		switch {
		case n == 1 && c == '\n', n == 2 && b[0] == '\r' && c == '\n':
			return lineBlank, nil
		case n == 1 && c == '\r':
		case n == 1 && (c == ' ' || c == '\t'):
			if inField {
				return lineFold, nil
			}
			return lineOther, nil
		case c == ':':
			if nameLen(b[:n]) > 0 {
				return lineField, nil
			}
			return lineOther, nil
		case c < ' ' && c != '\t' || c >= 0x7f:
			return lineOther, nil
		}
	}
	return lineOther, nil
}

func isMboxLine(r *bufio.Reader) bool {
	b, _ := r.Peek(6)
	s := string(b)
	return strings.HasPrefix(s, "From ") || s == ">From "
}

// First finds the first field of this name.
func (h Header) First(name string) (Field, bool) {
	for _, f := range h {
		if f.Is(name) {
			return f, true
		}
	}
	return Field{}, false
}

// Get is the value of the first field of this name, unfolded; empty if there is none.
func (h Header) Get(name string) string {
	f, ok := h.First(name)
	if !ok {
		return ""
	}
	return f.Value()
}

// Count counts the fields of this name.
func (h Header) Count(name string) int {
	n := 0
	for _, f := range h {
		if f.Is(name) {
			n++
		}
	}
	return n
}

// Without is the header without the fields of these names.
func (h Header) Without(names ...string) Header {
	out := make(Header, 0, len(h))
next:
	for _, f := range h {
		for _, n := range names {
			if f.Is(n) {
				continue next
			}
		}
		out = append(out, f)
	}
	return out
}

// BareNewline reports whether a CR or an LF stands alone in the header, which programs read differently.
func (h Header) BareNewline() bool {
	for _, f := range h {
		pairs := bytes.Count(f.Raw, []byte("\r\n"))
		if bytes.Count(f.Raw, []byte{'\r'}) != pairs || bytes.Count(f.Raw, []byte{'\n'}) != pairs {
			return true
		}
	}
	return false
}

// Size is the length of the fields in bytes, without the blank line.
func (h Header) Size() int {
	n := 0
	for _, f := range h {
		n += len(f.Raw)
	}
	return n
}

// AppendTo writes the fields and the blank line behind b.
func (h Header) AppendTo(b []byte) []byte {
	for _, f := range h {
		b = append(b, f.Raw...)
		if n := len(f.Raw); n == 0 || f.Raw[n-1] != '\n' {
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}
