package text

import (
	"fmt"
	"strings"
)

// Lang is a language people are spoken to in. The zero value is English.
type Lang uint8

// The languages.
const (
	EN Lang = iota
	DE

	langCount
)

// Tag is the language's tag (RFC 5646): "en", "de".
func (l Lang) Tag() string {
	if l == DE {
		return "de"
	}
	return "en"
}

// String is Tag.
func (l Lang) String() string { return l.Tag() }

// ParseLang reads a language tag ("de", "de-AT") or a locale ("de_DE.UTF-8"); false if it names no language of ours.
func ParseLang(s string) (Lang, bool) {
	primary, _, _ := strings.Cut(strings.ToLower(s), "_")
	primary, _, _ = strings.Cut(primary, "-")
	primary, _, _ = strings.Cut(primary, ".")
	switch primary {
	case "en", "c", "posix":
		return EN, true
	case "de":
		return DE, true
	}
	return EN, false
}

// FromEnv chooses the language of a terminal by the rules of locale(7): LC_ALL, then LC_MESSAGES, then LANG; the first that is set
// decides. English if none is set or it is no language of ours.
func FromEnv(getenv func(string) string) Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			l, _ := ParseLang(v)
			return l
		}
	}
	return EN
}

// MarshalText writes the tag.
func (l Lang) MarshalText() ([]byte, error) { return []byte(l.Tag()), nil }

// UnmarshalText reads a tag; empty is English.
func (l *Lang) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*l = EN
		return nil
	}
	parsed, ok := ParseLang(string(b))
	if !ok {
		return fmt.Errorf("no such language: %q", b)
	}
	*l = parsed
	return nil
}
