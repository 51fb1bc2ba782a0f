package mailbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

const (
	// rangeRun is the number of neighbours from which their rows are deleted as a range.
	rangeRun = 16
)

// which says which places are meant.
type which uint8

const (
	anyPlace which = iota
	deletedOnly
)

func (w which) fits(e *entry) bool { return w == anyPlace || e.marks.has(uint64(mail.FlagDeleted)) }

// Expunge takes the messages with \Deleted out of a mailbox; if only is not nil, those of them that it lists (UID EXPUNGE). It
// gives the UIDs, ascending, and the number of the last commit.
func (a *Account) Expunge(ctx context.Context, m mail.MailboxID, only []mail.UID) ([]mail.UID, mail.ModSeq, error) {
	return a.expungeWhere(ctx, m, only, deletedOnly)
}

// ExpungeUIDs takes these messages out of a mailbox, with or without \Deleted (POP3, JMAP).
func (a *Account) ExpungeUIDs(ctx context.Context, m mail.MailboxID, uids []mail.UID) ([]mail.UID, mail.ModSeq, error) {
	if len(uids) == 0 {
		return nil, 0, nil
	}
	return a.expungeWhere(ctx, m, uids, anyPlace)
}

// expungeWhere takes out what fits, of only or, if that is nil, of all that is there.
func (a *Account) expungeWhere(ctx context.Context, m mail.MailboxID, only []mail.UID, w which) ([]mail.UID, mail.ModSeq, error) {
	only = ascending(only)
	var out []mail.UID
	var number uint64
	for {
		var taken []mail.UID
		more := false
		if err := a.makeRoom(ctx); err != nil {
			return out, mail.ModSeq(number), err
		}
		err := a.change(ctx, func(st *state, t *txn) error {
			taken, number = nil, st.head.number
			if w == deletedOnly && st.head.counts[m].deleted == 0 {
				return nil
			}
			snap, err := st.snapshot(ctx, m)
			if err != nil {
				return err
			}
			var sel []entry
			sel, more = choose(&snap, only, w, a.svc.bulk)
			if len(sel) == 0 {
				return nil
			}
			for i := range sel {
				taken = append(taken, sel[i].uid)
			}
			number = t.number
			return t.takeOut(ctx, m, sel, &snap)
		})
		if err != nil {
			return out, mail.ModSeq(number), err
		}
		out = append(out, taken...)
		if !more {
			return out, mail.ModSeq(number), nil
		}
	}
}

// emptyBut takes messages out of a mailbox until there are at most keep.
func (a *Account) emptyBut(ctx context.Context, m mail.MailboxID, keep int64) error {
	for {
		done := false
		if err := a.makeRoom(ctx); err != nil {
			return err
		}
		err := a.change(ctx, func(st *state, t *txn) error {
			if done = st.head.counts[m].total <= keep; done {
				return nil
			}
			snap, err := st.snapshot(ctx, m)
			if err != nil {
				return err
			}
			sel, _ := choose(&snap, nil, anyPlace, a.svc.bulk)
			return t.takeOut(ctx, m, sel, &snap)
		})
		if err != nil || done {
			return err
		}
	}
}

// ascending sorts UIDs and makes each single, without changing the caller's; nil stays nil.
func ascending(uids []mail.UID) []mail.UID {
	if slices.IsSorted(uids) {
		return slices.Compact(slices.Clone(uids))
	}
	c := slices.Clone(uids)
	slices.Sort(c)
	return slices.Compact(c)
}

// choose copies up to max places that fit.
func choose(s *snapshot, only []mail.UID, w which, max int) (sel []entry, more bool) {
	take := func(e *entry) bool {
		if !w.fits(e) {
			return true
		}
		if len(sel) == max {
			more = true
			return false
		}
		sel = append(sel, *e)
		return true
	}
	if only == nil {
		s.each(0, func(_ int, e *entry) bool { return take(e) })
		return sel, more
	}
	s.pick(only, func(e *entry) { take(e) })
	return sel, more
}

// takeOut removes places; sel ascends and is of snap. E-mails that lose their last place go, or of many are dead.
func (t *txn) takeOut(ctx context.Context, m mail.MailboxID, sel []entry, snap *snapshot) error {
	v, err := t.st.svc.st.View(ctx)
	if err != nil {
		return fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	t.deletePlaces(m, sel, snap)
	for i := range sel {
		t.removed(m, &sel[i])
	}
	if len(sel) >= t.st.svc.deadFrom {
		return t.die(ctx, v, m, sel)
	}
	links, err := t.linkReader(ctx, v, len(sel))
	if err != nil {
		return err
	}
	return t.eachEmail(ctx, v, sel, func(e *entry, row *emailRow) error { return t.dropSpot(m, e, row, links) })
}

// dropSpot takes a place, whose row is deleted already, out of its e-mail's row; with the last one the e-mail goes.
func (t *txn) dropSpot(m mail.MailboxID, e *entry, row *emailRow, links func(threadHash) (threadLink, error)) error {
	if t.liveOn(m, e, row) {
		return nil
	}
	return t.destroyed(e.email, row, links)
}

// liveOn takes a place out of its e-mail's row, if the e-mail has others.
func (t *txn) liveOn(m mail.MailboxID, e *entry, row *emailRow) bool {
	row.spots = slices.DeleteFunc(row.spots, func(p spot) bool { return p.mailbox == m })
	if len(row.spots) == 0 {
		return false
	}
	t.setEmail(e.email, row)
	t.updated(row.spots[0].mailbox, row.spots[0].uid)
	return true
}

// deletePlaces deletes place rows: as a range where places chosen stand side by side.
func (t *txn) deletePlaces(m mail.MailboxID, sel []entry, snap *snapshot) {
	for i := 0; i < len(sel); {
		j := i + 1
		pos := snap.find(sel[i].uid)
		for j < len(sel) && pos+j-i < snap.n && snap.at(pos+j-i).uid == sel[j].uid {
			j++
		}
		if j-i >= rangeRun {
			from, to := placeKey(t.st.id, m, sel[i].uid), placeKey(t.st.id, m, sel[j-1].uid+1)
			t.batch.DeleteRange(store.Range{Start: from.bytes(), End: to.bytes()})
			i = j
			continue
		}
		for ; i < j; i++ {
			k := placeKey(t.st.id, m, sel[i].uid)
			t.batch.Delete(k.bytes())
		}
	}
}

// scanShare is the share of an account's e-mails from which reading all rows between is cheaper than each alone.
const scanShare = 8

// manyOf says whether n of the account's e-mails are so many that all are better read in one go.
func (t *txn) manyOf(n int) bool {
	return n >= 64 && int64(n)*scanShare >= t.st.head.row.used.Emails+t.st.head.dead.count()
}

// eachEmail calls fn with the rows of these places' e-mails, in the order of their ids.
func (t *txn) eachEmail(ctx context.Context, v store.View, sel []entry, fn func(e *entry, row *emailRow) error) error {
	order := make([]*entry, len(sel))
	for i := range sel {
		order[i] = &sel[i]
	}
	slices.SortFunc(order, func(a, b *entry) int { return a.email.Compare(b.email.ID) })
	if !t.manyOf(len(sel)) {
		for _, e := range order {
			row, err := getEmail(ctx, v, t.st.id, e.email)
			if err != nil {
				return err
			}
			if err := fn(e, &row); err != nil {
				return err
			}
		}
		return nil
	}
	r := rowRange(t.st.id, rowEmail)
	first := idKey(t.st.id, rowEmail, order[0].email.ID)
	r.Start = first.bytes()
	err := v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		if string(key[keyHead:]) != string(order[0].email.ID[:]) {
			return true, nil
		}
		row, err := decodeEmail(value)
		if err != nil {
			return false, err
		}
		if err := fn(order[0], &row); err != nil {
			return false, err
		}
		order = order[1:]
		return len(order) > 0, nil
	})
	if err != nil {
		return fmt.Errorf("read e-mail rows: %w", err)
	}
	if len(order) > 0 {
		return fmt.Errorf("read e-mail rows: %w", store.ErrNotFound)
	}
	return nil
}
