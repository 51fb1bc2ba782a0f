package imap

import (
	"bytes"
	"io"
)

// Literal is the head of a literal: "{n}", "{n+}" (RFC 7888) or "~{n}" (RFC 3516, RFC 6855).
type Literal struct {
	Size    int64
	NonSync bool // the client does not wait for a continuation request
	Binary  bool // literal8
}

// maxLiteralHead is more than the longest literal's head: "~{", 18 digits, "+}".
const maxLiteralHead = 32

// literalAtEnd reads a literal's head from the end of a line.
func literalAtEnd(l []byte) (Literal, bool) {
	var h Literal
	if len(l) < 3 || l[len(l)-1] != '}' {
		return h, false
	}
	l = l[max(0, len(l)-maxLiteralHead):]
	open := bytes.LastIndexByte(l, '{')
	if open < 0 {
		return h, false
	}
	digits := l[open+1 : len(l)-1]
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
	h.Binary = open > 0 && l[open-1] == '~'
	return h, true
}

// Message asks the client for a literal if it waits to be asked, and gives its bytes as a stream that ends with io.EOF
// after exactly Size bytes, or with io.ErrUnexpectedEOF if the client goes away. It must be read to its end before
// anything else is.
func (r *Reader) Message(lit Literal) (io.Reader, error) {
	if !lit.NonSync {
		if err := r.ask(); err != nil {
			return nil, err
		}
	}
	return r.conn.Exactly(lit.Size), nil
}

// inline appends a small literal's bytes to the command.
func (r *Reader) inline(buf []byte, lit Literal) ([]byte, error) {
	body, err := r.Message(lit)
	if err != nil {
		return nil, err
	}
	n := len(buf)
	buf = append(buf, make([]byte, lit.Size)...)
	_, err = io.ReadFull(body, buf[n:])
	return buf, eofInside(err)
}

// skip reads away the rest of a command that made no sense so far: literals the client sends without being asked
// belong to it.
func (r *Reader) skip(last []byte, cause error) error {
	lit, ok := literalAtEnd(last)
	if !ok {
		return cause
	}
	return r.refuse(lit, cause)
}

// Refuse leaves a message literal alone: the client of a synchronizing one never sends it, any other is read away with
// the rest of its command. An error ends the connection; without one the session answers the command with its refusal.
func (r *Reader) Refuse(lit Literal) error { return r.refuse(lit, nil) }

func (r *Reader) refuse(lit Literal, cause error) error {
	budget := r.lim.Discard
	for lit.NonSync {
		if budget -= lit.Size; budget < 0 {
			return ErrTooMuch
		}
		if err := r.conn.Exactly(lit.Size).Skip(); err != nil {
			return eofInside(err)
		}
		l, err := r.readLine()
		if err != nil {
			return err
		}
		var ok bool
		if lit, ok = literalAtEnd(l); !ok {
			break
		}
	}
	return cause
}
