package mailbox

import (
	"math/bits"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// marks are the flags and keywords of a place as one set of bits: the system flags as in mail.Flags, markShared, room for two
// more, then a bit per keyword of the account's table.
type marks struct{ lo, hi uint64 }

const (
	flagBits = uint64(mail.FlagSeen | mail.FlagAnswered | mail.FlagFlagged | mail.FlagDraft | mail.FlagDeleted)
	// markShared says that the e-mail may have other places. It is never taken back while the place lives.
	markShared uint64 = 1 << 5
	// markGone is never on disk: the place is a placeholder in a view.
	markGone uint64 = 1 << 6
	// firstKeyword is the bit of the first keyword.
	firstKeyword = 128 - MaxKeywords
	// emailBits are the bits that belong to the e-mail, in the low word; the whole high word does.
	emailBits = ^(uint64(mail.FlagDeleted) | markShared | markGone | 1<<7)
)

func (m marks) flags() mail.Flags { return mail.Flags(m.lo & flagBits) }

func (m marks) has(bit uint64) bool { return m.lo&bit != 0 }

func (m marks) keywords() marks { return marks{lo: m.lo &^ (1<<firstKeyword - 1), hi: m.hi} }

func (m marks) or(o marks) marks { return marks{m.lo | o.lo, m.hi | o.hi} }

func (m marks) andNot(o marks) marks { return marks{m.lo &^ o.lo, m.hi &^ o.hi} }

func (m marks) isZero() bool { return m == marks{} }

// withEmailBits takes what belongs to the e-mail from o, and the rest from m.
func (m marks) withEmailBits(o marks) marks {
	return marks{lo: m.lo&^emailBits | o.lo&emailBits, hi: o.hi}
}

// keywordBit is the bit of keyword number i of the table.
func keywordBit(i int) marks {
	i += firstKeyword
	if i < 64 {
		return marks{lo: 1 << i}
	}
	return marks{hi: 1 << (i - 64)}
}

// each calls fn with the number of every keyword in the set.
func (m marks) each(fn func(i int)) {
	m = m.keywords()
	for m.lo != 0 {
		fn(bits.TrailingZeros64(m.lo) - firstKeyword)
		m.lo &= m.lo - 1
	}
	for m.hi != 0 {
		fn(bits.TrailingZeros64(m.hi) + 64 - firstKeyword)
		m.hi &= m.hi - 1
	}
}
