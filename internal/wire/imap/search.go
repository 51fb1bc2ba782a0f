package imap

import (
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// SearchOp is one kind of search key.
type SearchOp uint8

// The search keys of RFC 3501, RFC 9051, RFC 5032 (OLDER, YOUNGER) and RFC 7162 (MODSEQ), fewer than the words of the
// grammar: UNSEEN is a not of SeFlag, FROM and its like are SeHeader, SINCE is a not of SeBefore.
const (
	SeAll        SearchOp = iota
	SeAnd                 // all of Keys
	SeOr                  // either of two Keys
	SeNot                 // not the one in Keys
	SeSeqSet              // Set, of sequence numbers
	SeUID                 // Set, of UIDs
	SeFlag                // has Flag
	SeKeyword             // has keyword Text
	SeRecent              // \Recent; matches nothing now
	SeBefore              // internal date's day is before Day
	SeOn                  // internal date's day is Day
	SeSentBefore          // Date field's day is before Day
	SeSentOn              // Date field's day is Day
	SeLarger              // size over Num bytes
	SeSmaller             // size under Num bytes
	SeOlder               // internal date at least Num seconds ago
	SeYounger             // internal date less than Num seconds ago
	SeHeader              // header Field holds Text; an empty Text asks whether the field is there
	SeBody                // body holds Text
	SeText                // header or body holds Text
	SeModSeq              // MODSEQ is at least Num
	SeEmailID             // EMAILID is Text (RFC 8474)
	SeThreadID            // THREADID is Text
)

// SearchKey is a node of a search.
type SearchKey struct {
	Op    SearchOp
	Keys  []SearchKey
	Set   SeqSet
	Flag  mail.Flags
	Field string // lower case
	Text  string
	Day   time.Time // midnight UTC
	Num   uint64
}

// Search is SEARCH (RFC 9051 section 6.4.4, RFC 4731).
type Search struct {
	// Return holds if HasReturn: RETURN was written, and the answer is ESEARCH.
	HasReturn bool
	Return    SearchReturn
	Charset   string // upper case; empty if not given
	Key       SearchKey
}

// SearchReturn is what RETURN asks for. RETURN () means ALL.
type SearchReturn struct{ Min, Max, All, Count, Save bool }

// The bounds of one SEARCH.
const (
	maxSearchDepth = 32
	maxSearchKeys  = 2048
)

// Search takes SEARCH's arguments.
func (p *Parser) Search() (Search, error) {
	var s Search
	if p.tryWord("RETURN") {
		s.HasReturn = true
		p.SP()
		p.list(func() { p.searchReturn(&s.Return) })
		if s.Return == (SearchReturn{}) {
			s.Return.All = true
		}
		p.SP()
	}
	if p.tryWord("CHARSET") {
		p.SP()
		s.Charset = upper(p.AString())
		p.SP()
	}
	sp := searchParser{Parser: p}
	s.Key = sp.and(0)
	return s, p.End()
}

func (p *Parser) searchReturn(r *SearchReturn) {
	switch p.Keyword() {
	case "MIN":
		r.Min = true
	case "MAX":
		r.Max = true
	case "ALL":
		r.All = true
	case "COUNT":
		r.Count = true
	case "SAVE":
		r.Save = true
	default:
		p.fail("unknown SEARCH return option")
	}
}

type searchParser struct {
	*Parser
	keys int
}

// and takes keys with spaces between them, up to the end or a ")".
func (p *searchParser) and(depth int) SearchKey {
	var keys []SearchKey
	for {
		keys = append(keys, p.key(depth))
		if !p.TrySP() {
			break
		}
	}
	if len(keys) == 1 {
		return keys[0]
	}
	return SearchKey{Op: SeAnd, Keys: keys}
}

func not(k SearchKey) SearchKey { return SearchKey{Op: SeNot, Keys: []SearchKey{k}} }

func (p *searchParser) key(depth int) SearchKey {
	if p.keys++; p.keys > maxSearchKeys || depth > maxSearchDepth {
		p.fail("search is too large or too deep")
		return SearchKey{}
	}
	switch c := p.peek(); {
	case c == '(':
		p.must('(')
		k := p.and(depth + 1)
		p.must(')')
		return k
	case c >= '0' && c <= '9', c == '*', c == '$':
		return SearchKey{Op: SeSeqSet, Set: p.SeqSet()}
	}
	word := p.Keyword()
	switch word {
	case "NOT":
		p.SP()
		return not(p.key(depth + 1))
	case "OR":
		p.SP()
		a := p.key(depth + 1)
		p.SP()
		return SearchKey{Op: SeOr, Keys: []SearchKey{a, p.key(depth + 1)}}
	}
	if k, ok := flagKey(word); ok {
		return k
	}
	if p.err == nil {
		p.SP()
	}
	return p.argumentKey(word)
}

// flagKey gives the keys that are one word.
func flagKey(word string) (SearchKey, bool) {
	switch word {
	case "ALL":
		return SearchKey{Op: SeAll}, true
	case "NEW":
		return SearchKey{Op: SeAnd, Keys: []SearchKey{{Op: SeRecent}, not(SearchKey{Op: SeFlag, Flag: mail.FlagSeen})}}, true
	case "RECENT":
		return SearchKey{Op: SeRecent}, true
	case "OLD":
		return not(SearchKey{Op: SeRecent}), true
	}
	name, un := strings.CutPrefix(word, "UN")
	f := mail.FlagFromIMAP(`\` + name)
	if f == 0 {
		return SearchKey{}, false
	}
	k := SearchKey{Op: SeFlag, Flag: f}
	if un {
		k = not(k)
	}
	return k, true
}

// argumentKey takes the argument of a key that has one.
func (p *searchParser) argumentKey(word string) SearchKey {
	switch word {
	case "UID":
		return SearchKey{Op: SeUID, Set: p.SeqSet()}
	case "KEYWORD":
		return SearchKey{Op: SeKeyword, Text: p.Atom()}
	case "UNKEYWORD":
		return not(SearchKey{Op: SeKeyword, Text: p.Atom()})
	case "BCC", "CC", "FROM", "SUBJECT", "TO":
		return SearchKey{Op: SeHeader, Field: strings.ToLower(word), Text: p.AString()}
	case "HEADER":
		field := strings.ToLower(p.AString())
		p.SP()
		return SearchKey{Op: SeHeader, Field: field, Text: p.AString()}
	case "BODY":
		return SearchKey{Op: SeBody, Text: p.AString()}
	case "TEXT":
		return SearchKey{Op: SeText, Text: p.AString()}
	case "LARGER":
		return SearchKey{Op: SeLarger, Num: p.Number64()}
	case "SMALLER":
		return SearchKey{Op: SeSmaller, Num: p.Number64()}
	case "OLDER":
		return SearchKey{Op: SeOlder, Num: uint64(p.Number())}
	case "YOUNGER":
		return SearchKey{Op: SeYounger, Num: uint64(p.Number())}
	case "MODSEQ":
		return p.modSeqKey()
	case "EMAILID":
		return SearchKey{Op: SeEmailID, Text: p.Atom()}
	case "THREADID":
		return SearchKey{Op: SeThreadID, Text: p.Atom()}
	}
	return p.dateKey(word)
}

func (p *searchParser) dateKey(word string) SearchKey {
	switch word {
	case "BEFORE":
		return SearchKey{Op: SeBefore, Day: p.Date()}
	case "ON":
		return SearchKey{Op: SeOn, Day: p.Date()}
	case "SINCE":
		return not(SearchKey{Op: SeBefore, Day: p.Date()})
	case "SENTBEFORE":
		return SearchKey{Op: SeSentBefore, Day: p.Date()}
	case "SENTON":
		return SearchKey{Op: SeSentOn, Day: p.Date()}
	case "SENTSINCE":
		return not(SearchKey{Op: SeSentBefore, Day: p.Date()})
	}
	p.fail("unknown search key")
	return SearchKey{}
}

// modSeqKey takes MODSEQ's argument; an entry name and type may come first and mean nothing more to us, as every flag
// of an e-mail shares one number (RFC 7162 section 3.1.5).
func (p *searchParser) modSeqKey() SearchKey {
	if p.peek() == '"' {
		_ = p.String()
		p.SP()
		switch p.Keyword() {
		case "PRIV", "SHARED", "ALL":
		default:
			p.fail("expected priv, shared or all")
		}
		p.SP()
	}
	return SearchKey{Op: SeModSeq, Num: p.Number64()}
}

// Uses reports whether a key of this kind is anywhere in the search.
func (k SearchKey) Uses(op SearchOp) bool {
	if k.Op == op {
		return true
	}
	for _, sub := range k.Keys {
		if sub.Uses(op) {
			return true
		}
	}
	return false
}
