package mail

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Limits of RFC 5321 section 4.5.3.1, in bytes. Local parts that carry another address for bounces (VERP) are often longer, so what
// others send may be as long as the last two say.
const (
	MaxLocalLen   = 64
	MaxDomainLen  = 255
	MaxAddressLen = 254

	mostLocal   = 255
	mostAddress = mostLocal + 1 + MaxDomainLen
)

var (
	errAddress = errors.New("not an e-mail address")
	errDomain  = errors.New("not a domain name")
	errLocal   = errors.New("not a valid local part")
	errLong    = errors.New("address is too long")
)

// Domain is a domain name in its canonical form: lower-case A-labels without a final dot, or an address literal in
// brackets ("[192.0.2.1]", "[IPv6:2001:db8::1]"). Two Domains are the same domain if they are equal. The zero Domain is none.
type Domain string

// domainProfile maps as browsers do (UTS 46) and holds names to letters, digits, hyphens and DNS lengths.
var domainProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true),
	idna.VerifyDNSLength(true), idna.BidiRule())

// ParseDomain reads a domain or an address literal, with Unicode or A-labels, and makes it canonical. Names with underscores, and with
// hyphens at a label's ends, are no host names, but stand in addresses that are mailed from and to; Conforms tells them apart.
func ParseDomain(s string) (Domain, error) {
	if strings.HasPrefix(s, "[") {
		return parseLiteral(s)
	}
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 4*MaxDomainLen {
		return "", errDomain
	}
	if d, ok := plainDomain(s); ok {
		return d, nil
	}
	if !utf8.ValidString(s) {
		return "", errDomain
	}
	if d, ok := looseDomain(s); ok {
		return d, nil
	}
	ascii, err := domainProfile.ToASCII(s)
	if err != nil || ascii == "" || len(ascii) > MaxDomainLen || strings.HasSuffix(ascii, ".") {
		return "", errDomain
	}
	// The mapping can make a label that does not read back as itself; such a name could be compared but never looked up.
	if again, err := domainProfile.ToASCII(ascii); err != nil || again != ascii {
		return "", errDomain
	}
	return Domain(ascii), nil
}

// plainDomain is the common case without allocation: lower-case LDH labels that are not A-labels.
func plainDomain(s string) (Domain, bool) {
	if len(s) > MaxDomainLen-2 {
		return "", false
	}
	label := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			label++
		case c == '-':
			if label == 0 || i+1 == len(s) || s[i+1] == '.' || label == 2 || label == 3 {
				return "", false
			}
			label++
		case c == '.':
			if label == 0 || i+1 == len(s) {
				return "", false
			}
			label = 0
		default:
			return "", false
		}
		if label > 63 {
			return "", false
		}
	}
	return Domain(s), true
}

// looseDomain takes letters, digits, hyphens and underscores in any order, if that is no plain name in another case and no A-label.
func looseDomain(s string) (Domain, bool) {
	if len(s) > MaxDomainLen-2 {
		return "", false
	}
	s = lowerASCII(s)
	odd := false
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "xn--") {
			return "", false
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return "", false
			}
		}
		odd = odd || !isHostLabel(label) || strings.HasPrefix(label[min(2, len(label)):], "--")
	}
	return Domain(s), odd
}

// isHostLabel reports whether a label of letters, digits, hyphens and underscores may stand in a host name.
func isHostLabel(label string) bool {
	return label[0] != '-' && label[len(label)-1] != '-' && strings.IndexByte(label, '_') < 0
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// Conforms reports whether the domain is a host name (RFC 5321 section 2.3.5) or an address literal, as all that we make must be.
func (d Domain) Conforms() bool {
	if d == "" || d[0] == '[' {
		return d != ""
	}
	for label := range strings.SplitSeq(string(d), ".") {
		if label == "" || !isHostLabel(label) {
			return false
		}
	}
	return true
}

func parseLiteral(s string) (Domain, error) {
	inner, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return "", errDomain
	}
	if len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:") {
		a, err := netip.ParseAddr(inner[5:])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", errDomain
		}
		return Domain("[IPv6:" + a.String() + "]"), nil
	}
	a, err := netip.ParseAddr(inner)
	if err != nil || !a.Is4() {
		return "", errDomain
	}
	return Domain("[" + a.String() + "]"), nil
}

// Literal gives the address of an address literal.
func (d Domain) Literal() (netip.Addr, bool) {
	s := string(d)
	if len(s) < 2 || s[0] != '[' {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.TrimPrefix(s[1:len(s)-1], "IPv6:"))
	return a, err == nil
}

// Unicode is the domain with U-labels, for people to read.
func (d Domain) Unicode() string {
	if !strings.Contains(string(d), "xn--") {
		return string(d)
	}
	u, err := domainProfile.ToUnicode(string(d))
	if err != nil {
		return string(d)
	}
	return u
}

// Address is a mailbox address (RFC 5321 section 4.1.2 "Mailbox"). Local is the local part's meaning, unquoted, in NFC;
// its case is kept. The zero Address is the null path "<>".
type Address struct {
	Local  string
	Domain Domain
}

// ParseAddress reads local@domain, with a quoted local part, UTF-8 (RFC 6531) and address literals allowed; no display
// name, no angle brackets, no comments. Dots may stand anywhere, as in addresses that others have given to people; Conforms tells.
func ParseAddress(s string) (Address, error) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 {
		return Address{}, errAddress
	}
	local, err := parseLocal(s[:at])
	if err != nil {
		return Address{}, err
	}
	d, err := ParseDomain(s[at+1:])
	if err != nil {
		return Address{}, err
	}
	if len(local)+1+len(d) > mostAddress {
		return Address{}, errLong
	}
	return Address{Local: local, Domain: d}, nil
}

// Conforms reports whether the address is one by the book (RFC 5321 sections 4.1.2 and 4.5.3.1), as all that we make must be.
func (a Address) Conforms() bool {
	return a.Local != "" && len(a.Local) <= MaxLocalLen && len(a.Local)+1+len(a.Domain) <= MaxAddressLen && a.Domain.Conforms() &&
		a.Local[0] != '.' && a.Local[len(a.Local)-1] != '.' && !strings.Contains(a.Local, "..")
}

func parseLocal(s string) (string, error) {
	if s[0] == '"' {
		un, err := unquote(s)
		if err != nil {
			return "", err
		}
		s = un
	} else if !isAtoms(s) {
		return "", errLocal
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unseen) {
		return "", errLocal
	}
	s = norm.NFC.String(s)
	if len(s) > mostLocal {
		return "", errLong
	}
	return s, nil
}

// unseen reports what ends a line or drives a terminal without being ASCII: nobody's address has it (RFC 5198 section 2).
func unseen(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func unquote(s string) (string, error) {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return "", errLocal
	}
	var b strings.Builder
	in := s[1 : len(s)-1]
	for i := 0; i < len(in); i++ {
		c := in[i]
		if c == '\\' {
			i++
			if i == len(in) {
				return "", errLocal
			}
			c = in[i]
		} else if c == '"' {
			return "", errLocal
		}
		if c < ' ' || c == 0x7f {
			return "", errLocal
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// isDotString reports whether s needs no quotes: atoms joined by single dots (RFC 5321 Dot-string, RFC 6531).
func isDotString(s string) bool {
	return isAtoms(s) && s[0] != '.' && s[len(s)-1] != '.' && !strings.Contains(s, "..")
}

// isAtoms reports whether s is made of what atoms are made of, and dots.
func isAtoms(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte(`()<>[]:;@\,"`, c) >= 0 {
			return false
		}
	}
	return true
}

// IsNull reports whether this is the null path.
func (a Address) IsNull() bool { return a == Address{} }

// String is the address as it is written on the wire and in headers: quoted where needed, A-labels. The null path is "".
func (a Address) String() string {
	if a.IsNull() {
		return ""
	}
	return a.quotedLocal() + "@" + string(a.Domain)
}

// Unicode is the address as people read it: U-labels in the domain.
func (a Address) Unicode() string {
	if a.IsNull() {
		return ""
	}
	return a.quotedLocal() + "@" + a.Domain.Unicode()
}

func (a Address) quotedLocal() string {
	if isDotString(a.Local) {
		return a.Local
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Local) + `"`
}

// NeedsUTF8 reports whether the address can only be carried with SMTPUTF8 (its local part is not ASCII).
func (a Address) NeedsUTF8() bool {
	for i := range len(a.Local) {
		if a.Local[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// Key is the address for comparing and looking up at a server of ours, which does not tell case apart in local parts.
func (a Address) Key() string {
	return strings.ToLower(a.Local) + "@" + string(a.Domain)
}

// MarshalText writes the wire form, so addresses are strings in JSON.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the wire form; empty is the null path.
func (a *Address) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*a = Address{}
		return nil
	}
	p, err := ParseAddress(string(b))
	if err != nil {
		return err
	}
	*a = p
	return nil
}
