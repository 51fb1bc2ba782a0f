package mailbox

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// txn is one commit being made on top of an account's head, under its order lock. It changes nothing in memory: its effect
// does, once the batch is handed over.
type txn struct {
	st      *state
	batch   *store.Batch
	number  uint64 // that the commit will have
	effect  effect
	journal journalRow
	links   linkSet
	dirty   bool // there is something to commit
	// whole are the e-mails that appends made, by the append's index, with all their places.
	whole map[int]Appended
}

// begin starts a commit. The caller holds order.
func (st *state) begin(b *store.Batch) *txn {
	h := &st.head
	return &txn{
		st: st, batch: b, number: h.number + 1,
		effect: effect{number: h.number + 1, row: h.row, keywords: h.keywords, tree: h.tree},
	}
}

// counts gives a mailbox's counters to be changed.
func (t *txn) counts(m mail.MailboxID) *counters {
	for i := range t.effect.counts {
		if t.effect.counts[i].mailbox == m {
			return &t.effect.counts[i].counters
		}
	}
	c := t.st.head.counts[m]
	c.modseq = t.number
	t.dirty = true
	t.effect.counts = append(t.effect.counts, countsOf{m, c})
	return &t.effect.counts[len(t.effect.counts)-1].counters
}

// place puts an e-mail into a mailbox and gives its UID there.
func (t *txn) place(m mail.MailboxID, e entry) (mail.UID, error) {
	c := t.counts(m)
	if c.next == 1<<32-1 {
		return 0, mail.Refuse(mail.KindLimit, "the mailbox has had too many messages; make a new one")
	}
	e.uid, e.modseq = c.next, t.number
	c.next++
	c.add(&e)
	t.setPlace(m, &e)
	t.effect.adds = append(t.effect.adds, added{m, e})
	return e.uid, nil
}

func (t *txn) setPlace(m mail.MailboxID, e *entry) {
	k := placeKey(t.st.id, m, e.uid)
	var buf [placeLen]byte
	t.batch.Set(k.bytes(), e.append(buf[:0]))
}

func (t *txn) setEmail(id mail.EmailID, r *emailRow) {
	k := idKey(t.st.id, rowEmail, id.ID)
	var buf [256]byte
	t.batch.Set(k.bytes(), r.append(buf[:0]))
}

// created writes all rows of a new e-mail but its places and its thread's index.
func (t *txn) created(id mail.EmailID, r *emailRow, summary []byte) {
	a := t.st.id
	t.setEmail(id, r)
	k := idKey(a, rowEmail, id.ID)
	t.batch.Ref(r.blob.ID, k.bytes())
	k = idKey(a, rowSummary, id.ID)
	t.batch.Set(k.bytes(), summary)
	if r.thread.ID != id.ID { // the e-mail that a thread is named after needs no row to be found
		k = memberKey(a, r.thread, id)
		t.batch.Set(k.bytes(), []byte{rowVersion})
	}
	t.effect.row.used.Bytes += r.blob.Size
	t.effect.row.used.Emails++
	t.journal.created = append(t.journal.created, threaded{id, r.thread})
}

// destroyed removes all of an e-mail but its places. links reads the thread index.
func (t *txn) destroyed(id mail.EmailID, r *emailRow, links func(threadHash) (threadLink, error)) error {
	t.unused(r.blob.Size)
	return t.erase(id, r, links)
}

// erase removes all rows of an e-mail but its places.
func (t *txn) erase(id mail.EmailID, r *emailRow, links func(threadHash) (threadLink, error)) error {
	a := t.st.id
	k := idKey(a, rowEmail, id.ID)
	t.batch.Delete(k.bytes())
	t.batch.Unref(r.blob.ID, k.bytes())
	k = idKey(a, rowSummary, id.ID)
	t.batch.Delete(k.bytes())
	if r.thread.ID != id.ID {
		k = memberKey(a, r.thread, id)
		t.batch.Delete(k.bytes())
	}
	t.journal.destroyed = append(t.journal.destroyed, threaded{id, r.thread})
	return t.leave(r.hashes, links)
}

// remark notes new marks of a place whose old ones are known. quiet ones leave the modseq and the counters alone.
func (t *txn) remark(m mail.MailboxID, old *entry, ch remark) {
	e := *old
	e.marks = ch.marks
	if !ch.quiet {
		e.modseq = t.number
		c := t.counts(m)
		c.sub(old)
		c.add(&e)
	}
	t.setPlace(m, &e)
	t.dirty = true
	t.noteRemark(m, ch)
}

func (t *txn) noteRemark(m mail.MailboxID, ch remark) {
	for i := range t.effect.remarks {
		if t.effect.remarks[i].mailbox == m {
			t.effect.remarks[i].changes = append(t.effect.remarks[i].changes, ch)
			return
		}
	}
	t.effect.remarks = append(t.effect.remarks, remarked{m, []remark{ch}})
}

// removed notes that a place is gone; its row is the caller's to delete.
func (t *txn) removed(m mail.MailboxID, e *entry) {
	t.counts(m).sub(e)
	note(&t.effect.removes, m, e.uid)
}

// updated notes that the e-mail of a place has changed.
func (t *txn) updated(m mail.MailboxID, uid mail.UID) { note(&t.journal.updated, m, uid) }

func note(sets *[]uidSet, m mail.MailboxID, uid mail.UID) {
	for i := range *sets {
		if (*sets)[i].mailbox == m {
			(*sets)[i].uids = append((*sets)[i].uids, uid)
			return
		}
	}
	*sets = append(*sets, uidSet{m, []mail.UID{uid}})
}

// setKeywords takes a longer keyword table.
func (t *txn) setKeywords(k *keywordTable) {
	if k == t.effect.keywords {
		return
	}
	t.effect.keywords = k
	t.dirty = true
	key := singleKey(t.st.id, rowKeywords)
	t.batch.Set(key.bytes(), k.encode())
}

// setMetas changes mailboxes; nil takes one out.
func (t *txn) setMetas(changes map[mail.MailboxID]*meta) {
	t.effect.tree = t.effect.tree.with(changes)
	t.dirty = true
	for id, m := range changes {
		k, c := idKey(t.st.id, rowMailbox, id.ID), idKey(t.st.id, rowCounters, id.ID)
		if m == nil {
			t.batch.Delete(k.bytes())
			t.batch.Delete(c.bytes())
			t.batch.DeleteRange(idRange(t.st.id, rowOverlay, id.ID))
			t.effect.gone = append(t.effect.gone, id)
			t.effect.counts = slices.DeleteFunc(t.effect.counts, func(c countsOf) bool { return c.mailbox == id })
			t.box(id, boxDestroyed)
			continue
		}
		t.batch.Set(k.bytes(), m.encode())
		if _, old := t.st.head.tree.metas[id]; old {
			t.box(id, boxUpdated)
			continue
		}
		t.counts(id).next = 1
		t.box(id, boxCreated)
	}
}

func (t *txn) box(id mail.MailboxID, kind boxKind) {
	t.journal.boxes = append(t.journal.boxes, boxChange{id, kind})
}

// seal writes the rows that every commit has.
func (t *txn) seal() {
	a, b, st := t.st.id, t.batch, t.st
	var buf [128]byte
	for i := range t.effect.counts {
		c := &t.effect.counts[i]
		k := idKey(a, rowCounters, c.mailbox.ID)
		b.Set(k.bytes(), c.append(buf[:0]))
		if !slices.ContainsFunc(t.journal.boxes, func(x boxChange) bool { return x.mailbox == c.mailbox }) {
			t.box(c.mailbox, boxCounts)
		}
	}
	t.order()
	t.prune()
	k := singleKey(a, rowAccount)
	b.Set(k.bytes(), t.effect.row.append(buf[:0]))
	k = journalKey(a, t.number)
	var jbuf [512]byte
	b.Set(k.bytes(), t.journal.append(jbuf[:0]))
	if !st.last.IsZero() {
		b.ExpectAfter(partition(a), t.number-1, st.last)
		return
	}
	b.Expect(partition(a), t.number-1)
}

// order sorts what must ascend.
func (t *txn) order() {
	for _, sets := range [][]uidSet{t.effect.removes, t.journal.updated} {
		for i := range sets {
			slices.Sort(sets[i].uids)
			sets[i].uids = slices.Compact(sets[i].uids)
		}
	}
	for i := range t.effect.remarks {
		slices.SortFunc(t.effect.remarks[i].changes, func(a, b remark) int { return int(int64(a.uid) - int64(b.uid)) })
	}
	t.journal.vanished = t.effect.removes
}

// pruneEvery is how often the journal's old end is cut off, in commits.
const pruneEvery = 1024

func (t *txn) prune() {
	keep := t.st.svc.journal
	if t.number%pruneEvery != 0 || t.number <= keep {
		return
	}
	until := t.number - keep
	from := journalKey(t.st.id, t.effect.row.pruned)
	to := journalKey(t.st.id, until+1)
	t.batch.DeleteRange(store.Range{Start: from.bytes(), End: to.bytes()})
	t.effect.row.pruned = until
}

// change makes one commit that depends on the messages' state: fn adds to it what it wants, with head and image being one, and
// may be called again. With nothing added nothing is committed.
func (a *Account) change(ctx context.Context, fn func(st *state, t *txn) error) error {
	return a.svc.retry(ctx, func() error {
		st, err := a.svc.acquire(ctx, a.id)
		if err != nil {
			return err
		}
		defer a.svc.release(st)
		return st.change(ctx, fn, nil)
	})
}

// change is one try of Account.change; add adds to the sealed batch, if it is not nil.
func (st *state) change(ctx context.Context, fn func(st *state, t *txn) error, add func(b *store.Batch) error) error {
	if err := st.lock(); err != nil {
		return err
	}
	t, wait, err := st.submit(ctx, fn, add)
	st.order.Unlock()
	if err != nil || t == nil {
		return err
	}
	err = wait.Wait(context.WithoutCancel(ctx))
	st.finish(t, err)
	return err
}

// submit builds and hands over one commit. The caller holds order. No pending means that there was nothing to do.
func (st *state) submit(ctx context.Context, fn func(st *state, t *txn) error, add func(b *store.Batch) error) (*pending, store.Pending, error) {
	if err := st.settle(); err != nil {
		return nil, nil, err
	}
	t := st.begin(store.NewBatch())
	if err := fn(st, t); err != nil || !t.dirty {
		return nil, nil, err
	}
	t.seal()
	if add != nil {
		if err := add(t.batch); err != nil {
			return nil, nil, err
		}
	}
	wait, err := st.svc.st.Submit(ctx, t.batch)
	if err != nil {
		return nil, nil, err
	}
	return st.submitted(t), wait, nil
}

// retry tries an operation again while it meets conflicts, and makes its error fit for the caller.
func (s *Service) retry(ctx context.Context, try func() error) error {
	var err error
	for range maxTries {
		if err = try(); !isConflict(err) || ctx.Err() != nil {
			break
		}
	}
	return fault(err)
}
