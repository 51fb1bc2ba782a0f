package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// prepared is what an append needs that does not depend on the account's state.
type prepared struct {
	Append
	id      mail.EmailID
	hashes  []threadHash
	summary []byte
	hits    threadHits
	have    *emailRow // the e-mail, if it was stored already
}

// same says whether two appends are of one e-mail.
func (p *prepared) same(o *prepared) bool {
	return p.Account == o.Account && (p.id == o.id || p.Blob.ID == o.Blob.ID)
}

// Deliver is the one commit: it stores every append, lets build add what else belongs to the same fate (the staged body with
// AddBlob, queue rows, journey, directory), and returns when all of it is durable and visible. build runs under the accounts'
// locks, so it must neither wait nor call the Service; it may be called again with a fresh batch after a conflict. Without
// appends, Deliver just commits what build adds. The same body appended twice to one account makes one e-mail, in the
// mailboxes of both, and an e-mail that is there already, by an EmailID that the caller minted, is not stored again: so what was
// delivered with an unknown outcome may be delivered again. The quota is not looked at: CheckQuota was, when the recipient was
// accepted.
func (s *Service) Deliver(ctx context.Context, appends []Append, build func(b *store.Batch) error) ([]Appended, error) {
	mem := s.lend()
	defer s.giveBack(mem)
	ps, err := s.prepare(appends, mem)
	if err != nil {
		return nil, err
	}
	var out []Appended
	err = s.retry(ctx, func() error {
		out, err = s.deliver(ctx, ps, build, quotaIgnored, mem)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// quotaMode says whether an append may go over the quota.
type quotaMode uint8

const (
	quotaIgnored quotaMode = iota
	quotaHeld
)

// Append stores one message (IMAP APPEND): ap.Account is ignored, staged is its body. KindOverQuota if there is no room.
func (a *Account) Append(ctx context.Context, ap Append, staged store.StagedBlob) (Appended, error) {
	ap.Account, ap.Blob = a.id, staged.Ref()
	mem := a.svc.lend()
	defer a.svc.giveBack(mem)
	ps, err := a.svc.prepare([]Append{ap}, mem)
	if err != nil {
		return Appended{}, err
	}
	var out []Appended
	err = a.svc.retry(ctx, func() error {
		out, err = a.svc.deliver(ctx, ps, func(b *store.Batch) error {
			b.AddBlob(staged)
			return nil
		}, quotaHeld, mem)
		return err
	})
	if err != nil {
		return Appended{}, err
	}
	return out[0], nil
}

// usualSummary is room for the summary of a usual message, keepMemory the most of each kind of memory that is kept for the next.
const (
	usualSummary = 768
	keepMemory   = 16 << 10
)

// memory is what a delivery needs until it is durable, lent from one to the next.
type memory struct{ rows, summary []byte }

func (s *Service) lend() *memory {
	if m, ok := s.memory.Get().(*memory); ok {
		return m
	}
	return &memory{summary: make([]byte, 0, usualSummary)}
}

func (s *Service) giveBack(m *memory) {
	if cap(m.rows) <= keepMemory && cap(m.summary) <= keepMemory {
		s.memory.Put(m)
	}
}

// prepare does what needs no account. The summary of the first message is in mem.
func (s *Service) prepare(appends []Append, mem *memory) ([]prepared, error) {
	ps := make([]prepared, len(appends))
	for i, ap := range appends {
		p := &ps[i]
		p.Append, p.id = ap, ap.EmailID
		if ap.Blob.Size > MaxMessageSize {
			return nil, mail.Refuse(mail.KindTooLarge, "the message is too large to be stored")
		}
		now := s.clock.Now()
		if p.id.IsZero() {
			p.id = mail.EmailID{ID: mail.NewID(now)}
		}
		if p.Received.IsZero() {
			p.Received = now
		}
		if ap.Summary == nil {
			return nil, mail.Failed(mail.KindInternal, "the message was not read", errors.New("append without a summary"))
		}
		if i > 0 && appends[i-1].Summary == ap.Summary {
			p.summary, p.hashes = ps[i-1].summary, ps[i-1].hashes
			continue
		}
		room := mem.summary[:0]
		if i > 0 {
			room = make([]byte, 0, usualSummary)
		}
		var err error
		if p.summary, err = ap.Summary.AppendBinary(room); err != nil {
			return nil, fault(fmt.Errorf("encode summary: %w", err))
		}
		if i == 0 {
			mem.summary = p.summary
		}
		p.hashes = threadHashes(ap.Summary)
	}
	return ps, nil
}

// deliver is one try.
func (s *Service) deliver(ctx context.Context, ps []prepared, build func(b *store.Batch) error, q quotaMode, mem *memory) ([]Appended, error) {
	states, err := s.acquireAll(ctx, ps)
	defer func() {
		for _, st := range states {
			s.release(st)
		}
	}()
	if err != nil {
		return nil, err
	}
	if err := s.lookAll(ctx, states, ps); err != nil {
		return nil, err
	}
	b := store.NewBatch()
	b.Lend(mem.rows)
	mem.rows = nil
	out, pend, wait, err := s.submitAll(ctx, b, states, ps, build, q)
	if u, ok := errors.AsType[*unburied](err); ok {
		return nil, cmp.Or(s.Account(u.account).buryAll(ctx), err)
	}
	if err != nil {
		return nil, err
	}
	err = wait.Wait(context.WithoutCancel(ctx))
	if err == nil {
		mem.rows = b.TakeBack()
	}
	for i, st := range states {
		if i < len(pend) && pend[i] != nil {
			st.finish(pend[i], err)
		}
	}
	return out, err
}

// acquireAll gives the accounts of all appends in the order of their ids.
func (s *Service) acquireAll(ctx context.Context, ps []prepared) ([]*state, error) {
	ids := make([]mail.AccountID, 0, len(ps))
	for i := range ps {
		if !slices.Contains(ids, ps[i].Account) {
			ids = append(ids, ps[i].Account)
		}
	}
	slices.SortFunc(ids, func(a, b mail.AccountID) int { return a.Compare(b.ID) })
	states := make([]*state, 0, len(ids))
	for _, id := range ids {
		st, err := s.acquire(ctx, id)
		if err != nil {
			return states, err
		}
		states = append(states, st)
	}
	return states, nil
}

// lookAll finds the durable relatives of all appends, and those that are durable themselves.
func (s *Service) lookAll(ctx context.Context, states []*state, ps []prepared) error {
	if len(ps) == 0 {
		return nil
	}
	owner := func(p *prepared) *state {
		return states[slices.IndexFunc(states, func(st *state) bool { return st.id == p.Account })]
	}
	for i := range ps {
		ps[i].hits.number = owner(&ps[i]).shown()
	}
	v, err := s.st.View(ctx)
	if err != nil {
		return fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	for i := range ps {
		p := &ps[i]
		if p.hits.links, err = owner(p).find(ctx, v, p.hashes, p.hits.links); err != nil {
			return fmt.Errorf("look for the thread: %w", err)
		}
		p.have = nil
		if p.EmailID.IsZero() || p.New {
			continue
		}
		row, err := getEmail(ctx, v, p.Account, p.EmailID)
		if err == nil {
			p.have = &row
		} else if !isNotFound(err) {
			return err
		}
	}
	return nil
}

// About what a delivery's rows take beside the summary: for each account, and once (the journey).
const (
	accountRows  = 640
	deliveryRows = 384
)

// submitAll builds and hands over the commit under the locks of all accounts.
func (s *Service) submitAll(ctx context.Context, b *store.Batch, states []*state, ps []prepared, build func(b *store.Batch) error,
	q quotaMode) ([]Appended, []*pending, store.Pending, error) {
	for i, st := range states {
		if err := st.lock(); err != nil {
			unlockAll(states[:i])
			return nil, nil, nil, err
		}
	}
	defer unlockAll(states)
	room := deliveryRows
	for i := range ps {
		room += len(ps[i].summary) + accountRows
	}
	b.Grow(room)
	out := make([]Appended, len(ps))
	txns := make([]*txn, len(states))
	for i, st := range states {
		t := st.begin(b)
		txns[i] = t
		for j := range ps {
			if ps[j].Account != st.id {
				continue
			}
			if err := t.appendOne(ctx, ps, j, out, q); err != nil {
				return nil, nil, nil, err
			}
		}
		if t.dirty {
			t.seal()
		}
	}
	if build != nil {
		if err := build(b); err != nil {
			return nil, nil, nil, err
		}
	}
	if b.Empty() {
		return out, nil, nothing{}, nil
	}
	wait, err := s.st.Submit(ctx, b)
	if err != nil {
		return nil, nil, nil, err
	}
	pend := make([]*pending, len(states))
	for i, st := range states {
		if txns[i].dirty {
			pend[i] = st.submitted(txns[i])
		}
	}
	return out, pend, wait, nil
}

// nothing is the commit of an empty batch.
type nothing struct{}

func (nothing) Wait(context.Context) error { return nil }

func unlockAll(states []*state) {
	for _, st := range states {
		st.order.Unlock()
	}
}

// appendOne adds append j to the commit. What came with the same body for the same account before is joined.
func (t *txn) appendOne(ctx context.Context, ps []prepared, j int, out []Appended, q quotaMode) error {
	p := &ps[j]
	if p.have != nil && !t.st.head.dead.has(p.id.ID) {
		out[j] = t.stored(p)
		return nil
	}
	own, err := t.targets(p)
	if err != nil {
		return err
	}
	boxes := slices.Clone(own)
	for i := range j {
		if p.same(&ps[i]) {
			out[j] = t.whole[i].in(own)
			return nil
		}
	}
	// The same body may come again further on for other mailboxes: all places are made at once, with the first.
	for i := j + 1; i < len(ps); i++ {
		if !p.same(&ps[i]) {
			continue
		}
		more, err := t.targets(&ps[i])
		if err != nil {
			return err
		}
		for _, m := range more {
			if !slices.Contains(boxes, m) {
				boxes = append(boxes, m)
			}
		}
	}
	if q == quotaHeld {
		if err := overQuota(t.effect.row, p.Blob.Size); err != nil {
			return err
		}
	}
	hits := p.hits
	if hits.number < t.st.recent.dropped { // long ago, in a busy account
		if hits, err = t.lookAgain(ctx, p.hashes); err != nil {
			return err
		}
	}
	if err := t.apart(p, hits); err != nil {
		return err
	}
	thread, err := t.enter(p.hashes, hits, p.id)
	if err != nil {
		return err
	}
	made, err := t.deliver(p, boxes, thread)
	if err != nil {
		return err
	}
	out[j] = made
	if len(boxes) > len(own) {
		out[j] = made.in(own)
	}
	if t.whole == nil && len(ps) > 1 {
		t.whole = map[int]Appended{}
	}
	if t.whole != nil {
		t.whole[j] = made
	}
	return nil
}

func (t *txn) lookAgain(ctx context.Context, hashes []threadHash) (threadHits, error) {
	hits := threadHits{number: t.st.shown()}
	v, err := t.st.svc.st.View(ctx)
	if err != nil {
		return threadHits{}, fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	hits.links, err = lookThreads(ctx, v, t.st.id, hashes, nil)
	return hits, err
}

// deliver makes one e-mail in these mailboxes.
func (t *txn) deliver(p *prepared, boxes []mail.MailboxID, thread mail.ThreadID) (Appended, error) {
	mk, table, err := t.effect.keywords.bits(p.Keywords)
	if err != nil {
		return Appended{}, err
	}
	t.setKeywords(table)
	mk.lo |= uint64(p.Flags) & flagBits
	if len(boxes) > 1 {
		mk.lo |= markShared
	}
	en := entry{email: p.id, marks: mk, received: seconds(p.Received), size: uint32(p.Blob.Size)}
	row := emailRow{blob: p.Blob, thread: thread, received: en.received, hashes: p.hashes}
	out := Appended{Account: t.st.id, EmailID: p.id, Thread: thread, ModSeq: mail.ModSeq(t.number)}
	row.spots = make([]spot, len(boxes))
	out.Places = make([]Place, len(boxes))
	for i, m := range boxes {
		uid, err := t.place(m, en)
		if err != nil {
			return Appended{}, err
		}
		row.spots[i] = spot{m, uid}
		out.Places[i] = Place{Mailbox: m, UID: uid, UIDValidity: t.effect.tree.metas[m].validity}
	}
	t.created(p.id, &row, p.summary)
	return out, nil
}

// stored answers an append of an e-mail that is there already.
func (t *txn) stored(p *prepared) Appended {
	o := Appended{Account: t.st.id, EmailID: p.id, Thread: p.have.thread, ModSeq: mail.ModSeq(t.st.head.number)}
	for _, s := range p.have.spots {
		if m := t.effect.tree.metas[s.mailbox]; m != nil {
			o.Places = append(o.Places, Place{Mailbox: s.mailbox, UID: s.uid, UIDValidity: m.validity})
		}
	}
	return o
}

// in is the same with only the places in these mailboxes.
func (a Appended) in(boxes []mail.MailboxID) Appended {
	a.Places = slices.DeleteFunc(slices.Clone(a.Places), func(p Place) bool { return !slices.Contains(boxes, p.Mailbox) })
	return a
}

// targets are the mailboxes of an append, as the head knows them.
func (t *txn) targets(p *prepared) ([]mail.MailboxID, error) {
	tr := t.effect.tree
	if len(p.Mailboxes) == 0 {
		if id, ok := tr.role(p.Role); ok {
			return []mail.MailboxID{id}, nil
		}
		id, ok := tr.ids[Inbox]
		if !ok {
			return nil, notFound("inbox")
		}
		return []mail.MailboxID{id}, nil
	}
	boxes := make([]mail.MailboxID, 0, len(p.Mailboxes))
	for _, m := range p.Mailboxes {
		if _, ok := tr.metas[m]; !ok {
			return nil, notFound("mailbox")
		}
		if !slices.Contains(boxes, m) {
			boxes = append(boxes, m)
		}
	}
	return boxes, nil
}

func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
