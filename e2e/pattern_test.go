package e2e

import (
	"fmt"
	"regexp"
	"strings"
)

var placeholder = regexp.MustCompile(`\{([a-z0-9]+)(=\.\.\.)?\}|\.\.\.`)

// matcher turns a PATTERN into a regular expression; vars are what was caught so far.
func matcher(pattern string, vars map[string]string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`\A`)
	last := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[last:m[0]]))
		last = m[1]
		if m[2] < 0 {
			b.WriteString(`.*?`)
			continue
		}
		name := pattern[m[2]:m[3]]
		if m[4] >= 0 {
			b.WriteString(`(?P<` + name + `>.+?)`)
			continue
		}
		value, ok := vars[name]
		if !ok {
			return nil, fmt.Errorf("{%s} was not caught before", name)
		}
		b.WriteString(regexp.QuoteMeta(value))
	}
	b.WriteString(regexp.QuoteMeta(pattern[last:]))
	b.WriteString(`\z`)
	return regexp.Compile(b.String())
}

// match matches a line and remembers what it caught.
func match(pattern, line string, vars map[string]string) (bool, error) {
	re, err := matcher(pattern, vars)
	if err != nil {
		return false, err
	}
	m := re.FindStringSubmatch(line)
	if m == nil {
		return false, nil
	}
	for i, name := range re.SubexpNames() {
		if name != "" {
			vars[name] = m[i]
		}
	}
	return true, nil
}

// unescape reads the escapes of a sent line; more tells whether CRLF follows.
func unescape(s string) (out string, crlf bool, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'r':
			b.WriteByte('\r')
		case 'n':
			b.WriteByte('\n')
		case '0':
			b.WriteByte(0)
		case 'c':
			if i+1 != len(s) {
				return "", false, fmt.Errorf(`\c must end the line`)
			}
			return b.String(), false, nil
		case 'x':
			var c byte
			if i+2 >= len(s) {
				return "", false, fmt.Errorf(`\x wants two digits`)
			}
			if _, err := fmt.Sscanf(s[i+1:i+3], "%02x", &c); err != nil {
				return "", false, err
			}
			b.WriteByte(c)
			i += 2
		case '\\':
			b.WriteByte('\\')
		default: // \Seen and its like need no escape
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String(), true, nil
}
