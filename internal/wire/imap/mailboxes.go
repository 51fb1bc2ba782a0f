package imap

import "strings"

// Select is SELECT or EXAMINE (RFC 9051 section 6.3.2, RFC 7162 section 3.1.8).
type Select struct {
	Mailbox   string
	CondStore bool
}

// Select takes SELECT's or EXAMINE's arguments.
func (p *Parser) Select() (Select, error) {
	s := Select{Mailbox: p.Mailbox()}
	if p.TrySP() {
		p.list(func() {
			switch name := p.Keyword(); name {
			case "CONDSTORE":
				s.CondStore = true
			default:
				p.fail("unknown SELECT parameter")
			}
		})
	}
	return s, p.End()
}

// Create is CREATE with the special uses wanted (RFC 6154 section 3), as the client wrote them ("\Sent").
type Create struct {
	Mailbox string
	Uses    []string
}

// Create takes CREATE's arguments.
func (p *Parser) Create() (Create, error) {
	c := Create{Mailbox: p.Mailbox()}
	if p.TrySP() {
		p.list(func() {
			if name := p.Keyword(); name != "USE" {
				p.fail("unknown CREATE parameter")
				return
			}
			p.SP()
			p.list(func() {
				p.must('\\')
				c.Uses = append(c.Uses, `\`+p.Atom())
			})
		})
	}
	return c, p.End()
}

// MailboxOnly takes the one argument of DELETE, SUBSCRIBE and UNSUBSCRIBE.
func (p *Parser) MailboxOnly() (string, error) {
	name := p.Mailbox()
	return name, p.End()
}

// Rename takes RENAME's arguments.
func (p *Parser) Rename() (from, to string, err error) {
	from = p.Mailbox()
	p.SP()
	to = p.Mailbox()
	return from, to, p.End()
}

// StatusItem is one thing STATUS tells of a mailbox.
type StatusItem uint8

// The status items of RFC 3501, RFC 9051, RFC 7162, RFC 7889 and RFC 8474.
const (
	StatusMessages StatusItem = iota + 1
	StatusRecent
	StatusUIDNext
	StatusUIDValidity
	StatusUnseen
	StatusDeleted
	StatusSize
	StatusHighestModSeq
	StatusAppendLimit
	StatusMailboxID
)

var statusNames = [...]string{
	StatusMessages: "MESSAGES", StatusRecent: "RECENT", StatusUIDNext: "UIDNEXT", StatusUIDValidity: "UIDVALIDITY",
	StatusUnseen: "UNSEEN", StatusDeleted: "DELETED", StatusSize: "SIZE", StatusHighestModSeq: "HIGHESTMODSEQ",
	StatusAppendLimit: "APPENDLIMIT", StatusMailboxID: "MAILBOXID",
}

// String is the item's name on the wire.
func (i StatusItem) String() string { return statusNames[i] }

func lookUp[N ~uint8](p *Parser, names []string, what string) N {
	word := p.Keyword()
	for i, n := range names {
		if n != "" && n == word {
			return N(i)
		}
	}
	p.fail("unknown " + what)
	return 0
}

func (p *Parser) statusItems() []StatusItem {
	var items []StatusItem
	p.list(func() {
		item := lookUp[StatusItem](p, statusNames[:], "status item")
		for _, have := range items {
			if have == item {
				return
			}
		}
		items = append(items, item)
	})
	if len(items) == 0 {
		p.fail("expected a status item")
	}
	return items
}

// Status takes STATUS's arguments.
func (p *Parser) Status() (mailbox string, items []StatusItem, err error) {
	mailbox = p.Mailbox()
	p.SP()
	items = p.statusItems()
	return mailbox, items, p.End()
}

// List is LIST or LSUB (RFC 9051 section 6.3.9, RFC 5258, RFC 5819, RFC 6154).
type List struct {
	Reference string
	Patterns  []string // as written but decoded; "" alone asks for the hierarchy delimiter
	Extended  bool     // selection or return options, or a list of patterns, were written

	SelectSubscribed, SelectSpecialUse, RecursiveMatch, SelectRemote bool
	ReturnSubscribed, ReturnChildren, ReturnSpecialUse               bool
	ReturnStatus                                                     []StatusItem
}

// maxPatterns bounds the patterns of one LIST.
const maxPatterns = 64

// List takes LIST's arguments.
func (p *Parser) List() (List, error) {
	var l List
	if p.peek() == '(' {
		l.Extended = true
		p.list(func() { p.listSelect(&l) })
		p.SP()
	}
	if l.RecursiveMatch && !l.SelectSubscribed && !l.SelectSpecialUse {
		p.fail("RECURSIVEMATCH needs another selection option")
	}
	l.Reference = p.Mailbox()
	p.SP()
	if p.peek() == '(' {
		l.Extended = true
		p.list(func() { p.addPattern(&l) })
	} else {
		p.addPattern(&l)
	}
	if p.TrySP() {
		l.Extended = true
		if !p.tryWord("RETURN") {
			p.fail("expected RETURN")
		}
		p.SP()
		p.list(func() { p.listReturn(&l) })
	}
	return l, p.End()
}

// LSub takes LSUB's arguments: a LIST of what is subscribed.
func (p *Parser) LSub() (List, error) {
	l := List{SelectSubscribed: true, Reference: p.Mailbox()}
	p.SP()
	p.addPattern(&l)
	return l, p.End()
}

func (p *Parser) addPattern(l *List) {
	if len(l.Patterns) >= maxPatterns {
		p.fail("too many patterns")
		return
	}
	l.Patterns = append(l.Patterns, p.listPattern())
}

func (p *Parser) listSelect(l *List) {
	switch p.Keyword() {
	case "SUBSCRIBED":
		l.SelectSubscribed, l.ReturnSubscribed = true, true
	case "SPECIAL-USE":
		l.SelectSpecialUse, l.ReturnSpecialUse = true, true
	case "REMOTE":
		l.SelectRemote = true
	case "RECURSIVEMATCH":
		l.RecursiveMatch = true
	default:
		p.fail("unknown LIST selection option")
	}
}

func (p *Parser) listReturn(l *List) {
	switch p.Keyword() {
	case "SUBSCRIBED":
		l.ReturnSubscribed = true
	case "CHILDREN":
		l.ReturnChildren = true
	case "SPECIAL-USE":
		l.ReturnSpecialUse = true
	case "STATUS":
		p.SP()
		l.ReturnStatus = p.statusItems()
	default:
		p.fail("unknown LIST return option")
	}
}

// MatchMailbox reports whether a name matches a LIST pattern: "*" is anything, "%" anything without the delimiter.
// INBOX compares without case. The work is bounded by the product of the lengths.
func MatchMailbox(pattern, name string, delim byte) bool {
	if len(name) >= len(Inbox) && strings.EqualFold(name[:len(Inbox)], Inbox) && (len(name) == len(Inbox) || name[len(Inbox)] == delim) {
		name = Inbox + name[len(Inbox):]
		if n := inboxPrefix(pattern); n > 0 {
			pattern = Inbox[:n] + pattern[n:]
		}
	}
	// reach[i] says that the pattern so far can have used up name[:i].
	reach := make([]bool, len(name)+1)
	reach[0] = true
	for i := range len(pattern) {
		c := pattern[i]
		if c == '*' || c == '%' {
			for j := range len(name) {
				reach[j+1] = reach[j+1] || reach[j] && (c == '*' || name[j] != delim)
			}
			continue
		}
		for j := len(name); j > 0; j-- {
			reach[j] = reach[j-1] && name[j-1] == c
		}
		reach[0] = false
	}
	return reach[len(name)]
}

// inboxPrefix is how much of the pattern's start spells a part of INBOX in any case, before a wildcard or a delimiter.
func inboxPrefix(pattern string) int {
	n := 0
	for n < len(pattern) && n < len(Inbox) && (pattern[n]|0x20) == (Inbox[n]|0x20) {
		n++
	}
	return n
}
