package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// maxTries bounds how often a change runs again because somebody else (another node, as a rule) was faster.
const maxTries = 16

// tx is one try of a change: it reads from one view, past the cache, and collects the writes.
type tx struct {
	d     *Directory
	view  store.View
	batch *store.Batch
	keys  [][]byte // written
}

// change runs fn until its writes are committed. Fn must do nothing but read and write through the tx, and runs again on a conflict.
// Nothing is committed if fn writes nothing. When change returns nil, the change is durable and every look-up shows it.
func (d *Directory) change(ctx context.Context, fn func(*tx) error) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	for range maxTries {
		done, err := d.try(ctx, fn)
		if done || err != nil {
			return err
		}
	}
	return mail.Refuse(mail.KindConflict, "the directory is being changed by somebody else, please try again")
}

// try reports false for a conflict.
func (d *Directory) try(ctx context.Context, fn func(*tx) error) (done bool, err error) {
	v, err := d.st.View(ctx)
	if err != nil {
		return false, unavailable(err)
	}
	defer v.Close()
	number, err := v.Number(ctx, partition)
	if err != nil {
		return false, unavailable(err)
	}
	t := &tx{d: d, view: v, batch: store.NewBatch()}
	if err := fn(t); err != nil {
		return false, err
	}
	if len(t.keys) == 0 {
		return true, nil
	}
	t.batch.Expect(partition, number)
	moves := d.cache.foreign()
	d.cache.begin()
	err = store.Commit(ctx, d.st, t.batch)
	if err == nil {
		d.cache.changed(number, t.keys)
	} else {
		d.cache.failed()
	}
	if d.cache.foreign() != moves { // what was heard of meanwhile was not our commit alone
		select {
		case d.foreign <- struct{}{}:
		default:
		}
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrConflict):
		return false, nil
	case errors.Is(err, store.ErrFull):
		return false, mail.Failed(mail.KindDiskFull, "there is no room on the disk", fmt.Errorf("change the directory: %w", err))
	}
	return false, mail.Failed(mail.KindUnavailable, "the directory cannot be changed now", fmt.Errorf("change the directory: %w", err))
}

// get reads a row; nil if it is not there. It is the caller's own.
func get[T any](ctx context.Context, t *tx, key []byte, decode func([]byte) (*T, error)) (*T, error) {
	v, err := t.view.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	out, err := decode(v)
	if err != nil {
		return nil, damaged(err)
	}
	return out, nil
}

func (t *tx) domain(ctx context.Context, d mail.Domain) (*Domain, error) {
	return get(ctx, t, domainKey(d), decodeDomain)
}

func (t *tx) name(ctx context.Context, a mail.Address) (*nameRow, error) {
	return get(ctx, t, nameKey(a), decodeName)
}

// account finds an account that must be there.
func (t *tx) account(ctx context.Context, id mail.AccountID) (*Account, error) {
	a, err := get(ctx, t, accountKey(id), decodeAccount)
	if err == nil && a == nil {
		return nil, mail.Refuse(mail.KindNotFound, "no such account")
	}
	return a, err
}

// home finds a domain that must be ours and have addresses of its own.
func (t *tx) home(ctx context.Context, d mail.Domain) (*Domain, error) {
	row, err := t.domain(ctx, d)
	switch {
	case err != nil:
		return nil, err
	case row == nil:
		return nil, mail.Refusef(mail.KindNoSuchDomain, "%s is not a domain of this server", d.Unicode())
	case row.AliasOf != "":
		return nil, mail.Refusef(mail.KindNotAllowed, "%s is an alias of %s and has no addresses of its own", d.Unicode(), row.AliasOf.Unicode())
	}
	return row, nil
}

func (t *tx) put(key []byte, v any) error {
	j, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a directory row: %w", err)
	}
	t.set(key, j)
	return nil
}

func (t *tx) putName(a mail.Address, n *nameRow) error {
	v, err := n.encode()
	if err != nil {
		return err
	}
	t.set(nameKey(a), v)
	return nil
}

func (t *tx) set(key, value []byte) {
	t.batch.Set(key, value)
	t.keys = append(t.keys, key)
}

func (t *tx) delete(key []byte) {
	t.batch.Delete(key)
	t.keys = append(t.keys, key)
}

// any reports whether a range has a key.
func (t *tx) any(ctx context.Context, r store.Range) (bool, error) {
	found := false
	err := t.view.Scan(ctx, r, func([]byte, []byte) (bool, error) {
		found = true
		return false, nil
	})
	if err != nil {
		return false, unavailable(err)
	}
	return found, nil
}
