package mailbox

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// maxFlags bounds the messages of one change of flags; more are several commits.
const maxFlags = 1 << 20

// SetFlags changes flags and keywords of messages, up to a million in one commit; UIDs that are not there are passed over. All but
// \Deleted changes for the e-mail, in all of its mailboxes.
func (a *Account) SetFlags(ctx context.Context, m mail.MailboxID, uids []mail.UID, ch FlagChange) (FlagResult, error) {
	uids = ascending(uids)
	res, err := a.setFlags(ctx, m, uids[:min(len(uids), maxFlags)], ch)
	for len(uids) > maxFlags && err == nil {
		uids = uids[maxFlags:]
		var more FlagResult
		more, err = a.setFlags(ctx, m, uids[:min(len(uids), maxFlags)], ch)
		res.ModSeq = more.ModSeq
		res.Changed, res.Modified = append(res.Changed, more.Changed...), append(res.Modified, more.Modified...)
	}
	return res, err
}

// setFlags is one commit of SetFlags.
func (a *Account) setFlags(ctx context.Context, m mail.MailboxID, uids []mail.UID, ch FlagChange) (FlagResult, error) {
	var res FlagResult
	err := a.change(ctx, func(st *state, t *txn) error {
		res = FlagResult{ModSeq: mail.ModSeq(st.head.number)}
		snap, err := st.snapshot(ctx, m)
		if err != nil {
			return err
		}
		f := flagger{t: t, m: m, ch: ch}
		if err := f.prepare(); err != nil {
			return err
		}
		if res.Changed, res.Modified, err = f.run(ctx, &snap, uids); err != nil {
			return err
		}
		if len(res.Changed) > 0 {
			res.ModSeq = mail.ModSeq(t.number)
		}
		return nil
	})
	return res, err
}

// flagger is one change of flags.
type flagger struct {
	t      *txn
	m      mail.MailboxID
	ch     FlagChange
	set    marks
	shared []entry // the changed places whose e-mail may have others
}

func (f *flagger) prepare() error {
	if f.ch.Mode == FlagsRemove {
		f.set = f.t.effect.keywords.known(f.ch.Keywords)
	} else {
		set, table, err := f.t.effect.keywords.bits(f.ch.Keywords)
		if err != nil {
			return err
		}
		f.set = set
		f.t.setKeywords(table)
	}
	f.set.lo |= uint64(f.ch.Flags) & flagBits
	return nil
}

func (f *flagger) marksOf(old marks) marks {
	switch f.ch.Mode {
	case FlagsAdd:
		return old.or(f.set)
	case FlagsRemove:
		return old.andNot(f.set)
	default:
		return marks{lo: f.set.lo | old.lo&markShared, hi: f.set.hi}
	}
}

// run changes the places. In a large mailbox most of the time goes here, so what is the same for all is kept out of the loop.
func (f *flagger) run(ctx context.Context, snap *snapshot, uids []mail.UID) (changed, modified []mail.UID, err error) {
	t := f.t
	var c *counters
	snap.pick(uids, func(old *entry) {
		if f.ch.UnchangedSince != nil && old.modseq > uint64(*f.ch.UnchangedSince) {
			modified = append(modified, old.uid)
			return
		}
		mk := f.marksOf(old.marks)
		if mk == old.marks {
			return
		}
		if c == nil {
			c = t.counts(f.m)
			n := min(len(uids), snap.n)
			changed = make([]mail.UID, 0, n)
			t.effect.remarks = append(t.effect.remarks, remarked{mailbox: f.m, changes: make([]remark, 0, n)})
		}
		e := *old
		e.marks, e.modseq = mk, t.number
		c.sub(old)
		c.add(&e)
		changed = append(changed, e.uid)
		r := &t.effect.remarks[len(t.effect.remarks)-1]
		r.changes = append(r.changes, remark{uid: e.uid, marks: mk})
		if old.marks.has(markShared) && mk.withEmailBits(old.marks) != mk {
			f.shared = append(f.shared, e)
		}
	})
	if len(changed) > 0 {
		t.journal.updated = append(t.journal.updated, uidSet{f.m, changed})
		f.write(snap, changed)
	}
	return changed, modified, f.spread(ctx)
}

// write writes the places changed: as one overlay or each for itself.
func (f *flagger) write(snap *snapshot, changed []mail.UID) {
	o := f.overlayOf(changed)
	runs := 0
	eachRun(changed, func(_, _ mail.UID) { runs++ })
	neighbours := len(changed) >= f.t.st.svc.overlayFrom && runs*f.t.st.svc.overlayRun <= len(changed)
	if neighbours || len(changed) > f.t.st.svc.foldMost {
		f.t.layOver(f.m, o, snap)
		return
	}
	snap.pick(changed, func(old *entry) {
		e := *old
		e.marks, e.modseq = o.apply(e.marks), o.number
		f.t.setPlace(f.m, &e)
	})
}

// spread brings the other places of shared e-mails along.
func (f *flagger) spread(ctx context.Context) error {
	if len(f.shared) == 0 {
		return nil
	}
	v, err := f.t.st.svc.st.View(ctx)
	if err != nil {
		return fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	return f.t.eachEmail(ctx, v, f.shared, func(e *entry, row *emailRow) error {
		for _, p := range row.spots {
			if p.mailbox == f.m {
				continue
			}
			if err := f.t.remarkOther(ctx, v, p, e.marks); err != nil {
				return err
			}
		}
		return nil
	})
}

// remarkOther gives another place of an e-mail the e-mail's new marks.
func (t *txn) remarkOther(ctx context.Context, v store.View, p spot, mk marks) error {
	old, err := getPlace(ctx, v, t.st.id, p.mailbox, p.uid)
	if err != nil {
		return err
	}
	t.remark(p.mailbox, &old, remark{uid: p.uid, marks: old.marks.withEmailBits(mk)})
	return nil
}
