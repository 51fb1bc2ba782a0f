package mailbox

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// errStale means that an account's memory was thrown away meanwhile: get it anew.
var errStale = fmt.Errorf("account in memory is stale: %w", store.ErrConflict)

// state is an account in memory.
//
// Locks: order before show; several accounts' order in the order of their ids; under show only what says so of itself.
type state struct {
	id  mail.AccountID
	svc *Service

	loaded chan struct{} // closed when loading ended; err is set before
	err    error
	refs   int           // guarded by svc.mu
	idle   *list.Element // in svc.idle while refs is 0; guarded by svc.mu

	// order decides the order of commits. It guards head, last and recent, and is not held while the disk syncs.
	order  sync.Mutex
	head   image
	last   mail.ID // the last batch submitted
	recent recentThreads

	known atomic.Pointer[knownHashes] // set under order; nil without a filter
	asked atomic.Int64                // look-ups without one

	// show guards what readers see, and what is on its way to them.
	show    sync.RWMutex
	settled sync.Cond // on show: pending became empty or broken was set
	image   image
	pending []*pending // submitted, in order
	broken  bool       // a commit failed: head is wrong, no more commits
	indexes map[mail.MailboxID]*slot
	loading int       // indexes being loaded
	replay  []*effect // shown since the first of them began
	drained chan struct{}
}

// pending is a commit on its way.
type pending struct {
	effect effect
	shown  bool
}

func newState(s *Service, id mail.AccountID) *state {
	st := &state{
		id: id, svc: s,
		loaded:  make(chan struct{}),
		drained: make(chan struct{}),
		indexes: map[mail.MailboxID]*slot{},
	}
	st.settled.L = &st.show
	return st
}

// load reads the account.
func (st *state) load(ctx context.Context) error {
	v, err := st.svc.st.View(ctx)
	if err != nil {
		return fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	im, err := readImage(ctx, v, st.id)
	if err != nil {
		return err
	}
	st.image, st.head = im, im.clone()
	st.noteDead()
	return nil
}

// readImage reads an account without its messages.
func readImage(ctx context.Context, v store.View, id mail.AccountID) (image, error) {
	im := image{counts: map[mail.MailboxID]counters{}}
	k := singleKey(id, rowAccount)
	b, err := v.Get(ctx, k.bytes())
	if errors.Is(err, store.ErrNotFound) {
		return im, notFound("account")
	}
	if err != nil {
		return im, fmt.Errorf("read account row: %w", err)
	}
	if im.row, err = decodeAccount(b); err != nil {
		return im, err
	}
	if im.number, err = v.Number(ctx, partition(id)); err != nil {
		return im, fmt.Errorf("read account number: %w", err)
	}
	k = singleKey(id, rowKeywords)
	if b, err = v.Get(ctx, k.bytes()); err != nil {
		return im, fmt.Errorf("read keyword table: %w", err)
	}
	if im.keywords, err = decodeKeywords(b); err != nil {
		return im, err
	}
	metas := map[mail.MailboxID]*meta{}
	err = scanIDs(ctx, v, rowRange(id, rowMailbox), func(mb mail.ID, value []byte) error {
		m, err := decodeMeta(mail.MailboxID{ID: mb}, value)
		metas[mail.MailboxID{ID: mb}] = m
		return err
	})
	if err != nil {
		return im, fmt.Errorf("read mailboxes: %w", err)
	}
	im.tree = newTree(metas)
	err = scanIDs(ctx, v, rowRange(id, rowCounters), func(mb mail.ID, value []byte) (err error) {
		im.counts[mail.MailboxID{ID: mb}], err = decodeCounters(value)
		return err
	})
	if err != nil {
		return im, fmt.Errorf("read counters: %w", err)
	}
	im.dead, err = readDead(ctx, v, id)
	return im, err
}

// noteDead tells how many dead are to be buried. The caller holds show, or has the state for itself.
func (st *state) noteDead() {
	if n := st.image.dead.count(); n > 0 || st.svc.graves.total.Load() > 0 {
		st.svc.graves.set(st.id, n)
	}
}

// scanIDs scans rows whose keys end with an id.
func scanIDs(ctx context.Context, v store.View, r store.Range, fn func(id mail.ID, value []byte) error) error {
	return v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		if len(key) < keyHead+idLen {
			return false, errRow
		}
		id, err := mail.IDFromBytes(key[len(key)-idLen:])
		if err != nil {
			return false, err
		}
		return true, fn(id, value)
	})
}

func unix(s int64) time.Time { return time.Unix(s, 0).UTC() }

// settle waits until everything submitted is shown, so that head and image are one. The caller holds order and so keeps
// others from submitting.
func (st *state) settle() error {
	st.show.Lock()
	defer st.show.Unlock()
	for len(st.pending) > 0 && !st.broken {
		st.settled.Wait()
	}
	if st.broken {
		return errStale
	}
	return nil
}

// lock takes order, unless the state is stale.
func (st *state) lock() error {
	st.order.Lock()
	if st.stale() {
		st.order.Unlock()
		return errStale
	}
	return nil
}

// stale says that a commit failed, so that the account must be got anew.
func (st *state) stale() bool {
	st.show.RLock()
	defer st.show.RUnlock()
	return st.broken
}

// submitted takes a commit that was handed over into the head. The caller holds order.
func (st *state) submitted(t *txn) *pending {
	p := &pending{effect: t.effect}
	st.head.apply(&p.effect)
	st.last = t.batch.ID
	st.recent.add(t.links.links, t.number)
	st.noteLinks(t.links.links)
	st.show.Lock()
	st.pending = append(st.pending, p)
	shown := st.image.number
	st.show.Unlock()
	st.recent.trim(shown)
	return p
}

// finish shows a commit that is durable, and those before it, or breaks the state if it failed.
func (st *state) finish(p *pending, failed error) {
	st.show.Lock()
	before := st.indexBytes()
	if failed == nil {
		st.showThrough(p.effect.number)
	} else {
		st.breakAt(p)
	}
	grown := st.indexBytes() - before
	st.show.Unlock()
	st.svc.cache.grow(grown)
}

// showThrough shows all pending commits up to a number that is known to be durable. The caller holds show.
func (st *state) showThrough(number uint64) {
	n := 0
	for n < len(st.pending) && st.pending[n].effect.number <= number {
		p := st.pending[n]
		st.pending[n] = nil
		n++
		p.shown = true
		st.showOne(&p.effect)
	}
	if n == 0 {
		return
	}
	if n == len(st.pending) {
		st.pending = st.pending[:0]
	} else {
		st.pending = st.pending[n:]
	}
	st.afterPending()
}

func (st *state) showOne(ef *effect) {
	st.beginIndexes(ef)
	st.image.apply(ef)
	if len(ef.dead) > 0 || ef.buried != nil {
		st.noteDead()
	}
	for id, sl := range st.indexes {
		if sl.index != nil {
			sl.index.apply(id, ef)
		}
	}
	for _, id := range ef.gone {
		if sl := st.indexes[id]; sl != nil && sl.index != nil {
			sl.index = nil
			delete(st.indexes, id)
		}
	}
	if st.loading > 0 {
		st.replay = append(st.replay, ef)
	}
	st.svc.hubs.signal(st.id, ef)
}

// breakAt takes a failed commit out. What is behind it is doomed and ends by itself.
func (st *state) breakAt(p *pending) {
	for i, q := range st.pending {
		if q == p {
			st.pending = append(st.pending[:i:i], st.pending[i+1:]...)
			break
		}
	}
	st.broken = true
	st.svc.hubs.signalAll(st.id)
	st.afterPending()
}

// afterPending wakes who waits for pending to empty.
func (st *state) afterPending() {
	if len(st.pending) > 0 && !st.broken {
		return
	}
	st.settled.Broadcast()
	if st.broken && len(st.pending) == 0 {
		select {
		case <-st.drained:
		default:
			close(st.drained)
		}
	}
}

// shown is the number up to which everything is durable and shown. A view of the store that is opened later has it all.
func (st *state) shown() uint64 {
	st.show.RLock()
	defer st.show.RUnlock()
	return st.image.number
}

// discard breaks the state without a failed commit, so that it is read again.
func (st *state) discard() {
	st.show.Lock()
	defer st.show.Unlock()
	st.broken = true
	st.afterPending()
}

func (st *state) indexBytes() int64 {
	var n int64
	for _, sl := range st.indexes {
		if sl.index != nil {
			n += sl.index.bytes()
		}
	}
	return n
}
