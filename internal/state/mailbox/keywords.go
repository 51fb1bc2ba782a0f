package mailbox

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// keywordTable names the keyword bits of an account. Names are only ever added, each table is never changed once made, and a
// longer table names all bits of a shorter one alike.
type keywordTable struct {
	names []string

	sets sync.Map // marks → []string, sorted: the sets seen, so that a listing makes each once
}

// bits finds the bits of keywords and, where a name is new, gives a longer table; otherwise the same.
func (t *keywordTable) bits(keywords []string) (marks, *keywordTable, error) {
	var m marks
	for _, k := range keywords {
		k = strings.ToLower(k)
		if f := mail.FlagFromKeyword(k); f != 0 {
			m.lo |= uint64(f)
			continue
		}
		i := slices.Index(t.names, k)
		if i < 0 {
			if !mail.ValidKeyword(k) {
				return marks{}, t, mail.Refusef(mail.KindLimit, "not a keyword: %.40q", k)
			}
			if len(t.names) >= MaxKeywords {
				return marks{}, t, mail.Refusef(mail.KindLimit, "more than %d different keywords", MaxKeywords)
			}
			i = len(t.names)
			t = &keywordTable{names: append(slices.Clip(slices.Clone(t.names)), k)}
		}
		m = m.or(keywordBit(i))
	}
	return m, t, nil
}

// known finds the bits of those keywords that the table has.
func (t *keywordTable) known(keywords []string) marks {
	var m marks
	for _, k := range keywords {
		k = strings.ToLower(k)
		if f := mail.FlagFromKeyword(k); f != 0 {
			m.lo |= uint64(f)
		} else if i := slices.Index(t.names, k); i >= 0 {
			m = m.or(keywordBit(i))
		}
	}
	return m
}

// list names the keywords of a set, sorted. The result is shared.
func (t *keywordTable) list(m marks) []string {
	m = m.keywords()
	if m.isZero() {
		return nil
	}
	if l, ok := t.sets.Load(m); ok {
		return l.([]string)
	}
	var l []string
	m.each(func(i int) {
		if i < len(t.names) {
			l = append(l, t.names[i])
		}
	})
	slices.Sort(l)
	if len(t.names) <= 12 { // at most 4096 sets; beyond that, sets are made anew each time
		t.sets.Store(m, l)
	}
	return l
}

func (t *keywordTable) encode() []byte {
	e := enc{rowVersion}
	e = e.uint(uint64(len(t.names)))
	for _, n := range t.names {
		e = e.str(n)
	}
	return e
}

func decodeKeywords(b []byte) (*keywordTable, error) {
	d := newDec(b)
	n := d.uint()
	if n > MaxKeywords {
		return nil, fmt.Errorf("decode keyword table: %d keywords: %w", n, errRow)
	}
	t := &keywordTable{}
	for range n {
		t.names = append(t.names, d.str(mail.MaxKeywordLen))
	}
	return t, d.end("keyword table")
}
