package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Item is a queued message as an admin sees it.
type Item struct {
	Message    Message // its Recipients are empty
	Held       bool
	Recipients []Waiting
}

// Waiting is a recipient that is not settled yet.
type Waiting struct {
	Recipient   mail.Recipient
	Destination string
	Attempts    int
	Next        time.Time // when the next attempt is due; it is later if the destination backs off; zero while held
	Last        Result    // the last attempt's, if Attempts is not zero
}

// Filter chooses messages for List. The zero value chooses all.
type Filter struct {
	After   mail.MessageID // only later ones, for paging
	Account mail.AccountID // only this account's
	Domain  mail.Domain    // only with a waiting recipient at this domain
	Max     int            // at most so many; default 100
}

// List gives queued messages, oldest first.
func (q *Queue) List(ctx context.Context, f Filter) ([]Item, error) {
	f.Max = cmp.Or(f.Max, 100)
	v, err := q.st.View(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the queue: %w", err)
	}
	defer v.Close()
	var out []Item
	for p := range Partitions {
		items, err := q.listPartition(ctx, v, partitionAt(p), f)
		if err != nil {
			return nil, fmt.Errorf("list queue partition %d: %w", p, err)
		}
		out = append(out, items...)
		slices.SortFunc(out, func(a, b Item) int { return a.Message.ID.Compare(b.Message.ID.ID) })
		out = out[:min(len(out), f.Max)]
	}
	return out, nil
}

// listPartition gives the first of a partition's messages that the filter chooses.
func (q *Queue) listPartition(ctx context.Context, v store.View, p store.Partition, f Filter) ([]Item, error) {
	r := store.PrefixRange(p.Key(prefixMessage))
	r.Start = p.Key(append([]byte{prefixMessage}, f.After.ID[:]...)...)
	var out []Item
	err := v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		id, err := mail.IDFromBytes(key[store.PrefixLen+1:])
		if err != nil || id == f.After.ID {
			return err == nil, err
		}
		m, err := decodeMessage(mail.MessageID{ID: id}, value)
		if err != nil {
			return false, err
		}
		if !f.Account.IsZero() && m.Account != f.Account {
			return true, nil
		}
		legs, err := readLegs(ctx, v, m.ID)
		if err != nil {
			return false, err
		}
		item := q.item(m, legs)
		if f.Domain == "" || slices.ContainsFunc(item.Recipients, func(w Waiting) bool {
			return w.Recipient.Address.Domain == f.Domain
		}) {
			out = append(out, item)
		}
		return len(out) < f.Max, nil
	})
	return out, err
}

func (q *Queue) item(m *message, legs []legAt) Item {
	out := Item{Message: m.Message, Held: m.held}
	for _, l := range legs {
		for i := range l.leg.recipients {
			r := &l.leg.recipients[i]
			out.Recipients = append(out.Recipients, Waiting{
				Recipient: r.Recipient, Destination: q.o.Destination(l.leg.domain()), Attempts: l.leg.attempts,
				Next: l.leg.due, Last: r.last,
			})
		}
	}
	return out
}

// Get gives one queued message; a fault of KindNotFound if it is not (any more) in the queue.
func (q *Queue) Get(ctx context.Context, id mail.MessageID) (Item, error) {
	m, legs, err := q.readAll(ctx, id)
	if err != nil {
		return Item{}, err
	}
	return q.item(m, legs), nil
}

// Has reports whether the message is in the queue.
func (q *Queue) Has(ctx context.Context, id mail.MessageID) (bool, error) {
	_, err := store.Get(ctx, q.st, messageKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
