package imap

import "time"

// Append is APPEND before its message (RFC 9051 section 6.3.12, RFC 6855 section 4).
type Append struct {
	Mailbox string
	Flags   FlagList
	Date    time.Time // zero if not given
	UTF8    bool      // the message came as UTF8 (~{n})
}

// Append takes APPEND's arguments up to the head of the message's literal.
func (p *Parser) Append() (Append, error) {
	a := Append{Mailbox: p.Mailbox()}
	p.SP()
	if p.peek() == '(' {
		a.Flags = p.FlagList()
		p.SP()
	}
	if p.peek() == '"' {
		a.Date = p.DateTime()
		p.SP()
	}
	a.UTF8 = p.messageHead()
	return a, p.err
}

// messageHead takes the head of a message's literal, on which the arguments end.
func (p *Parser) messageHead() (utf8 bool) {
	if p.tryWord("UTF8") {
		utf8 = true
		p.SP()
		p.must('(')
	}
	p.take('~')
	if p.err == nil {
		if _, ok := literalAtEnd(p.buf[p.pos:]); !ok || p.peek() != '{' {
			p.fail("expected the message as a literal")
		}
	}
	return utf8
}

// AppendEnd takes what follows APPEND's only message.
func (p *Parser) AppendEnd(a Append) error {
	if a.UTF8 {
		p.must(')')
	}
	return p.End()
}

// CopyMove takes COPY's or MOVE's arguments.
func (p *Parser) CopyMove() (set SeqSet, mailbox string, err error) {
	set = p.SeqSet()
	p.SP()
	mailbox = p.Mailbox()
	return set, mailbox, p.End()
}

// SeqSetOnly takes the argument of UID EXPUNGE.
func (p *Parser) SeqSetOnly() (SeqSet, error) {
	set := p.SeqSet()
	return set, p.End()
}

// StoreMode says what STORE does with its flags.
type StoreMode uint8

// The modes: FLAGS, +FLAGS, -FLAGS.
const (
	StoreSet StoreMode = iota
	StoreAdd
	StoreRemove
)

// Store is STORE (RFC 9051 section 6.4.6, RFC 7162 section 3.1.3).
type Store struct {
	Set    SeqSet
	Mode   StoreMode
	Silent bool
	Flags  FlagList
	// UnchangedSince holds if HasUnchangedSince; zero is a value of its own ("only if nobody ever changed it").
	UnchangedSince    uint64
	HasUnchangedSince bool
}

// Store takes STORE's arguments.
func (p *Parser) Store() (Store, error) {
	s := Store{Set: p.SeqSet()}
	p.SP()
	if p.peek() == '(' {
		p.list(func() {
			if p.Keyword() != "UNCHANGEDSINCE" {
				p.fail("unknown STORE modifier")
				return
			}
			p.SP()
			s.UnchangedSince, s.HasUnchangedSince = p.Number64(), true
		})
		p.SP()
	}
	switch {
	case p.take('+'):
		s.Mode = StoreAdd
	case p.take('-'):
		s.Mode = StoreRemove
	}
	switch p.Keyword() {
	case "FLAGS":
	case "FLAGS.SILENT":
		s.Silent = true
	default:
		p.fail("expected FLAGS")
	}
	p.SP()
	s.Flags = p.flagsBareOrList()
	return s, p.End()
}
