package mailbox

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// fewChanged is the number of changed messages from which a list gets room for all there may be at once.
const fewChanged = 64

// Sync brings what is durable now into the view. It costs nothing if nothing happened.
func (v *View) Sync(ctx context.Context, mode SyncMode) (Changes, error) {
	if v.gone {
		return Changes{MailboxGone: true}, nil
	}
	now, ch, err := v.latest(ctx, mode)
	if err != nil {
		if mail.IsKind(err, mail.KindNotFound) {
			v.gone = true
			return Changes{MailboxGone: true}, nil
		}
		return Changes{}, fault(err)
	}
	if now == nil {
		return ch, nil
	}
	v.bring(now, mode, &ch)
	return ch, nil
}

// latest takes a snapshot, or none if the view has all there is.
func (v *View) latest(ctx context.Context, mode SyncMode) (*snapshot, Changes, error) {
	if err := v.follow(ctx); err != nil {
		return nil, Changes{}, err
	}
	v.st.show.Lock()
	defer v.st.show.Unlock()
	c, there := v.st.image.counts[v.mailbox]
	if !there || v.slot.index == nil {
		return nil, Changes{}, notFound("mailbox")
	}
	ch := Changes{
		ModSeq:   mail.ModSeq(max(c.modseq, 1)),
		Keywords: len(v.st.image.keywords.names) > len(v.keywords.names),
	}
	v.keywords = v.st.image.keywords
	if c.modseq == v.modseq && (v.ghosts == 0 || mode == SyncKeep) {
		return nil, ch, nil
	}
	v.modseq = c.modseq
	s := v.slot.index.take()
	return &s, ch, nil
}

// follow attaches to the account's newest memory if the view's is stale.
func (v *View) follow(ctx context.Context) error {
	if v.st != nil {
		if !v.st.stale() {
			return nil
		}
		v.detach()
	}
	v.modseq = 0
	return v.attach(ctx)
}

// bring moves the view to a snapshot and tells what is different.
func (v *View) bring(now *snapshot, mode SyncMode, ch *Changes) {
	var ghosts []entry
	diff(&v.snap, now, differ{
		gone: func(pos int, e *entry) {
			if mode == SyncKeep {
				g := *e
				g.marks.lo |= markGone
				ghosts = append(ghosts, g)
				return
			}
			ch.Vanished = append(ch.Vanished, Ref{Seq: pos + 1, UID: e.uid})
		},
		fresh: func(int, *entry) { ch.New++ },
		changed: func(pos int, old, e *entry) {
			if old.modseq == e.modseq {
				return
			}
			if len(ch.Changed) == fewChanged {
				ch.Changed = slices.Grow(ch.Changed, unlike(&v.snap, now)-fewChanged)
			}
			ch.Changed = append(ch.Changed, Ref{Seq: pos + 1, UID: e.uid})
		},
	})
	slices.Reverse(ch.Vanished)
	v.snap, v.ghosts = *now, len(ghosts)
	if len(ghosts) == 0 {
		return
	}
	x := index{snapshot: *now}
	x.insert(ghosts)
	v.snap = x.snapshot
	for i := range ch.Changed {
		ch.Changed[i].Seq = v.snap.find(ch.Changed[i].UID) + 1
	}
}
