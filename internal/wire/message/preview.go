package message

import (
	"bytes"
	"html"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bytes of a body kept to make a preview of; HTML has a long way to its first word.
const (
	previewPlain = 2 << 10
	previewHTML  = 16 << 10
)

// previewer keeps the beginning of the first plain and the first HTML text that is meant to be read.
type previewer struct {
	found []snippet
	on    bool   // the last of found is being read
	plain []byte // memory for a plain text
}

// reset keeps the memory of plain texts.
func (v *previewer) reset() previewer {
	clear(v.found)
	return previewer{found: v.found[:0], plain: v.plain[:0]}
}

type snippet struct {
	html              bool
	encoding, charset string
	body              []byte
	limit             int
}

// begin starts with a text part's body.
func (v *previewer) begin(p *Part) {
	isHTML := p.Subtype == "html"
	if p.Disposition == "attachment" || !isHTML && p.Subtype != "plain" || len(v.found) == 2 ||
		len(v.found) == 1 && v.found[0].html == isHTML {
		return
	}
	s := snippet{html: isHTML, encoding: p.Encoding, charset: p.Charset(), limit: previewPlain}
	if isHTML {
		s.limit = previewHTML
	} else {
		if v.plain == nil {
			v.plain = make([]byte, 0, previewPlain)
		}
		s.body = v.plain
	}
	v.found = append(v.found, s)
	v.on = true
}

func (v *previewer) take(b []byte) {
	if !v.on {
		return
	}
	s := &v.found[len(v.found)-1]
	n := min(len(b), s.limit-len(s.body))
	s.body = append(s.body, b[:n]...)
	if len(s.body) == s.limit {
		v.on = false
	}
}

func (v *previewer) stop() { v.on = false }

// text makes the preview of the first text that has any.
func (v *previewer) text() string {
	for i := range v.found {
		if t := v.found[i].preview(); t != "" {
			return t
		}
	}
	return ""
}

func (s *snippet) preview() string {
	b := s.body
	if s.encoding == "base64" || s.encoding == "quoted-printable" {
		b, _ = io.ReadAll(Decode(bytes.NewReader(b), s.encoding)) // it does not fail, and is cut off anywhere
	}
	if !s.html {
		if t, ok := firstASCII(b); ok && findCharset(s.charset) == nil {
			return t
		}
	}
	t := decodeBytes(b, s.charset)
	if s.html {
		t = html.UnescapeString(stripTags(t))
	}
	return firstWords(t)
}

// firstASCII is firstWords for text whose beginning is plain ASCII, as most are; false if it is not.
func firstASCII(b []byte) (string, bool) {
	var out [MaxPreview + 1]byte
	n, space := 0, false
	for _, c := range b {
		switch {
		case c >= utf8.RuneSelf:
			return "", false
		case c <= ' ' || c == 0x7f:
			space = n > 0
			continue
		case space:
			out[n], space = ' ', false
			n++
		}
		if n >= MaxPreview {
			break
		}
		out[n] = c
		n++
	}
	return string(bytes.TrimRight(out[:min(n, MaxPreview)], " ")), true
}

// firstWords makes one line of the text and cuts it to MaxPreview characters.
func firstWords(t string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range t {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space = n > 0
			continue
		}
		if unicode.Is(unicode.Cf, r) || r == '\u034f' { // invisible padding that newsletters put behind their own preview
			continue
		}
		if space {
			b.WriteByte(' ')
			n++
			space = false
		}
		if n >= MaxPreview {
			break
		}
		b.WriteRune(r)
		n++
	}
	t = strings.TrimRight(b.String(), " ")
	return strings.TrimSuffix(t, string(utf8.RuneError)) // half a character at the cut
}

// stripTags takes HTML's tags, comments, styles and scripts out. It makes text for people to glance at, not HTML that is
// safe to show.
func stripTags(s string) string {
	var b strings.Builder
	for {
		lt := strings.IndexByte(s, '<')
		if lt < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:lt])
		s = s[lt:]
		if strings.HasPrefix(s, "<!--") {
			s = after(s, "-->")
			continue
		}
		if name := hiddenElement(s); name != "" {
			s = after(s[1:], "</"+name)
		}
		s = after(s, ">")
		b.WriteByte(' ')
	}
}

// after is what follows the first end in s, in any case of letters; empty if there is none.
func after(s, end string) string {
	for i := 0; ; {
		j := strings.IndexByte(s[i:], end[0])
		if j < 0 || i+j+len(end) > len(s) {
			return ""
		}
		i += j
		if strings.EqualFold(s[i:i+len(end)], end) {
			return s[i+len(end):]
		}
		i++
	}
}

func hiddenElement(s string) string {
	for _, name := range [...]string{"style", "script", "title", "head"} {
		if len(s) > len(name)+1 && strings.EqualFold(s[1:1+len(name)], name) {
			if c := s[1+len(name)]; c == '>' || c == ' ' || c == '\t' || c == '\r' || c == '\n' {
				return name
			}
		}
	}
	return ""
}
