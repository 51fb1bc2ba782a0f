package journey

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Bounds on one step of pruning, so that no view is open long and no batch large.
const (
	pruneKeys   = 50_000
	pruneRanges = 1000
)

// Prune forgets stories whose last event is before the time, except those of messages that queued says are still queued (nil: none
// are). It returns how many.
func (j *Journeys) Prune(ctx context.Context, before time.Time, queued func(context.Context, mail.MessageID) (bool, error)) (int, error) {
	if queued == nil {
		queued = func(context.Context, mail.MessageID) (bool, error) { return false, nil }
	}
	p := pruner{j: j, before: before, queued: queued, kept: make(map[mail.ID]bool)}
	next := partition().Key(prefixEvent)
	for next != nil {
		var err error
		if next, err = p.stories(ctx, next); err != nil {
			return p.forgotten, fmt.Errorf("prune journeys: %w", err)
		}
	}
	next = partition().Key(prefixAccount)
	for next != nil {
		var err error
		if next, err = p.index(ctx, next); err != nil {
			return p.forgotten, fmt.Errorf("prune journeys' index: %w", err)
		}
	}
	return p.forgotten, nil
}

type pruner struct {
	j         *Journeys
	before    time.Time
	queued    func(context.Context, mail.MessageID) (bool, error)
	kept      map[mail.ID]bool // old messages whose story stays
	forgotten int
}

// old is a story that began before the time.
type old struct {
	id   mail.MessageID
	last time.Time
}

// stories does one step from the key on, and says where to go on; nil at the end.
func (p *pruner) stories(ctx context.Context, from []byte) (next []byte, err error) {
	olds, next, err := p.olds(ctx, from)
	if err != nil {
		return nil, err
	}
	b := store.NewBatch()
	forgotten := 0
	for _, o := range olds {
		keep := !o.last.Before(p.before)
		if !keep {
			if keep, err = p.queued(ctx, o.id); err != nil {
				return nil, err
			}
		}
		if keep {
			p.kept[o.id.ID] = true
			continue
		}
		b.DeleteRange(store.PrefixRange(storyPrefix(o.id)))
		forgotten++
	}
	if err := p.commit(ctx, b); err != nil {
		return nil, err
	}
	p.forgotten += forgotten
	return next, nil
}

// olds reads the stories from a key on that began before the time.
func (p *pruner) olds(ctx context.Context, from []byte) (olds []old, next []byte, err error) {
	v, err := p.j.st.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer v.Close()
	end := partition().Key(append([]byte{prefixEvent}, firstID(p.before)...)...)
	if bytes.Compare(from, end) >= 0 {
		return nil, nil, nil
	}
	keys := 0
	err = v.Scan(ctx, store.Range{Start: from, End: end}, func(key, _ []byte) (bool, error) {
		id, at, _, err := splitEventKey(key)
		if err != nil {
			return false, err
		}
		keys++
		if n := len(olds); n > 0 && olds[n-1].id == id {
			olds[n-1].last = at
			return true, nil
		}
		if keys > pruneKeys || len(olds) >= pruneRanges {
			next = storyPrefix(id)
			return false, nil
		}
		olds = append(olds, old{id, at})
		return true, nil
	})
	return olds, next, err
}

func firstID(t time.Time) []byte {
	id := mail.FirstID(t)
	return id[:]
}

// index does one step of the index by account: rows of stories that are gone go too.
func (p *pruner) index(ctx context.Context, from []byte) (next []byte, err error) {
	v, err := p.j.st.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	b := store.NewBatch()
	keys := 0
	r := store.Range{Start: from, End: store.PrefixRange(partition().Key(prefixAccount)).End}
	err = v.Scan(ctx, r, func(key, _ []byte) (bool, error) {
		if keys++; keys > pruneKeys || b.Len() >= pruneRanges {
			next = bytes.Clone(key)
			return false, nil
		}
		id, err := mail.IDFromBytes(key[len(key)-idLen:])
		if err != nil {
			return false, err
		}
		if id.Time().Before(p.before) {
			if !p.kept[id] {
				b.Delete(key)
			}
			return true, nil
		}
		// The rest of this account's rows is younger: on with the next account.
		account := store.PrefixRange(bytes.Clone(key[:len(key)-idLen]))
		next = account.End
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return next, p.commit(ctx, b)
}

func (p *pruner) commit(ctx context.Context, b *store.Batch) error {
	if b.Empty() {
		return nil
	}
	return store.Commit(ctx, p.j.st, b)
}
