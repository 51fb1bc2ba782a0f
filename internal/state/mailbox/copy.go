package mailbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Copy puts messages into another mailbox too; UIDs that are not there are passed over. An e-mail that is in the target already
// becomes a new e-mail with the same body there. Of very many messages, some may be copied when an error is returned.
func (a *Account) Copy(ctx context.Context, from mail.MailboxID, uids []mail.UID, to mail.MailboxID) (Copied, error) {
	return a.transfer(ctx, from, ascending(uids), to, copying)
}

// Move moves messages to another mailbox, like Copy.
func (a *Account) Move(ctx context.Context, from mail.MailboxID, uids []mail.UID, to mail.MailboxID) (Copied, error) {
	return a.transfer(ctx, from, ascending(uids), to, moving)
}

// transferKind says what becomes of the place in the source.
type transferKind uint8

const (
	copying transferKind = iota
	moving
)

func (a *Account) transferAll(ctx context.Context, from, to mail.MailboxID) (Copied, error) {
	v, err := a.Open(ctx, from)
	if err != nil {
		return Copied{}, err
	}
	uids := make([]mail.UID, 0, v.Len())
	v.snap.each(0, func(_ int, e *entry) bool {
		uids = append(uids, e.uid)
		return true
	})
	v.Close()
	return a.transfer(ctx, from, uids, to, moving)
}

func (a *Account) transfer(ctx context.Context, from mail.MailboxID, uids []mail.UID, to mail.MailboxID, kind transferKind) (Copied, error) {
	var out Copied
	for first := true; first || len(uids) > 0; first = false {
		n := min(len(uids), a.svc.bulk)
		var src, dst []mail.UID
		err := a.change(ctx, func(st *state, t *txn) error {
			src, dst = nil, nil
			target, ok := t.effect.tree.metas[to]
			if !ok {
				return notFound("mailbox")
			}
			out.UIDValidity, out.ModSeq = target.validity, mail.ModSeq(st.head.number)
			snap, err := st.snapshot(ctx, from)
			if err != nil {
				return err
			}
			sel, _ := choose(&snap, uids[:n], anyPlace, n)
			if len(sel) == 0 {
				return nil
			}
			out.ModSeq = mail.ModSeq(t.number)
			src, dst, err = t.transfer(ctx, from, sel, &snap, to, kind)
			return err
		})
		if err != nil {
			return out, err
		}
		out.Src, out.Dst = append(out.Src, src...), append(out.Dst, dst...)
		uids = uids[n:]
	}
	return out, nil
}

// transfer copies or moves the places sel of snap.
func (t *txn) transfer(ctx context.Context, from mail.MailboxID, sel []entry, snap *snapshot, to mail.MailboxID, kind transferKind) (src, dst []mail.UID, err error) {
	v, err := t.st.svc.st.View(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	rows := make(map[mail.EmailID]emailRow, len(sel))
	err = t.eachEmail(ctx, v, sel, func(e *entry, row *emailRow) error {
		rows[e.email] = *row
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if kind == moving {
		t.deletePlaces(from, sel, snap)
	}
	for i := range sel {
		row := rows[sel[i].email]
		uid, err := t.transferOne(ctx, v, from, &sel[i], &row, to, kind)
		if err != nil {
			return nil, nil, err
		}
		src, dst = append(src, sel[i].uid), append(dst, uid)
	}
	return src, dst, nil
}

func (t *txn) transferOne(ctx context.Context, v store.View, from mail.MailboxID, e *entry, row *emailRow, to mail.MailboxID, kind transferKind) (mail.UID, error) {
	if _, there := row.spotIn(to); there {
		uid, err := t.duplicate(ctx, v, e, row, to)
		if err == nil && kind == moving {
			t.removed(from, e)
			err = t.dropSpot(from, e, row, func(h threadHash) (threadLink, error) { return getLink(ctx, v, t.st.id, h) })
		}
		return uid, err
	}
	en := *e
	if kind == copying || len(row.spots) > 1 {
		en.marks.lo |= markShared
	}
	uid, err := t.place(to, en)
	if err != nil {
		return 0, err
	}
	if kind == moving {
		row.spots = slices.DeleteFunc(row.spots, func(p spot) bool { return p.mailbox == from })
		t.removed(from, e)
	} else if !e.marks.has(markShared) {
		marked := e.marks
		marked.lo |= markShared
		t.remark(from, e, remark{uid: e.uid, marks: marked, quiet: true})
	}
	row.spots = append(row.spots, spot{to, uid})
	t.setEmail(e.email, row)
	t.updated(to, uid)
	return uid, nil
}

// duplicate makes a new e-mail of the same body in the target.
func (t *txn) duplicate(ctx context.Context, v store.View, e *entry, row *emailRow, to mail.MailboxID) (mail.UID, error) {
	if err := overQuota(t.effect.row, row.blob.Size); err != nil {
		return 0, err
	}
	k := idKey(t.st.id, rowSummary, e.email.ID)
	summary, err := v.Get(ctx, k.bytes())
	if err != nil {
		return 0, fmt.Errorf("read summary: %w", err)
	}
	en, twin := *e, *row
	en.email = mail.EmailID{ID: mail.NewID(t.st.svc.clock.Now())}
	en.marks.lo &^= markShared
	uid, err := t.place(to, en)
	if err != nil {
		return 0, err
	}
	twin.spots = []spot{{to, uid}}
	t.created(en.email, &twin, summary)
	links, err := lookThreads(ctx, v, t.st.id, row.hashes, nil)
	if err != nil {
		return 0, fmt.Errorf("look for the thread: %w", err)
	}
	_, err = t.enter(row.hashes, threadHits{links: links}, en.email) // its thread is its twin's in any case
	return uid, err
}
