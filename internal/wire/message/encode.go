package message

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
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

// foldAt is the line length at which headers are folded (RFC 5322 section 2.1.1).
const foldAt = 78

// EncodeText writes text for people as an unstructured header value: as it is if it is printable ASCII, otherwise as
// RFC 2047 words, or as UTF-8 where the message may carry it. Line breaks become spaces, so a value cannot make a field.
// Words are divided by single spaces, where the field may be folded.
func EncodeText(s string, enc HeaderEncoding) string {
	s = strings.TrimSpace(printable(s))
	if !strings.Contains(s, "=?") && (isASCII(s) || enc == HeaderUTF8) {
		return s
	}
	return encodeWords(s)
}

// EncodeName writes a display name: like EncodeText, in quotes where it must be.
func EncodeName(s string, enc HeaderEncoding) string {
	if s = EncodeText(s, enc); s == "" {
		return ""
	}
	return formatPhrase(s)
}

func isASCII(s string) bool { return countNonASCII(s) == 0 }

func countNonASCII(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// encodeWords writes valid UTF-8 as encoded-words of at most 75 bytes that never split a character (RFC 2047 section 2
// and 5): Q where most of it is readable, B elsewhere.
func encodeWords(s string) string {
	const room = 75 - len("=?utf-8?q??=")
	useB := countNonASCII(s)*3 > len(s)
	var out, word strings.Builder
	used := 0
	flush := func() {
		if used == 0 {
			return
		}
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		if useB {
			out.WriteString("=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(word.String())) + "?=")
		} else {
			out.WriteString("=?utf-8?q?" + word.String() + "?=")
		}
		word.Reset()
		used = 0
	}
	for _, r := range s {
		if useB {
			if (used+utf8.RuneLen(r)+2)/3*4 > room {
				flush()
			}
			word.WriteRune(r)
			used += utf8.RuneLen(r)
			continue
		}
		q := encodeQ(r)
		if used+len(q) > room {
			flush()
		}
		word.WriteString(q)
		used += len(q)
	}
	flush()
	return out.String()
}

// encodeQ writes one character in the form that is allowed in a phrase (RFC 2047 section 5, rule 3).
func encodeQ(r rune) string {
	switch {
	case r == ' ':
		return "_"
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("!*+-/", r):
		return string(r)
	}
	var b strings.Builder
	for _, c := range []byte(string(r)) {
		fmt.Fprintf(&b, "=%02X", c)
	}
	return b.String()
}

// Fold breaks a field's value at spaces so that lines stay within 78 bytes where they can. name is the field's name, on
// the first line. Words longer than a line stay whole.
func Fold(name, value string) string {
	if len(name)+2+len(value) <= foldAt {
		return value
	}
	var b strings.Builder
	col := len(name) + 2
	for i, w := range strings.Split(value, " ") {
		if i > 0 {
			if col+1+len(w) > foldAt && w != "" && strings.TrimSpace(b.String()) != "" {
				b.WriteString("\r\n")
				col = 0
			}
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += len(w)
	}
	return b.String()
}

// formatParams writes parameters behind a Content-Type or Content-Disposition. Values outside of ASCII follow RFC 2231,
// as UTF-8 headers are no help to mail programs there.
func formatParams(ps Params) string {
	var b strings.Builder
	for _, p := range ps {
		v := printable(p.Value)
		switch {
		case !isASCII(v):
			b.WriteString(extendedParam(p.Name, v))
		case v != "" && isToken(v):
			b.WriteString("; " + p.Name + "=" + v)
		default:
			b.WriteString("; " + p.Name + "=" + quoteLocal(v))
		}
	}
	return b.String()
}

func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?='*%`, s[i]) >= 0 {
			return false
		}
	}
	return true
}

// extendedParam writes a value with its charset, in pieces if it is long (RFC 2231 section 3 and 4).
func extendedParam(name, value string) string {
	const room = 50
	var pieces []string
	var b strings.Builder
	b.WriteString("utf-8''")
	for _, r := range value {
		enc := string(r)
		if r >= utf8.RuneSelf || !isToken(enc) {
			enc = ""
			for _, c := range []byte(string(r)) {
				enc += fmt.Sprintf("%%%02X", c)
			}
		}
		if b.Len()+len(enc) > room {
			pieces = append(pieces, b.String())
			b.Reset()
		}
		b.WriteString(enc)
	}
	pieces = append(pieces, b.String())
	if len(pieces) == 1 {
		return "; " + name + "*=" + pieces[0]
	}
	var out strings.Builder
	for i, p := range pieces {
		fmt.Fprintf(&out, "; %s*%d*=%s", name, i, p)
	}
	return out.String()
}
