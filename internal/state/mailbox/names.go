package mailbox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// parsePath reads a path into its levels: NFC, the inbox in its one spelling, and within the limits.
func parsePath(path string) ([]string, error) {
	if len(path) > MaxDepth*(MaxNameLen+1)*2 || !utf8.ValidString(path) {
		return nil, mail.Refuse(mail.KindLimit, "the mailbox name is too long or not UTF-8")
	}
	levels := strings.Split(norm.NFC.String(path), Separator)
	if len(levels) > MaxDepth {
		return nil, mail.Refusef(mail.KindLimit, "mailboxes can be nested %d levels deep", MaxDepth)
	}
	if strings.EqualFold(levels[0], Inbox) {
		levels[0] = Inbox
	}
	for i, l := range levels {
		if err := checkName(l, i == 0); err != nil {
			return nil, err
		}
	}
	return levels, nil
}

func checkName(l string, top bool) error {
	switch {
	case l == "":
		return mail.Refuse(mail.KindLimit, "a level of the mailbox name is empty")
	case len(l) > MaxNameLen:
		return mail.Refusef(mail.KindLimit, "a level of a mailbox name has at most %d bytes", MaxNameLen)
	case top && l[0] == '#':
		return mail.Refuse(mail.KindLimit, "a mailbox name does not begin with #")
	case strings.ContainsAny(l, "*%"):
		return mail.Refuse(mail.KindLimit, "a mailbox name has no * and no %")
	case strings.ContainsFunc(l, isControl):
		return mail.Refuse(mail.KindLimit, "a mailbox name has no control characters")
	}
	return nil
}

// isControl also knows the line and paragraph separators and what turns the direction of text around.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || '\u202a' <= r && r <= '\u202e' ||
		'\u2066' <= r && r <= '\u2069' || r == utf8.RuneError
}

func notFound(what string) error { return mail.Refusef(mail.KindNotFound, "no such %s", what) }
