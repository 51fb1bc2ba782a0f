package imap

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError is a command outside the grammar. The connection is in order: the next command can be read.
type SyntaxError struct {
	What string // what was expected or wrong, safe to send to the client
	At   int    // bytes into the arguments
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.What, e.At) }

// Parser walks the arguments of one command. Its methods either take what they name and move on, or leave an error; the
// first error is kept, and after it every method does nothing and gives zero values, so a command's parser can be
// written as a plain sequence and ask Err once at its end.
//
// Strings given out are copies: they outlive the Parser.
type Parser struct {
	buf []byte
	pos int
	err error
	// UTF8 says that mailbox names are UTF-8 (after ENABLE UTF8=ACCEPT or IMAP4rev2) and not modified UTF-7.
	UTF8 bool
}

// NewParser reads arguments that hold their literals in wire form.
func NewParser(args []byte) *Parser { return &Parser{buf: args} }

// Err is the first error, nil if there was none.
func (p *Parser) Err() error { return p.err }

func (p *Parser) fail(what string) {
	if p.err == nil {
		p.err = &SyntaxError{What: what, At: p.pos}
	}
}

// End takes the end of the command and gives the first error, if any. Every command's parser ends with it.
func (p *Parser) End() error {
	if p.err == nil && p.pos != len(p.buf) {
		p.fail("unexpected text after the last argument")
	}
	return p.err
}

// AtEnd reports whether nothing is left, or an error happened.
func (p *Parser) AtEnd() bool { return p.err != nil || p.pos >= len(p.buf) }

// peek is the next byte, zero at the end or after an error. (No command holds a NUL.)
func (p *Parser) peek() byte {
	if p.err != nil || p.pos >= len(p.buf) {
		return 0
	}
	return p.buf[p.pos]
}

// take moves over c if it is next.
func (p *Parser) take(c byte) bool {
	if p.peek() != c || c == 0 {
		return false
	}
	p.pos++
	return true
}

func (p *Parser) must(c byte) {
	if !p.take(c) {
		p.fail("expected " + string(rune(c)))
	}
}

// SP takes exactly one space.
func (p *Parser) SP() {
	if !p.take(' ') {
		p.fail("expected a space")
	}
}

// TrySP takes a space if there is one.
func (p *Parser) TrySP() bool { return p.take(' ') }

// tryWord takes the word, in any case, if it is next and ends there.
func (p *Parser) tryWord(word string) bool {
	if p.err != nil || len(p.buf)-p.pos < len(word) || !strings.EqualFold(string(p.buf[p.pos:p.pos+len(word)]), word) {
		return false
	}
	if next := p.pos + len(word); next < len(p.buf) && isAtomChar(p.buf[next]) {
		return false
	}
	p.pos += len(word)
	return true
}

// The character classes of RFC 9051 section 9.
func isAtomChar(c byte) bool {
	return c > ' ' && c < 0x7f && c != '(' && c != ')' && c != '{' && c != '%' && c != '*' && c != '"' && c != '\\' && c != ']'
}

func isAStringChar(c byte) bool { return isAtomChar(c) || c == ']' }

func isListChar(c byte) bool { return isAStringChar(c) || c == '%' || c == '*' }

func (p *Parser) span(class func(byte) bool) []byte {
	if p.err != nil {
		return nil
	}
	start := p.pos
	for p.pos < len(p.buf) && class(p.buf[p.pos]) {
		p.pos++
	}
	return p.buf[start:p.pos]
}

// Atom takes an atom.
func (p *Parser) Atom() string {
	a := p.span(isAtomChar)
	if len(a) == 0 {
		p.fail("expected an atom")
	}
	return string(a)
}

// Keyword takes an atom and gives it in upper case: for names that compare without case.
func (p *Parser) Keyword() string { return upper(p.Atom()) }

func upper(s string) string { return strings.ToUpper(s) }

// AString takes an atom (with "]" allowed), a quoted string or a literal.
func (p *Parser) AString() string {
	switch p.peek() {
	case '"', '{':
		return p.String()
	}
	s := p.span(isAStringChar)
	if len(s) == 0 {
		p.fail("expected a string or an atom")
	}
	return string(s)
}

// String takes a quoted string or a literal.
func (p *Parser) String() string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	p.fail("expected a string")
	return ""
}

// NString takes a string or NIL.
func (p *Parser) NString() (s string, isNil bool) {
	if p.tryWord("NIL") {
		return "", true
	}
	return p.String(), false
}

func (p *Parser) quoted() string {
	p.must('"')
	start := p.pos
	escaped := false
	for p.err == nil && p.pos < len(p.buf) {
		switch c := p.buf[p.pos]; c {
		case '"':
			raw := p.buf[start:p.pos]
			p.pos++
			return p.unescape(raw, escaped)
		case '\\':
			if p.pos+1 == len(p.buf) || p.buf[p.pos+1] != '"' && p.buf[p.pos+1] != '\\' {
				p.fail("a backslash quotes only \" and \\")
				return ""
			}
			escaped = true
			p.pos += 2
		default:
			p.pos++
		}
	}
	p.fail("quoted string has no end")
	return ""
}

func (p *Parser) unescape(raw []byte, escaped bool) string {
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		p.fail("quoted string is not valid UTF-8")
		return ""
	}
	if !escaped {
		return string(raw)
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			i++
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}

// literal takes "{n}" CRLF and n bytes; the Reader has put them into the buffer already.
func (p *Parser) literal() string {
	l, rest, ok := bytes.Cut(p.buf[p.pos:], []byte("\r\n"))
	h, isHead := literalAtEnd(l)
	if !ok || !isHead {
		p.fail("malformed literal")
		return ""
	}
	if h.Size > int64(len(rest)) {
		p.fail("literal is cut short")
		return ""
	}
	body := rest[:h.Size]
	if bytes.IndexByte(body, 0) >= 0 {
		p.fail("a literal holds no NUL")
		return ""
	}
	p.pos += len(l) + 2 + len(body)
	return string(body)
}

// Number takes a 32-bit number.
func (p *Parser) Number() uint32 {
	n := p.Number64()
	if n > 1<<32-1 {
		p.fail("number is too large")
		return 0
	}
	return uint32(n)
}

// Number64 takes a number of up to 63 bits.
func (p *Parser) Number64() uint64 {
	if p.err != nil {
		return 0
	}
	var n uint64
	start := p.pos
	for p.pos < len(p.buf) && p.buf[p.pos] >= '0' && p.buf[p.pos] <= '9' {
		d := uint64(p.buf[p.pos] - '0')
		if n > (1<<63-1-d)/10 {
			p.fail("number is too large")
			return 0
		}
		n = n*10 + d
		p.pos++
	}
	if p.pos == start {
		p.fail("expected a number")
	}
	return n
}

// SeqSet takes a sequence-set.
func (p *Parser) SeqSet() SeqSet {
	if p.take('$') {
		return SeqSet{Saved: true}
	}
	var s SeqSet
	for p.err == nil {
		r := Range{First: p.seqNumber()}
		r.Last = r.First
		if p.take(':') {
			r.Last = p.seqNumber()
		}
		s.Ranges = append(s.Ranges, r)
		if !p.take(',') {
			break
		}
	}
	return s
}

func (p *Parser) seqNumber() uint32 {
	if p.take('*') {
		return Star
	}
	n := p.Number()
	if n == 0 {
		p.fail("zero is no message number")
	}
	return n
}

// list takes "(" and, separated by single spaces, what each takes, then ")". An empty list is allowed.
func (p *Parser) list(each func()) {
	p.must('(')
	if p.take(')') {
		return
	}
	for p.err == nil {
		each()
		if p.take(')') {
			return
		}
		p.SP()
	}
}
