package imap

import (
	"strconv"
	"unicode/utf8"
)

func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// maxQuoted is the longest string written quoted; longer ones are literals, which every client reads without a bound.
const maxQuoted = 4096

// form is how a string can be written.
type form uint8

const (
	formAtom form = iota
	formQuoted
	formLiteral
)

// stringForm finds the shortest form of s. Bytes over 127 are quoted where the client has said that it reads UTF-8.
func stringForm(s string, enc Encoding) form {
	if s == "" {
		return formQuoted
	}
	if len(s) > maxQuoted {
		return formLiteral
	}
	f := formAtom
	eight := false
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '\r' || c == '\n' || c == 0:
			return formLiteral
		case c >= utf8.RuneSelf:
			eight = true
		case !isAStringChar(c):
			f = formQuoted
		}
	}
	if !eight {
		return f
	}
	if enc != UTF8 || !utf8.ValidString(s) {
		return formLiteral
	}
	return formQuoted
}

// AppendAString writes an astring: an atom where s is one.
func AppendAString(dst []byte, s string) []byte {
	if stringForm(s, UTF7) == formAtom {
		return append(dst, s...)
	}
	return AppendString(dst, s, UTF7)
}

// AppendString writes a string, quoted or as a literal. NUL, which IMAP cannot write, is left out.
func AppendString(dst []byte, s string, enc Encoding) []byte {
	if stringForm(s, enc) == formLiteral {
		return appendLiteral(dst, s)
	}
	return appendQuoted(dst, s)
}

// AppendNString writes a string, or NIL for the empty one.
func AppendNString(dst []byte, s string, enc Encoding) []byte {
	if s == "" {
		return append(dst, "NIL"...)
	}
	return AppendString(dst, s, enc)
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func appendLiteral(dst []byte, s string) []byte {
	n := len(s)
	for i := range len(s) {
		if s[i] == 0 {
			n--
		}
	}
	dst = append(dst, '{')
	dst = appendUint(dst, uint64(n))
	dst = append(dst, "}\r\n"...)
	if n == len(s) {
		return append(dst, s...)
	}
	for i := range len(s) {
		if s[i] != 0 {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// AppendMailbox writes a mailbox name in the session's encoding.
func AppendMailbox(dst []byte, name string, enc Encoding) []byte {
	if enc == UTF8 {
		return AppendString(dst, name, UTF8)
	}
	start := len(dst)
	dst = AppendUTF7(append(dst, '"'), name)
	plain := len(dst) > start+1
	quote := false
	for _, c := range dst[start+1:] {
		plain = plain && isAStringChar(c)
		quote = quote || c == '"' || c == '\\'
	}
	if plain {
		return append(dst[:start], dst[start+1:]...)
	}
	if quote {
		encoded := string(dst[start+1:])
		return appendQuoted(dst[:start], encoded)
	}
	return append(dst, '"')
}
