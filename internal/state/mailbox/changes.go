package mailbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// journalSince calls fn for each commit after since, in order; reaches is false if the journal does not reach back so far.
func (a *Account) journalSince(ctx context.Context, v store.View, since uint64, fn func(number uint64, r *journalRow) bool) (reaches bool, err error) {
	im, err := readImageRow(ctx, v, a.id)
	if err != nil {
		return false, err
	}
	n, err := v.Number(ctx, partition(a.id))
	if err != nil {
		return false, fmt.Errorf("read account number: %w", err)
	}
	if since < im.pruned || since > n {
		return false, nil
	}
	r := rowRange(a.id, rowJournal)
	from := journalKey(a.id, since+1)
	r.Start = from.bytes()
	err = v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		row, err := decodeJournal(value)
		if err != nil {
			return false, err
		}
		return fn(binary.BigEndian.Uint64(key[len(key)-8:]), &row), nil
	})
	if err != nil {
		return false, fmt.Errorf("read journal: %w", err)
	}
	return true, nil
}

func readImageRow(ctx context.Context, v store.View, a mail.AccountID) (accountRow, error) {
	k := singleKey(a, rowAccount)
	b, err := v.Get(ctx, k.bytes())
	if err != nil {
		return accountRow{}, fmt.Errorf("read account row: %w", err)
	}
	return decodeAccount(b)
}

// Vanished lists the UIDs that went from a mailbox after since, ascending (RFC 7162 section 3.2.5). complete is false if the
// journal does not reach back so far.
func (a *Account) Vanished(ctx context.Context, m mail.MailboxID, since mail.ModSeq) (uids []mail.UID, complete bool, err error) {
	err = a.view(ctx, func(v store.View) error {
		complete, err = a.journalSince(ctx, v, uint64(since), func(_ uint64, r *journalRow) bool {
			for i := range r.vanished {
				if r.vanished[i].mailbox == m {
					uids = append(uids, r.vanished[i].uids...)
				}
			}
			return true
		})
		return err
	})
	slices.Sort(uids)
	return uids, complete, err
}

// Changes tells what happened after since, stopping at about max changes (0: no bound). KindNotFound if the journal does not
// reach back so far.
func (a *Account) Changes(ctx context.Context, since mail.ModSeq, max int) (ChangeLog, error) {
	log := ChangeLog{Since: since, Until: since}
	err := a.viewBuried(ctx, func(v store.View) error {
		c := newCollector()
		reaches, err := a.journalSince(ctx, v, uint64(since), func(number uint64, r *journalRow) bool {
			if max > 0 && c.n >= max {
				log.More = true
				return false
			}
			c.add(r)
			log.Until = mail.ModSeq(number)
			return true
		})
		if err != nil {
			return err
		}
		if !reaches {
			return mail.Refuse(mail.KindNotFound, "the changes cannot be told from so long ago")
		}
		return c.result(ctx, v, a.id, &log)
	})
	return log, err
}

// viewBuried is view of a moment at which nobody is dead who is not buried, as the journal tells of the dead when they are.
func (a *Account) viewBuried(ctx context.Context, fn func(v store.View) error) error {
	return a.svc.retry(ctx, func() error {
		if err := a.buryAll(ctx); err != nil {
			return err
		}
		return a.view(ctx, func(v store.View) error {
			dead, err := readDead(ctx, v, a.id)
			if err == nil && len(dead) > 0 {
				err = store.ErrConflict
			}
			if err != nil {
				return err
			}
			return fn(v)
		})
	})
}

// life is what a span of changes made of a thing: born or destroyed in it, or only changed.
type life uint8

const (
	lifeBorn life = 1 << iota
	lifeChanged
	lifeDied
	lifeCounts
)

// collector folds journal rows into one change per thing, in the order in which they were first named.
type collector struct {
	n       int
	emails  fold[mail.EmailID]
	boxes   fold[mail.MailboxID]
	threads fold[mail.ThreadID]
	updated fold[spot]
}

// fold keeps one life per thing.
type fold[T comparable] struct {
	lives map[T]life
	order []T
}

func (f *fold[T]) add(t T, l life) {
	old, ok := f.lives[t]
	if !ok {
		f.order = append(f.order, t)
	}
	f.lives[t] = old | l
}

func newCollector() *collector {
	return &collector{
		emails:  fold[mail.EmailID]{lives: map[mail.EmailID]life{}},
		boxes:   fold[mail.MailboxID]{lives: map[mail.MailboxID]life{}},
		threads: fold[mail.ThreadID]{lives: map[mail.ThreadID]life{}},
		updated: fold[spot]{lives: map[spot]life{}},
	}
}

func (c *collector) add(r *journalRow) {
	for _, t := range r.created {
		c.emails.add(t.email, lifeBorn)
		c.threads.add(t.thread, lifeChanged)
	}
	for _, t := range r.destroyed {
		c.emails.add(t.email, lifeDied)
		c.threads.add(t.thread, lifeChanged)
	}
	for _, s := range r.updated {
		for _, u := range s.uids {
			c.updated.add(spot{s.mailbox, u}, lifeChanged)
		}
	}
	for _, b := range r.boxes {
		c.boxes.add(b.mailbox, [boxKinds]life{lifeBorn, lifeChanged, lifeCounts, lifeDied}[b.kind])
	}
	c.n = len(c.emails.order) + len(c.updated.order)
}

// result names the e-mails behind the places and sorts everything into lists.
func (c *collector) result(ctx context.Context, v store.View, a mail.AccountID, log *ChangeLog) error {
	for _, p := range c.updated.order {
		k := placeKey(a, p.mailbox, p.uid)
		b, err := v.Get(ctx, k.bytes())
		if isNotFound(err) {
			continue // gone or moved since, which a later commit tells
		}
		if err != nil {
			return fmt.Errorf("read place row: %w", err)
		}
		e, err := decodePlace(p.uid, b)
		if err != nil {
			return err
		}
		c.emails.add(e.email, lifeChanged)
	}
	log.Emails = c.emails.delta(nil)
	log.Mailboxes = c.boxes.delta(&log.CountsOnly)
	log.Threads = c.threads.order
	return nil
}

// delta sorts things by their lives; what was born and died in the span is nowhere. counts, if not nil, also gets those of
// Updated where nothing but counters changed.
func (f *fold[T]) delta(counts *[]T) Delta[T] {
	var d Delta[T]
	for _, t := range f.order {
		l := f.lives[t]
		switch {
		case l&(lifeBorn|lifeDied) == lifeBorn|lifeDied:
		case l&lifeBorn != 0:
			d.Created = append(d.Created, t)
		case l&lifeDied != 0:
			d.Destroyed = append(d.Destroyed, t)
		default:
			d.Updated = append(d.Updated, t)
			if counts != nil && l == lifeCounts {
				*counts = append(*counts, t)
			}
		}
	}
	return d
}
