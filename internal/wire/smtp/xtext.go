package smtp

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// AppendXtext encodes s as xtext (RFC 3461 section 4).
func AppendXtext(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; isXchar(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '+', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

func isXchar(c byte) bool { return '!' <= c && c <= '~' && c != '+' && c != '=' }

// DecodeXtext decodes xtext (RFC 3461 section 4). Lower-case digits are taken too.
func DecodeXtext(s string) (string, bool) {
	plain := true
	for i := range len(s) {
		if !isXchar(s[i]) {
			plain = false
			if s[i] != '+' {
				return "", false
			}
		}
	}
	if plain {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}

// printable holds decoded text to what can stand in a notice's fields: valid UTF-8 without control characters.
func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// isQchar is a byte that utf-8-addr-xtext has as it is (RFC 6533 section 3, QCHAR).
func isQchar(c byte) bool { return isXchar(c) && c != '\\' }

// decodeUTF8Xtext decodes utf-8-addr-xtext and utf-8-addr-unitext (RFC 6533 section 3): \x{HEX} stands for a
// character, and UTF-8 may stand for itself. Plain xtext, sent by some, is not told apart: "+" is not in the grammar.
func decodeUTF8Xtext(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		if isQchar(c) || c >= utf8.RuneSelf {
			b.WriteByte(c)
			i++
			continue
		}
		if !strings.HasPrefix(s[i:], `\x{`) {
			return "", false
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 || end > len(`\x{10FFFF`) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+3:i+end], 16, 32)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return "", false
		}
		b.WriteRune(rune(n))
		i += end + 1
	}
	return b.String(), utf8.ValidString(b.String())
}

// appendUTF8Xtext encodes for RFC 6533: as UTF-8 to a server that offers SMTPUTF8, else in ASCII.
func appendUTF8Xtext(dst []byte, s string, ext Extensions) []byte {
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && isQchar(byte(r)):
			dst = append(dst, byte(r))
		case r >= utf8.RuneSelf && ext.Has(SMTPUTF8):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, `\x{`...)
			dst = append(dst, strings.ToUpper(strconv.FormatUint(uint64(r), 16))...)
			dst = append(dst, '}')
		}
	}
	return dst
}
