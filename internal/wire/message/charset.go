package message

import (
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
)

// findCharset finds a charset by its name; nil if it is unknown, or is UTF-8 or ASCII, which need no decoding. Names
// are the world's (WHATWG), so "iso-8859-1" is windows-1252, as every mail program reads it.
func findCharset(name string) encoding.Encoding {
	name = strings.ToLower(strings.Trim(name, " \t\"'"))
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unicode-1-1-utf-8":
		return nil
	case "cp850", "ibm850":
		return charmap.CodePage850
	case "cp437", "ibm437":
		return charmap.CodePage437
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil
	}
	if n, _ := htmlindex.Name(enc); n == "utf-8" || n == "replacement" {
		return nil
	}
	return enc
}

// ToUTF8 reads text in a charset as UTF-8. What is not valid becomes U+FFFD; text said to be ASCII or UTF-8, or of an
// unknown charset, that is not UTF-8 is taken for windows-1252 only where it is invalid.
func ToUTF8(r io.Reader, charset string) io.Reader {
	if enc := findCharset(charset); enc != nil {
		return transform.NewReader(r, enc.NewDecoder())
	}
	return transform.NewReader(r, latinFallback{})
}

// decodeBytes is ToUTF8 for short text.
func decodeBytes(b []byte, charset string) string {
	if enc := findCharset(charset); enc != nil {
		if out, err := enc.NewDecoder().Bytes(b); err == nil {
			return string(out)
		}
	}
	return validText(string(b))
}

// validText makes a string valid UTF-8 by reading stray bytes as windows-1252.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, _, err := transform.String(latinFallback{}, s)
	if err != nil {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return out
}

// latinFallback passes UTF-8 through and reads every stray byte as windows-1252.
type latinFallback struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (latinFallback) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		n := 1
		out := src[nSrc : nSrc+1]
		var enc [utf8.UTFMax]byte
		if src[nSrc] >= utf8.RuneSelf {
			if !atEOF && !utf8.FullRune(src[nSrc:]) {
				return nDst, nSrc, transform.ErrShortSrc
			}
			r, size := utf8.DecodeRune(src[nSrc:])
			if r == utf8.RuneError && size <= 1 {
				r, size = charmap.Windows1252.DecodeByte(src[nSrc]), 1
			}
			n = size
			out = enc[:utf8.EncodeRune(enc[:], r)]
		}
		if nDst+len(out) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += copy(dst[nDst:], out)
		nSrc += n
	}
	return nDst, nSrc, nil
}

// DecodeText reads a header value for people: RFC 2047 words decoded, UTF-8 kept (RFC 6532), stray bytes read as
// windows-1252, control characters as spaces.
func DecodeText(s string) string {
	if strings.Contains(s, "=?") {
		s = decodeWords(s)
	}
	return printable(s)
}

// printable makes text valid UTF-8 without control characters.
func printable(s string) string {
	s = validText(s)
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, s)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// decodeWords decodes the encoded-words of a value. White space between neighbours goes (RFC 2047 section 6.2), and the
// bytes of neighbours in one charset are joined before they are read, as many programs split characters.
func decodeWords(s string) string {
	var b strings.Builder
	var pending []byte
	charset := ""
	flush := func() {
		b.WriteString(decodeBytes(pending, charset))
		pending = pending[:0]
	}
	for s != "" {
		start := strings.Index(s, "=?")
		if start < 0 {
			break
		}
		cs, content, rest, ok := cutWord(s[start:])
		if !ok {
			flush()
			b.WriteString(s[:start+2])
			s = s[start+2:]
			continue
		}
		between := s[:start]
		if len(pending) == 0 || strings.Trim(between, " \t") != "" {
			flush()
			b.WriteString(between)
		} else if !strings.EqualFold(cs, charset) {
			flush()
		}
		charset = cs
		pending = append(pending, content...)
		s = rest
	}
	flush()
	b.WriteString(s)
	return b.String()
}

// maxCharset bounds a charset's name with its language tag.
const maxCharset = 100

// maxWord bounds an encoded-word in bytes. RFC 2047 says 75; some programs put a whole subject into one.
const maxWord = 8 << 10

// cutWord reads the encoded-word (RFC 2047 section 2, with the language of RFC 2231) that s begins with.
func cutWord(s string) (charset string, content []byte, rest string, ok bool) {
	q1 := strings.IndexByte(s[2:min(len(s), 2+maxCharset)], '?')
	if q1 < 1 || len(s) < 2+q1+4 || s[2+q1+2] != '?' {
		return "", nil, "", false
	}
	charset, _, _ = strings.Cut(s[2:2+q1], "*")
	enc := s[2+q1+1] | 0x20
	body := s[2+q1+3:]
	end := strings.Index(body[:min(len(body), maxWord)], "?=")
	if end < 0 {
		return "", nil, "", false
	}
	text := body[:end]
	switch enc {
	case 'b':
		content = decodeBase64Text(text)
	case 'q':
		content = decodeQ(text)
	default:
		return "", nil, "", false
	}
	return charset, content, body[end+2:], content != nil
}

// decodeQ reads the Q encoding (RFC 2047 section 4.2); a wrong escape stays as it is.
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0:
			out = append(out, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
