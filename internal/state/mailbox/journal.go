package mailbox

import (
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// journalRow is what one commit changed. Updated e-mails are named by their places, so that flags set on a hundred thousand
// neighbours are a few bytes.
type journalRow struct {
	created, destroyed []threaded
	updated            []uidSet // e-mails whose keywords or mailboxes changed, by a place they have after the commit
	vanished           []uidSet // UIDs that went
	boxes              []boxChange
}

// threaded is an e-mail and its thread.
type threaded struct {
	email  mail.EmailID
	thread mail.ThreadID
}

// uidSet is UIDs of one mailbox, ascending.
type uidSet struct {
	mailbox mail.MailboxID
	uids    []mail.UID
}

// boxKind is what happened to a mailbox.
type boxKind byte

const (
	boxCreated boxKind = iota
	boxUpdated
	boxCounts // only its counters changed
	boxDestroyed
	boxKinds
)

type boxChange struct {
	mailbox mail.MailboxID
	kind    boxKind
}

func (r *journalRow) append(e enc) enc {
	e = append(e, rowVersion)
	for _, l := range [2][]threaded{r.created, r.destroyed} {
		e = e.uint(uint64(len(l)))
		for _, t := range l {
			e = e.id(t.email.ID).id(t.thread.ID)
		}
	}
	for _, l := range [2][]uidSet{r.updated, r.vanished} {
		e = e.uint(uint64(len(l)))
		for _, s := range l {
			e = e.id(s.mailbox.ID).uids(s.uids)
		}
	}
	e = e.uint(uint64(len(r.boxes)))
	for _, c := range r.boxes {
		e = append(e.id(c.mailbox.ID), byte(c.kind))
	}
	return e
}

// uids appends ascending UIDs as runs: how many, and for each the gap before it and its length less one.
func (e enc) uids(uids []mail.UID) enc {
	runs := 0
	eachRun(uids, func(_, _ mail.UID) { runs++ })
	e = e.uint(uint64(runs))
	var last mail.UID
	eachRun(uids, func(from, to mail.UID) {
		e = e.uint(uint64(from - last)).uint(uint64(to - from))
		last = to
	})
	return e
}

// eachRun calls fn for each run of UIDs without a gap. uids ascend.
func eachRun(uids []mail.UID, fn func(from, to mail.UID)) {
	for i := 0; i < len(uids); {
		j := i + 1
		for j < len(uids) && uids[j] == uids[j-1]+1 {
			j++
		}
		fn(uids[i], uids[j-1])
		i = j
	}
}

// maxJournalUIDs bounds the UIDs of one row, which a few damaged bytes could blow up.
const maxJournalUIDs = 1 << 22

func decodeJournal(b []byte) (journalRow, error) {
	d := newDec(b)
	var r journalRow
	r.created, r.destroyed = d.threaded(), d.threaded()
	left := maxJournalUIDs
	r.updated, r.vanished = d.uidSets(&left), d.uidSets(&left)
	for range d.count(idLen + 1) {
		c := boxChange{mailbox: mail.MailboxID{ID: d.id()}, kind: boxKind(d.byte())}
		if c.kind >= boxKinds {
			d.fail()
		}
		r.boxes = append(r.boxes, c)
	}
	return r, d.end("journal row")
}

func (d *dec) threaded() []threaded {
	n := d.count(2 * idLen)
	if n == 0 {
		return nil
	}
	l := make([]threaded, n)
	for i := range l {
		l[i] = threaded{mail.EmailID{ID: d.id()}, mail.ThreadID{ID: d.id()}}
	}
	return l
}

func (d *dec) uidSets(left *int) []uidSet {
	var l []uidSet
	for range d.count(idLen + 1) {
		l = append(l, uidSet{mailbox: mail.MailboxID{ID: d.id()}, uids: d.uids(left)})
	}
	return l
}

// uids reads runs of UIDs, of which at most left may be.
func (d *dec) uids(left *int) []mail.UID {
	var uids []mail.UID
	var last uint64
	for range d.count(2) {
		from := last + d.uint()
		n := d.uint()
		if from > 1<<32-1 || n > 1<<32-1-from || n >= uint64(*left) {
			d.fail()
			return nil
		}
		*left -= int(n) + 1
		for u := from; u <= from+n; u++ {
			uids = append(uids, mail.UID(u))
		}
		last = from + n
	}
	return uids
}
