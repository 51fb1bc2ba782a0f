package message

import (
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// DisplayName is the name for people: RFC 2047 words decoded.
func (a Address) DisplayName() string { return DecodeText(a.Name) }

// Mail is the address as Posthorn's own; the error says that it is none.
func (a Address) Mail() (mail.Address, error) {
	if strings.ContainsAny(a.Local, ` ()<>[]:;@\,"`) {
		return mail.ParseAddress(quoteLocal(a.Local) + "@" + a.Domain)
	}
	return mail.ParseAddress(a.Local + "@" + a.Domain)
}

func quoteLocal(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// ParseAddressList reads the value of an address field: mailboxes, groups, comments, quoted strings, obsolete routes,
// UTF-8 (RFC 5322 section 3.4 and 4.4, RFC 6532). Nothing is an error: what cannot be read as an address becomes an entry
// with what there is, as people shall see what was written. A comment after a bare address is its name. At most
// MaxAddresses are read.
func ParseAddressList(value string) []Address {
	p := addressParser{s: value}
	p.list()
	return p.out
}

// addressParser walks a value once. words collects the phrase or local part before the next special character.
type addressParser struct {
	s       string
	i       int
	out     []Address
	words   []word
	comment string
	inGroup bool
}

type word struct {
	text  string
	atom  bool // not quoted: may be part of an address without quotes
	space bool // white space stood before it
}

func (p *addressParser) list() {
	space := false
	for p.i < len(p.s) && len(p.out) < MaxAddresses {
		c := p.s[p.i]
		switch c {
		case ' ', '\t', '\r', '\n':
			space = true
			p.i++
			continue
		case '(':
			p.comment = p.readComment()
		case '"':
			p.words = append(p.words, word{text: p.readQuoted(), space: space})
		case ',':
			p.i++
			p.finish()
		case ';':
			p.i++
			p.finish()
			p.endGroup()
		case ':':
			p.i++
			p.startGroup()
		case '<':
			p.i++
			p.angle()
		default:
			p.words = append(p.words, word{text: p.readAtom(), atom: true, space: space})
		}
		space = false
	}
	p.finish()
	p.endGroup()
}

// readAtom reads up to the next special character or white space; '@' and '.' are part of it.
func (p *addressParser) readAtom() string {
	start := p.i
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '[': // a domain literal may hold colons
			if end := literalEnd(p.s[p.i:]); end > 0 && p.i > start && p.s[p.i-1] == '@' {
				p.i += end
				continue
			}
		case ' ', '\t', '\r', '\n', '(', '"', ',', ';', ':', '<':
			return p.s[start:p.i]
		}
		p.i++
	}
	return p.s[start:p.i]
}

// literalEnd is the length of the domain literal that s begins with; 0 if it begins with none.
func literalEnd(s string) int {
	const longest = 100
	if s[0] != '[' {
		return 0
	}
	return strings.IndexByte(s[:min(len(s), longest)], ']') + 1
}

// readQuoted reads a quoted string's meaning; one that never ends goes to the end.
func (p *addressParser) readQuoted() string {
	var b strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		c := p.s[p.i]
		if c == '"' {
			p.i++
			break
		}
		if c == '\\' && p.i+1 < len(p.s) {
			p.i++
			c = p.s[p.i]
		}
		if c != '\r' && c != '\n' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// readComment reads a comment, nested ones with it.
func (p *addressParser) readComment() string {
	var b strings.Builder
	depth := 0
	for ; p.i < len(p.s); p.i++ {
		c := p.s[p.i]
		switch {
		case c == '(':
			depth++
			if depth == 1 {
				continue
			}
		case c == ')':
			depth--
			if depth == 0 {
				p.i++
				return strings.TrimSpace(b.String())
			}
		case c == '\\' && p.i+1 < len(p.s):
			p.i++
			c = p.s[p.i]
		}
		b.WriteByte(c)
	}
	return strings.TrimSpace(b.String())
}

// phrase joins the words so far as a display name.
func (p *addressParser) phrase() string {
	if len(p.words) == 1 {
		return p.words[0].text
	}
	var b strings.Builder
	for i, w := range p.words {
		if w.space && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// angle reads the address after '<', with an obsolete route before it, and emits it with the phrase as its name.
func (p *addressParser) angle() {
	name := p.phrase()
	p.words = p.words[:0]
	space := false
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch c {
		case '>':
			p.i++
			p.emit(name)
			return
		case ' ', '\t', '\r', '\n':
			space = true
			p.i++
			continue
		case '(':
			p.readComment()
		case '"':
			p.words = append(p.words, word{text: p.readQuoted(), space: space})
		case ':': // the end of an obsolete route
			p.i++
			p.words = p.words[:0]
		case ',', ';', '<':
			p.i++
		default:
			start := p.i
			for p.i < len(p.s) && strings.IndexByte(" \t\r\n()\",;:<>", p.s[p.i]) < 0 {
				p.i += max(literalEnd(p.s[p.i:]), 1)
			}
			if p.i == start { // a stray ')'
				p.i++
				continue
			}
			p.words = append(p.words, word{text: p.s[start:p.i], atom: true, space: space})
		}
		space = false
	}
	p.emit(name)
}

// emit makes an entry of the words read as an address.
func (p *addressParser) emit(name string) {
	local, domain := splitAddress(p.words)
	p.words = p.words[:0]
	if name == "" {
		name = p.comment
	}
	p.comment = ""
	if name == "" && local == "" && domain == "" {
		return
	}
	p.out = append(p.out, Address{Name: name, Local: local, Domain: domain})
}

// splitAddress joins words to local part and domain. The last '@' outside of quotes divides.
func splitAddress(words []word) (local, domain string) {
	at := -1
	for i, w := range words {
		if w.atom && strings.IndexByte(w.text, '@') >= 0 {
			at = i
		}
	}
	var b strings.Builder
	for i, w := range words {
		if i != at {
			b.WriteString(w.text)
			continue
		}
		cut := strings.LastIndexByte(w.text, '@')
		b.WriteString(w.text[:cut])
		local = b.String()
		b.Reset()
		b.WriteString(w.text[cut+1:])
	}
	if at < 0 {
		return b.String(), ""
	}
	return local, b.String()
}

// finish ends an entry that had no angle brackets: an address, or a word that is none.
func (p *addressParser) finish() {
	if len(p.words) == 0 {
		p.comment = ""
		return
	}
	p.emit("")
}

func (p *addressParser) startGroup() {
	if p.inGroup { // groups do not nest; the colon is a slip
		p.finish()
		return
	}
	p.out = append(p.out, Address{Name: p.phrase(), Mark: MarkGroupStart})
	p.words = p.words[:0]
	p.comment = ""
	p.inGroup = true
}

func (p *addressParser) endGroup() {
	if p.inGroup {
		p.out = append(p.out, Address{Mark: MarkGroupEnd})
	}
	p.inGroup = false
}

// String is the address as a header writes it, with the name quoted where it must be. Groups are written by
// FormatAddressList.
func (a Address) String() string {
	addr := a.Local
	if !isDotAtom(addr) {
		addr = quoteLocal(addr)
	}
	if a.Domain != "" {
		addr += "@" + writtenDomain(a.Domain)
	}
	if a.Name == "" {
		return addr
	}
	return formatPhrase(a.Name) + " <" + addr + ">"
}

// writtenDomain drops what would make something else than a domain of it.
func writtenDomain(d string) string {
	specials := `()<>[]:;@\," ` + "\t"
	if strings.HasPrefix(d, "[") && strings.IndexByte(d, ']') == len(d)-1 {
		specials = `()<>;@\," ` + "\t"
	}
	if !strings.ContainsAny(d, specials) {
		return d
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(specials, r) {
			return -1
		}
		return r
	}, d)
}

// formatPhrase writes a name that may hold RFC 2047 words: those must not be quoted.
func formatPhrase(name string) string {
	if strings.HasPrefix(name, "=?") && strings.HasSuffix(name, "?=") {
		return name
	}
	for i := range len(name) {
		if !isAtomByte(name[i]) && name[i] != ' ' {
			return quoteLocal(name)
		}
	}
	return name
}

// FormatAddressList writes addresses as the value of a field, unfolded.
func FormatAddressList(list []Address) string {
	var b strings.Builder
	first := true
	for _, a := range list {
		if a.Mark == MarkGroupEnd {
			b.WriteByte(';')
			first = false
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		if a.Mark == MarkGroupStart {
			b.WriteString(formatPhrase(a.Name))
			b.WriteString(": ")
			first = true
			continue
		}
		b.WriteString(a.String())
	}
	return b.String()
}

// isAtomByte reports atext of RFC 5322 with UTF-8 (RFC 6532).
func isAtomByte(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte(`()<>[]:;@\,."`, c) < 0
}

func isDotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	for i := range len(s) {
		if !isAtomByte(s[i]) && (s[i] != '.' || s[i-1] == '.') {
			return false
		}
	}
	return true
}
