package imap

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Inbox is the one name every account has; it compares without case (RFC 9051 section 5.1).
const Inbox = "INBOX"

// MaxMailboxName bounds a mailbox name in bytes of UTF-8, whatever its encoding on the wire.
const MaxMailboxName = 4096

// Mailbox takes a mailbox name and gives it in UTF-8; INBOX in any case becomes "INBOX".
func (p *Parser) Mailbox() string { return p.mailboxName(p.AString()) }

// mailboxName decodes a name as the session's encoding says. Names that are plainly UTF-8 are taken in either mode, as
// several clients send them without asking first; in UTF-7's mode some of them still write "&" as "&-".
func (p *Parser) mailboxName(s string) string {
	if p.err != nil {
		return ""
	}
	if strings.EqualFold(s, Inbox) {
		return Inbox
	}
	switch {
	case p.UTF8:
	case isASCII(s):
		name, err := DecodeUTF7(s)
		if err != nil {
			p.fail(err.Error())
			return ""
		}
		s = name
	default:
		s = strings.ReplaceAll(s, "&-", "&")
	}
	if !utf8.ValidString(s) || len(s) > MaxMailboxName || strings.ContainsFunc(s, isControl) {
		p.fail("not a mailbox name")
		return ""
	}
	return s
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isControl tells the characters Net-Unicode forbids in names (RFC 5198, RFC 9051 section 5.1).
func isControl(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029
}

// listPattern takes a list-mailbox: a name that may hold the wildcards "*" and "%".
func (p *Parser) listPattern() string {
	var s string
	switch p.peek() {
	case '"', '{':
		s = p.String()
	default:
		s = string(p.span(func(c byte) bool { return isListChar(c) || c >= utf8.RuneSelf }))
		if s == "" {
			p.fail("expected a mailbox pattern")
		}
	}
	return p.mailboxName(s)
}

// FlagList is a list of flags as the client wrote it: the system flags, and the keywords as written, without doubles.
type FlagList struct {
	System   mail.Flags
	Keywords []string
}

// maxFlags bounds how many keywords one command may name.
const maxFlags = 256

// Flag takes one flag. \Recent is no flag a client may set, and is refused; so are system flags nobody defined.
func (p *Parser) flag(into *FlagList) {
	if p.take('\\') {
		name := `\` + p.Atom()
		f := mail.FlagFromIMAP(name)
		if f == 0 && p.err == nil {
			p.fail("unknown system flag")
		}
		into.System |= f
		return
	}
	k := p.Atom()
	if p.err != nil {
		return
	}
	if !mail.ValidKeyword(k) {
		// $Seen and its like are JMAP's names of system flags: taking them would make two flags of one name.
		p.fail("not a keyword a client may set")
		return
	}
	for _, have := range into.Keywords {
		if strings.EqualFold(have, k) {
			return
		}
	}
	if len(into.Keywords) >= maxFlags {
		p.fail("too many keywords")
		return
	}
	into.Keywords = append(into.Keywords, k)
}

// FlagList takes a list of flags in parentheses.
func (p *Parser) FlagList() FlagList {
	var f FlagList
	p.list(func() { p.flag(&f) })
	return f
}

// flagsBareOrList takes STORE's flags: a list, or flags with spaces between them.
func (p *Parser) flagsBareOrList() FlagList {
	if p.peek() == '(' {
		return p.FlagList()
	}
	var f FlagList
	p.flag(&f)
	for p.TrySP() {
		p.flag(&f)
	}
	return f
}

// dateTimeLayout is RFC 9051 date-time; a one-digit day is written with a space before it.
const dateTimeLayout = "_2-Jan-2006 15:04:05 -0700"

// DateTime takes a quoted date-time, as APPEND has it.
func (p *Parser) DateTime() time.Time {
	s := p.String()
	if p.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(dateTimeLayout, s)
	if err != nil || len(s) != len(dateTimeLayout) {
		p.fail("not a date-time")
		return time.Time{}
	}
	return t
}

// AppendDateTime writes an internal date, quoted.
func AppendDateTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, "02-Jan-2006 15:04:05 -0700")
	return append(dst, '"')
}

// Date takes a day ("1-Feb-2026", quoted or not) and gives its midnight in UTC; SEARCH compares days without a zone.
func (p *Parser) Date() time.Time {
	s := p.AString()
	if p.err != nil {
		return time.Time{}
	}
	t, err := time.Parse("2-Jan-2006", s)
	if err != nil {
		p.fail("not a date")
		return time.Time{}
	}
	return t
}
