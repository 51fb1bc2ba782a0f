package smtp

import (
	"strings"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// maxParams bounds the parameters of one command; there are not so many different ones.
const maxParams = 16

// eachParam calls set for every parameter ("KEYWORD" or "KEYWORD=value", RFC 5321 section 4.1.2) with the keyword in
// upper case. A keyword that comes twice is an error.
func eachParam(s string, set func(keyword, value string, hasValue bool) error) error {
	var seen [maxParams]string
	n := 0
	for s != "" {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return nil
		}
		var word string
		word, s, _ = strings.Cut(s, " ")
		keyword, value, hasValue := strings.Cut(word, "=")
		keyword = strings.ToUpper(keyword)
		if !validKeyword(keyword) || hasValue && !validValue(value) {
			return syntax("a parameter is malformed")
		}
		for _, k := range seen[:n] {
			if k == keyword {
				return syntax("the parameter " + keyword + " is given twice")
			}
		}
		if n == maxParams {
			return syntax("too many parameters")
		}
		seen[n] = keyword
		n++
		if err := set(keyword, value, hasValue); err != nil {
			return err
		}
	}
	return nil
}

func validKeyword(k string) bool {
	for i := range len(k) {
		c := k[i]
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && (c != '-' || i == 0) {
			return false
		}
	}
	return k != ""
}

// validValue holds a value to esmtp-value, with UTF-8 as of RFC 6531 section 3.3.
func validValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c <= ' ' || c == 0x7f || c == '=' && i == 0 {
			return false
		}
	}
	return v != "" && utf8.ValidString(v)
}

func unsupported(keyword string) *mail.Fault {
	return mail.Refuse(mail.KindUnsupported, "the parameter "+keyword+" is not supported here")
}

func badValue(keyword string) *mail.Fault {
	return syntax("the value of " + keyword + " is malformed")
}

// parseNumber reads at most digits decimal digits.
func parseNumber(s string, digits int) (int64, bool) {
	if s == "" || len(s) > digits {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
