package mailbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// pin gives a mailbox's slot with its index loaded; it stays until unpin. A mailbox that is not there is KindNotFound.
func (st *state) pin(ctx context.Context, m mail.MailboxID) (*slot, error) {
	for {
		st.show.Lock()
		if _, ok := st.image.tree.metas[m]; !ok {
			st.show.Unlock()
			return nil, notFound("mailbox")
		}
		sl, ok := st.indexes[m]
		if !ok {
			sl = &slot{st: st, mailbox: m, ready: make(chan struct{}), pins: 1}
			st.indexes[m] = sl
			st.loading++
			st.show.Unlock()
			return sl, st.fill(ctx, sl)
		}
		if sl.index != nil {
			sl.pins++
			st.svc.cache.out(sl)
			st.show.Unlock()
			return sl, nil
		}
		st.show.Unlock()
		select {
		case <-sl.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (st *state) unpin(sl *slot) {
	st.show.Lock()
	if sl.pins--; sl.pins == 0 && sl.index != nil && st.indexes[sl.mailbox] == sl {
		st.svc.cache.in(sl)
	}
	st.show.Unlock()
	st.svc.cache.grow(0)
}

// fill loads a new slot's index, while commits go on: what is shown meanwhile and is not in the view read is played again.
func (st *state) fill(ctx context.Context, sl *slot) error {
	x, err := st.scanIndex(ctx, sl.mailbox)
	st.show.Lock()
	before := st.indexBytes()
	if err == nil {
		// The view may be ahead of what is shown. It is durable, so show it.
		st.showThrough(x.number)
		for _, ef := range st.replay {
			x.apply(sl.mailbox, ef)
		}
		if _, ok := st.image.tree.metas[sl.mailbox]; !ok {
			err = notFound("mailbox")
		}
		if st.broken { // what was read may be the work of the account's next state, which has not shown it yet
			err = errStale
		}
	}
	if err == nil {
		sl.index = x
	} else if st.indexes[sl.mailbox] == sl {
		delete(st.indexes, sl.mailbox)
	}
	if st.loading--; st.loading == 0 {
		st.replay = nil
	}
	sl.err = err
	close(sl.ready)
	grown := st.indexBytes() - before
	st.show.Unlock()
	st.svc.cache.grow(grown)
	return err
}

// beginIndexes gives mailboxes into which their first messages come an index: it is known without reading anything, and while there
// is memory it stays, so that a mailbox that fills is opened at once. The caller holds show.
func (st *state) beginIndexes(ef *effect) {
	cache := &st.svc.cache
	for i := range ef.adds {
		m := ef.adds[i].mailbox
		if st.indexes[m] != nil || st.image.counts[m].total > 0 || cache.total.Load() >= cache.limit/bornShare {
			continue
		}
		sl := &slot{st: st, mailbox: m, ready: make(chan struct{}), index: &index{number: ef.number - 1}}
		close(sl.ready)
		st.indexes[m] = sl
		cache.in(sl)
	}
}

// bornShare is the share of the memory for indexes up to which mailboxes get one that nobody has asked for.
const bornShare = 8

// halvesFrom is from how many messages on a mailbox's places are read by two goroutines, half of the UIDs each.
const halvesFrom = 1 << 14

// scanIndex reads a mailbox's places.
func (st *state) scanIndex(ctx context.Context, m mail.MailboxID) (*index, error) {
	v, err := st.svc.st.View(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	x := &index{}
	if x.number, err = v.Number(ctx, partition(st.id)); err != nil {
		return nil, fmt.Errorf("read account number: %w", err)
	}
	all := idRange(st.id, rowPlace, m.ID)
	if c := st.countsOf(m); c.total < int64(st.svc.halvesFrom) {
		err = x.scan(ctx, v, all)
	} else {
		middle := placeKey(st.id, m, c.next/2)
		err = x.scanHalves(ctx, v, all, middle.bytes())
	}
	if err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	return x, eachOverlay(ctx, v, st.id, m, x.lay)
}

// countsOf are a mailbox's counters as they are shown; nothing is wrong if they are old.
func (st *state) countsOf(m mail.MailboxID) counters {
	st.show.RLock()
	defer st.show.RUnlock()
	return st.image.counts[m]
}

// scanHalves is scan with a second goroutine for what is behind the middle.
func (x *index) scanHalves(ctx context.Context, v store.View, r store.Range, middle []byte) error {
	var second index
	rest := make(chan error, 1)
	go func() { rest <- second.scan(ctx, v, store.Range{Start: middle, End: r.End}) }()
	err := x.scan(ctx, v, store.Range{Start: r.Start, End: middle})
	if err = errors.Join(err, <-rest); err == nil {
		x.join(&second)
	}
	return err
}

// scan reads places and puts them behind those that are there.
func (x *index) scan(ctx context.Context, v store.View, r store.Range) error {
	return v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		if len(key) != keyHead+idLen+4 {
			return false, errRow
		}
		e, err := decodePlace(mail.UID(binary.BigEndian.Uint32(key[len(key)-4:])), value)
		if err != nil {
			return false, err
		}
		x.push(e)
		return true, nil
	})
}

// snapshot gives a mailbox's places as they are shown now. ctx bounds a load.
func (st *state) snapshot(ctx context.Context, m mail.MailboxID) (snapshot, error) {
	sl, err := st.pin(ctx, m)
	if err != nil {
		return snapshot{}, err
	}
	defer st.unpin(sl)
	st.show.Lock()
	defer st.show.Unlock()
	if sl.index == nil {
		return snapshot{}, notFound("mailbox")
	}
	return sl.index.take(), nil
}

// getPlace reads one place, with the overlays over its row.
func getPlace(ctx context.Context, v store.View, a mail.AccountID, m mail.MailboxID, uid mail.UID) (entry, error) {
	k := placeKey(a, m, uid)
	b, err := v.Get(ctx, k.bytes())
	if err != nil {
		return entry{}, fmt.Errorf("read place row: %w", err)
	}
	e, err := decodePlace(uid, b)
	if err != nil {
		return entry{}, err
	}
	return e, layOne(ctx, v, a, m, &e)
}

// getEmail reads one e-mail row.
func getEmail(ctx context.Context, v store.View, a mail.AccountID, id mail.EmailID) (emailRow, error) {
	k := idKey(a, rowEmail, id.ID)
	b, err := v.Get(ctx, k.bytes())
	if err != nil {
		return emailRow{}, fmt.Errorf("read e-mail row: %w", err)
	}
	return decodeEmail(b)
}
