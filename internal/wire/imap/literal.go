package imap

import (
	"bytes"
	"errors"
	"io"
)

// Literal is the head of a literal: "{n}", "{n+}" (RFC 7888) or "~{n}" (RFC 3516, RFC 6855).
type Literal struct {
	Size    int64
	NonSync bool // the client does not wait for a continuation request
	Binary  bool // literal8
}

// maxLiteralHead is more than the longest literal's head: "~{", 18 digits, "+}", CRLF.
const maxLiteralHead = 32

// literalAtEnd reads a literal's head from the end of a line.
func literalAtEnd(line []byte) (Literal, bool) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	var h Literal
	if len(line) < 3 || line[len(line)-1] != '}' {
		return h, false
	}
	open := bytes.LastIndexByte(line[max(0, len(line)-maxLiteralHead):], '{')
	if open < 0 {
		return h, false
	}
	open += max(0, len(line)-maxLiteralHead)
	digits := line[open+1 : len(line)-1]
	if n := len(digits); n > 0 && digits[n-1] == '+' {
		h.NonSync = true
		digits = digits[:n-1]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return h, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return h, false
		}
		h.Size = h.Size*10 + int64(c-'0')
	}
	h.Binary = open > 0 && line[open-1] == '~'
	return h, true
}

// inline reads a small literal into the command.
func (r *Reader) inline(lit Literal) error {
	if !lit.NonSync {
		if err := r.hooks.Continue(); err != nil {
			return err
		}
	}
	r.cmd = append(r.cmd, '\r', '\n')
	for left := lit.Size; left > 0; {
		if !r.Buffered() {
			if err := r.fill(); err != nil {
				return err
			}
		}
		n := int(min(left, int64(len(r.in)-r.pos)))
		r.cmd = append(r.cmd, r.in[r.pos:r.pos+n]...)
		r.pos += n
		left -= int64(n)
	}
	return nil
}

// isMessage reports whether the literal that ends the arguments is a message and not a mailbox name: any but the first
// argument of an APPEND.
func isMessage(name string, args []byte) bool {
	if name != "APPEND" {
		return false
	}
	first := bytes.IndexByte(args, '{')
	return first != 0 || bytes.IndexByte(args, '\n') >= 0
}

// skip reads away the rest of a command that made no sense so far: literals the client sends without being asked
// belong to it.
func (r *Reader) skip(cause error) error {
	lit, ok := literalAtEnd(r.last)
	if !ok {
		return cause
	}
	return r.refuse(lit, cause)
}

// Refuse leaves a message literal alone: the client of a synchronizing one never sends it, any other is read away with
// the rest of its command. An error other than cause ends the connection. The session then answers with cause.
func (r *Reader) Refuse(lit Literal) error {
	cause := &SyntaxError{}
	if err := r.refuse(lit, cause); err != error(cause) {
		return err
	}
	return nil
}

func (r *Reader) refuse(lit Literal, cause error) error {
	budget := r.lim.Discard
	for lit.NonSync {
		if budget -= lit.Size; budget < 0 {
			return ErrTooMuch
		}
		if _, err := io.Copy(io.Discard, &messageReader{r: r, left: lit.Size}); err != nil {
			return err
		}
		line, _, err := r.line(r.cmd[:0], r.lim.Line)
		if r.cmd = line; err != nil {
			return err
		}
		var ok bool
		if lit, ok = literalAtEnd(r.last); !ok {
			break
		}
	}
	return cause
}

// Message asks the client for a literal if it waits to be asked, and gives its bytes as a stream that ends with io.EOF
// after exactly Size bytes, or with io.ErrUnexpectedEOF if the client goes away. It must be read to its end
// before anything else is.
func (r *Reader) Message(lit Literal) (io.Reader, error) {
	if !lit.NonSync {
		if err := r.hooks.Continue(); err != nil {
			return nil, err
		}
	}
	return &messageReader{r: r, left: lit.Size}, nil
}

type messageReader struct {
	r    *Reader
	left int64
}

func (m *messageReader) Read(p []byte) (int, error) {
	if m.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), m.left)]
	if len(p) == 0 {
		return 0, nil
	}
	r := m.r
	if r.Buffered() {
		n := copy(p, r.in[r.pos:])
		r.pos += n
		m.left -= int64(n)
		return n, nil
	}
	if err := r.hooks.Wait(); err != nil {
		return 0, err
	}
	n, err := r.conn.Read(p)
	m.left -= int64(n)
	if err != nil && n > 0 {
		err = nil
	}
	return n, eofInside(err)
}

// eofInside makes an end of input inside a command unexpected.
func eofInside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
