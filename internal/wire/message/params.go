package message

import (
	"net/url"
	"strconv"
	"strings"
)

// Get is a parameter's value for people: RFC 2231 pieces joined and decoded, RFC 2047 words decoded although they should
// not be there. name is in lower case.
func (ps Params) Get(name string) string {
	for _, p := range ps {
		if p.Name == name+"*" {
			return decode2231(p.Value)
		}
	}
	if v, ok := ps.joined(name); ok {
		return v
	}
	for _, p := range ps {
		if p.Name == name {
			return DecodeText(p.Value)
		}
	}
	return ""
}

// raw is a parameter's value as written.
func (ps Params) raw(name string) string {
	for _, p := range ps {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// joined puts name*0, name*1*, ... together (RFC 2231 section 3).
func (ps Params) joined(name string) (string, bool) {
	var encoded, plain strings.Builder
	charset := ""
	flush := func() {
		plain.WriteString(decodeBytes([]byte(encoded.String()), charset))
		encoded.Reset()
	}
	n := 0
	for ; n < MaxParams; n++ {
		section := name + "*" + strconv.Itoa(n)
		v, isPlain, found := ps.section(section)
		if !found {
			break
		}
		if isPlain {
			flush()
			plain.WriteString(validText(v))
			continue
		}
		if n == 0 {
			charset, v = cutCharset(v)
		}
		encoded.WriteString(percentDecode(v))
	}
	flush()
	return plain.String(), n > 0
}

func (ps Params) section(name string) (value string, plain, found bool) {
	for _, p := range ps {
		if !strings.HasPrefix(p.Name, name) {
			continue
		}
		switch p.Name[len(name):] {
		case "":
			return p.Value, true, true
		case "*":
			return p.Value, false, true
		}
	}
	return "", false, false
}

// decode2231 reads charset'language'percent-encoded.
func decode2231(v string) string {
	charset, rest := cutCharset(v)
	return DecodeText(decodeBytes([]byte(percentDecode(rest)), charset))
}

func cutCharset(v string) (charset, rest string) {
	cs, after, ok := strings.Cut(v, "'")
	if !ok {
		return "", v
	}
	_, text, ok := strings.Cut(after, "'")
	if !ok {
		return "", v
	}
	return cs, text
}

func percentDecode(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}

// parseParams reads what follows the first word of Content-Type or Content-Disposition: parameters, tolerant of missing
// quotes, comments, doubled semicolons and UTF-8.
func parseParams(s string) Params {
	var out Params
	for s != "" && len(out) < MaxParams {
		s = skipSpace(s)
		if s == "" {
			break
		}
		if s[0] == ';' {
			s = s[1:]
			continue
		}
		end := strings.IndexAny(s, "=;")
		if end < 0 {
			break
		}
		if s[end] == ';' {
			s = s[end:]
			continue
		}
		name := strings.ToLower(strings.TrimSpace(s[:end]))
		var value string
		value, s = cutValue(skipSpace(s[end+1:]))
		if name != "" && !strings.ContainsAny(name, " \t\"") {
			out = append(out, Param{Name: name, Value: value})
		}
	}
	return out
}

// cutValue reads a token or a quoted string.
func cutValue(s string) (value, rest string) {
	if s == "" || s[0] != '"' {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		value = s[:end]
		if c := strings.Index(value, " ("); c >= 0 {
			value = value[:c]
		}
		return strings.TrimRight(value, " \t"), s[end:]
	}
	p := addressParser{s: s}
	value = p.readQuoted()
	return value, s[p.i:]
}

// skipSpace skips white space and comments.
func skipSpace(s string) string {
	for s != "" {
		switch s[0] {
		case ' ', '\t', '\r', '\n':
			s = s[1:]
		case '(':
			p := addressParser{s: s}
			p.readComment()
			s = s[p.i:]
		default:
			return s
		}
	}
	return s
}

// parseContentType reads a Content-Type value. Anything that is not type/subtype is text/plain (RFC 2045 section 5.2).
func parseContentType(v string) (typ, subtype string, params Params) {
	head, rest, _ := strings.Cut(skipSpace(v), ";")
	typ, subtype, ok := strings.Cut(head, "/")
	typ, subtype = cleanToken(typ), cleanToken(subtype)
	if !ok || typ == "" || subtype == "" {
		if ok || !strings.EqualFold(strings.TrimSpace(head), "text") {
			return "text", "plain", nil
		}
		typ, subtype = "text", "plain"
	}
	return typ, subtype, parseParams(rest)
}

// cleanToken is the token at the beginning of s in lower case; empty if there is none.
func cleanToken(s string) string {
	s = skipSpace(s)
	end := 0
	for end < len(s) && s[end] > ' ' && s[end] < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, s[end]) < 0 {
		end++
	}
	return strings.ToLower(s[:end])
}

// Filename is the part's name for a file, for people; empty if it has none. It is a name, never a path.
func (p *Part) Filename() string {
	name := p.DispositionParams.Get("filename")
	if name == "" {
		name = p.Params.Get("name")
	}
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return name
}

// Charset is the charset of a text part's body; empty if it is not told.
func (p *Part) Charset() string { return p.Params.raw("charset") }
