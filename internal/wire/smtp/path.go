package smtp

import (
	"strings"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// maxPath bounds what stands between the angle brackets: RFC 5321 section 4.5.3.1.3 asks for 256 bytes at least; a domain in U-labels
// and a source route can be longer.
const maxPath = 1024

var (
	errBrackets = syntax("the address must stand in angle brackets, like <name@example.org>")
	errPathUTF8 = syntax("that is not UTF-8")
	errLongPath = mail.Refuse(mail.KindBadAddress, "that address is too long")
	errAddress  = mail.Refuse(mail.KindBadAddress, "that is not an e-mail address")
	errNeedUTF8 = mail.Refuse(mail.KindNeedsUTF8, "an address with such characters needs SMTPUTF8")
)

// splitPath takes "<path>" off the front of s, and gives what stands between the brackets and what follows them.
func splitPath(s string) (path, rest string, err error) {
	s = strings.TrimLeft(s, " ") // not in the grammar, but widely sent
	if s == "" || s[0] != '<' {
		return "", "", errBrackets
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			return "", "", errAddress
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			path, rest = s[1:i], s[i+1:]
			if rest != "" && rest[0] != ' ' {
				return "", "", syntax("a blank is missing after the address")
			}
			return path, rest, nil
		}
	}
	return "", "", errBrackets
}

// parsePath reads the inside of a path. A source route is allowed and ignored (RFC 5321 section 4.1.1.3 and appendix C).
func parsePath(path string, ext Extensions) (mail.Address, error) {
	if len(path) > maxPath {
		return mail.Address{}, errLongPath
	}
	if strings.HasPrefix(path, "@") {
		colon := strings.IndexByte(path, ':')
		if colon < 0 {
			return mail.Address{}, errAddress
		}
		for hop := range strings.SplitSeq(path[:colon], ",") {
			if _, err := mail.ParseDomain(strings.TrimPrefix(hop, "@")); err != nil || hop[:min(1, len(hop))] != "@" {
				return mail.Address{}, errAddress
			}
		}
		path = path[colon+1:]
	}
	ascii := isASCII(path)
	if !ascii && !utf8.ValidString(path) {
		return mail.Address{}, errPathUTF8
	}
	if !ascii && !ext.Has(SMTPUTF8) {
		return mail.Address{}, errNeedUTF8
	}
	a, err := mail.ParseAddress(path)
	if err != nil {
		return mail.Address{}, mail.Failed(mail.KindBadAddress, errAddress.Public, err)
	}
	return a, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cutPrefixFold is strings.CutPrefix without regard to case.
func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
