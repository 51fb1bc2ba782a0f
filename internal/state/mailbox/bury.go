package mailbox

import (
	"context"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

const (
	// buryAfter lets the answer to the command that made the dead go out first.
	buryAfter = time.Second
	// buryAgain is when burying is tried again after it failed.
	buryAgain = time.Minute
)

// Run buries the dead until ctx ends: those of the last run too. Without it everything is answered as with it, but what the dead
// take on the disk is not given back.
func (s *Service) Run(ctx context.Context) error {
	if err := s.findDead(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("dead e-mails of the last run were not found", "err", err)
	}
	for {
		select {
		case <-s.graves.wake:
		case <-ctx.Done():
			return nil
		}
		for wait := buryAfter; wait > 0 && s.clock.Sleep(ctx, wait) == nil; {
			wait = s.buryRound(ctx)
		}
	}
}

// buryRound buries all there are, some of each account in turn. An account whose dead cannot be buried keeps nobody else's waiting. It gives
// after what time to try again, 0 if nothing failed.
func (s *Service) buryRound(ctx context.Context) (again time.Duration) {
	failed := map[mail.AccountID]bool{}
	for {
		tried := false
		for _, id := range s.graves.waiting() {
			if failed[id] {
				continue
			}
			tried = true
			_, err := s.Account(id).buryOne(ctx)
			switch {
			case err == nil:
				continue
			case mail.IsKind(err, mail.KindNotFound): // the account has died, and they with it
				s.graves.set(id, 0)
				continue
			case ctx.Err() != nil:
				return buryAgain
			}
			s.log.Warn("dead e-mails were not buried", "account", id, "err", err)
			if mail.IsKind(err, mail.KindDiskFull) || mail.IsKind(err, mail.KindUnavailable) {
				return buryAgain // and so it would be with all others
			}
			failed[id], again = true, buryAgain
		}
		if !tried {
			return again
		}
	}
}

// findDead finds the accounts that have dead, without looking at the others.
func (s *Service) findDead(ctx context.Context) error {
	v, err := s.st.View(ctx)
	if err != nil {
		return fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	var ids []mail.AccountID
	err = scanIDs(ctx, v, rowRange(mail.AccountID{}, rowDead), func(id mail.ID, _ []byte) error {
		ids = append(ids, mail.AccountID{ID: id})
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the accounts with dead e-mails: %w", err)
	}
	for _, id := range ids {
		st, err := s.acquire(ctx, id) // which notes them
		if err == nil {
			s.release(st)
		}
		if err != nil && !mail.IsKind(err, mail.KindNotFound) {
			return err
		}
	}
	return nil
}

// makeRoom buries the account's dead if there are too many of all accounts.
func (a *Account) makeRoom(ctx context.Context) error {
	if a.svc.graves.total.Load() < a.svc.mostDead {
		return nil
	}
	return a.buryAll(ctx)
}

// buryAll buries all of the account's dead.
func (a *Account) buryAll(ctx context.Context) error {
	for {
		if more, err := a.buryOne(ctx); err != nil || !more {
			return err
		}
	}
}

// buryOne buries what one row names and reports whether there are more.
func (a *Account) buryOne(ctx context.Context) (more bool, err error) {
	err = a.change(ctx, func(st *state, t *txn) error {
		dead := st.head.dead
		more = len(dead) > 1
		if len(dead) == 0 {
			st.show.RLock()
			defer st.show.RUnlock()
			a.svc.graves.set(a.id, 0)
			return nil
		}
		if !more {
			k := waitingKey(a.id)
			t.batch.Delete(k.bytes())
		}
		return t.bury(ctx, dead[0])
	})
	return more, err
}

// bury removes all rows of the e-mails that a row names, and the row. The journal tells of them only now, so who reads it has all
// buried before.
func (t *txn) bury(ctx context.Context, r *deadRow) error {
	v, err := t.st.svc.st.View(ctx)
	if err != nil {
		return fmt.Errorf("open a view: %w", err)
	}
	defer v.Close()
	ids := make([]mail.EmailID, len(r.ids))
	for i, id := range r.ids {
		ids[i] = mail.EmailID{ID: id}
	}
	rows := make([]emailRow, len(ids))
	err = eachRow(ctx, v, t.st.id, rowEmail, ids, func(i int, value []byte) error {
		rows[i], err = decodeEmail(value)
		return err
	})
	if err != nil {
		return err
	}
	links, err := t.linkReader(ctx, v, len(ids))
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].blob.ID.IsZero() {
			continue // not there, which Check tells of
		}
		if err := t.erase(ids[i], &rows[i], links); err != nil {
			return err
		}
	}
	k := deadKey(t.st.id, r)
	t.batch.Delete(k.bytes())
	t.effect.buried = r
	t.dirty = true
	return nil
}

// unburied says that an append may have to do with e-mails that are dead but not buried.
type unburied struct{ account mail.AccountID }

func (*unburied) Error() string { return "an e-mail may have to do with dead ones" }

// Unwrap makes it a conflict: bury and try again.
func (*unburied) Unwrap() error { return store.ErrConflict }

// apart refuses an append that may have to do with dead e-mails: that would be one of them, or that the thread index knows the
// relatives of, who may be dead.
func (t *txn) apart(p *prepared, hits threadHits) error {
	if len(t.st.head.dead) == 0 {
		return nil
	}
	if t.st.head.dead.has(p.id.ID) {
		return &unburied{t.st.id}
	}
	for i, h := range p.hashes {
		l, err := t.link(h, func() (threadLink, error) { return hits.links[i], nil })
		if err != nil {
			return err
		}
		if l.count > 0 {
			return &unburied{t.st.id}
		}
	}
	return nil
}
