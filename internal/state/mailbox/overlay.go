package mailbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// An overlay is one change of flags on many places of a mailbox, kept as one row instead of one for each place. It lies over the
// place rows written before it: what a place row says is true as of its modseq, and the overlays with higher numbers that
// name its UID are applied to it in their order. So STORE 1:* in a mailbox of 100,000 writes a few bytes. Whoever writes a place row
// writes it as it is with the overlays, so with the last one's number as its modseq, or a later one.

const (
	// overlayFrom is the number of places from which a change of flags is written as an overlay, if on average at least
	// overlayRun of them stand side by side.
	overlayFrom = 256
	overlayRun  = 8
	// maxOverlays bounds the overlays of a mailbox. The change that meets the bound writes all places and takes them away.
	maxOverlays = 16
	// foldMost is the largest number of places that one commit writes each for itself: more would be a batch that no store takes. A
	// larger mailbox keeps its overlays, however many.
	foldMost = 1 << 19
)

// overlay sets and clears marks of places: first clear, then set.
type overlay struct {
	number     uint64
	set, clear marks
	uids       []mail.UID // ascending
}

func (o *overlay) apply(m marks) marks { return m.andNot(o.clear).or(o.set) }

// over lays the overlay over a place.
func (o *overlay) over(e *entry) {
	if e.modseq >= o.number {
		return
	}
	i := sort.Search(len(o.uids), func(i int) bool { return o.uids[i] >= e.uid })
	if i < len(o.uids) && o.uids[i] == e.uid {
		e.marks, e.modseq = o.apply(e.marks), o.number
	}
}

func (o *overlay) append(e enc) enc {
	e = append(e, rowVersion).uint(o.set.lo).uint(o.set.hi).uint(o.clear.lo).uint(o.clear.hi)
	return e.uids(o.uids)
}

func decodeOverlay(number uint64, b []byte) (overlay, error) {
	d := newDec(b)
	o := overlay{number: number, set: marks{d.uint(), d.uint()}, clear: marks{d.uint(), d.uint()}}
	left := maxJournalUIDs
	o.uids = d.uids(&left)
	return o, d.end("overlay row")
}

// overlayKey is the row of the overlay that the commit with this number wrote.
func overlayKey(a mail.AccountID, m mail.MailboxID, number uint64) keyBuf {
	k := idKey(a, rowOverlay, m.ID)
	binary.BigEndian.PutUint64(k.b[k.n:], number)
	k.n += 8
	return k
}

// getOverlays reads a mailbox's overlays, in the order of their numbers.
func getOverlays(ctx context.Context, v store.View, a mail.AccountID, m mail.MailboxID) (all []overlay, err error) {
	err = eachOverlay(ctx, v, a, m, func(o *overlay) { all = append(all, *o) })
	return all, err
}

// eachOverlay calls fn for each of a mailbox's overlays, in the order of their numbers.
func eachOverlay(ctx context.Context, v store.View, a mail.AccountID, m mail.MailboxID, fn func(o *overlay)) error {
	err := v.Scan(ctx, idRange(a, rowOverlay, m.ID), func(key, value []byte) (bool, error) {
		if len(key) != keyHead+idLen+8 {
			return false, errRow
		}
		o, err := decodeOverlay(binary.BigEndian.Uint64(key[keyHead+idLen:]), value)
		if err == nil {
			fn(&o)
		}
		return true, err
	})
	if err != nil {
		return fmt.Errorf("read overlays: %w", err)
	}
	return nil
}

// layOne lays a mailbox's overlays over one place, without making a list of their UIDs.
func layOne(ctx context.Context, v store.View, a mail.AccountID, m mail.MailboxID, e *entry) error {
	err := v.Scan(ctx, idRange(a, rowOverlay, m.ID), func(key, value []byte) (bool, error) {
		if len(key) != keyHead+idLen+8 {
			return false, errRow
		}
		o := overlay{number: binary.BigEndian.Uint64(key[keyHead+idLen:])}
		d := newDec(value)
		o.set, o.clear = marks{d.uint(), d.uint()}, marks{d.uint(), d.uint()}
		if d.hasUID(e.uid) && e.modseq < o.number {
			e.marks, e.modseq = o.apply(e.marks), o.number
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("read overlays: %w", err)
	}
	return nil
}

// hasUID reads runs of UIDs until it has passed a UID.
func (d *dec) hasUID(uid mail.UID) bool {
	var last uint64
	for range d.count(2) {
		from := last + d.uint()
		last = from + d.uint()
		if last >= uint64(uid) {
			return from <= uint64(uid) && d.ok
		}
	}
	return false
}

// lay lays an overlay over the places of a new index, which no snapshot can see yet.
func (x *index) lay(o *overlay) {
	uids := o.uids
	for c := range x.chunks {
		es := x.entries(c)
		for len(uids) > 0 && uids[0] < es[0].uid {
			uids = uids[1:]
		}
		for j := range es {
			for len(uids) > 0 && uids[0] < es[j].uid {
				uids = uids[1:]
			}
			if len(uids) > 0 && uids[0] == es[j].uid && es[j].modseq < o.number {
				es[j].marks, es[j].modseq = o.apply(es[j].marks), o.number
			}
		}
	}
}

// layOver writes a change of the places sel, which have their new marks already, as an overlay. If the mailbox has enough of
// them, it writes all places instead, those of all overlays.
func (t *txn) layOver(m mail.MailboxID, o overlay, snap *snapshot) {
	c := t.counts(m)
	if c.overlays < t.st.svc.maxOverlays || snap.n > t.st.svc.foldMost {
		c.overlays++
		k := overlayKey(t.st.id, m, t.number)
		t.batch.Set(k.bytes(), o.append(nil))
		return
	}
	c.overlays = 0
	t.batch.DeleteRange(idRange(t.st.id, rowOverlay, m.ID))
	o.number = t.number
	snap.each(0, func(_ int, e *entry) bool {
		en := *e
		o.over(&en)
		t.setPlace(m, &en)
		return true
	})
}

// overlayOf is the change of flags as an overlay says it.
func (f *flagger) overlayOf(uids []mail.UID) overlay {
	o := overlay{number: f.t.number, uids: slices.Clone(uids)}
	switch f.ch.Mode {
	case FlagsAdd:
		o.set = f.set
	case FlagsRemove:
		o.clear = f.set
	default:
		o.set, o.clear = f.set, marks{lo: ^markShared, hi: ^uint64(0)}
	}
	return o
}
