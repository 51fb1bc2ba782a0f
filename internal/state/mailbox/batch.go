package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// SummaryRows reads many e-mails' summaries from one snapshot, much faster than one by one where they are neighbours, as the
// messages of a mailbox are. fn gets the index in ids and the summary as it is kept (message.DecodeSummary reads it), lent for the
// call, in the order of the ids. E-mails that are not there are passed over.
func (a *Account) SummaryRows(ctx context.Context, ids []mail.EmailID, fn func(i int, row []byte) error) error {
	return a.eachLiving(ctx, rowSummary, ids, fn)
}

// BodyRefs is SummaryRows for the e-mails' bodies, which OpenBody opens.
func (a *Account) BodyRefs(ctx context.Context, ids []mail.EmailID, fn func(i int, body store.BlobRef) error) error {
	return a.eachLiving(ctx, rowEmail, ids, func(i int, value []byte) error {
		ref, err := decodeBlobRef(value)
		if err != nil {
			return err
		}
		return fn(i, ref)
	})
}

// eachLiving is eachRow without the e-mails that are dead.
func (a *Account) eachLiving(ctx context.Context, kind byte, ids []mail.EmailID, fn func(i int, value []byte) error) error {
	return a.viewLiving(ctx, func(v store.View, dead deadList) error {
		return eachRow(ctx, v, a.id, kind, ids, func(i int, value []byte) error {
			if len(dead) > 0 && dead.has(ids[i].ID) {
				return nil
			}
			return fn(i, value)
		})
	})
}

// OpenBody opens a body that BodyRefs told of. It must be closed. KindNotFound if its e-mail was destroyed meanwhile.
func (a *Account) OpenBody(ctx context.Context, ref store.BlobRef) (store.Blob, error) {
	b, err := a.svc.st.OpenBlob(ctx, ref.ID)
	return b, bodyFault(err)
}

// OpenBodyHead is OpenBody for who reads no more than the first n bytes, such as the header (store.Store.OpenHead).
func (a *Account) OpenBodyHead(ctx context.Context, ref store.BlobRef, n int64) (store.Blob, error) {
	b, err := a.svc.st.OpenHead(ctx, ref.ID, n)
	return b, bodyFault(err)
}

func bodyFault(err error) error {
	if errors.Is(err, store.ErrNoBlob) { // destroyed meanwhile, or the store is damaged: gone in any case
		return mail.Failed(mail.KindNotFound, "no such e-mail", err)
	}
	if err != nil {
		return fault(fmt.Errorf("open body: %w", err))
	}
	return nil
}

// A scan for rows gives up when it has passed over so many times more rows than it has found, and some at the beginning.
const (
	maxPassed   = 4
	firstPassed = 64
)

// eachRow calls fn for one kind of row of these e-mails, in the order of the ids: by a scan as long as they are neighbours, and one
// by one from where they are not.
func eachRow(ctx context.Context, v store.View, a mail.AccountID, kind byte, ids []mail.EmailID, fn func(i int, value []byte) error) error {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	byID := func(x, y int) int { return ids[x].Compare(ids[y].ID) }
	if !slices.IsSortedFunc(order, byID) {
		slices.SortFunc(order, byID)
	}
	order, err := scanRows(ctx, v, a, kind, ids, order, fn)
	if err != nil {
		return err
	}
	for _, i := range order {
		k := idKey(a, kind, ids[i].ID)
		value, err := v.Get(ctx, k.bytes())
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		if err := fn(i, value); err != nil {
			return err
		}
	}
	return nil
}

// scanRows does what a scan is good for and gives the rest of order.
func scanRows(ctx context.Context, v store.View, a mail.AccountID, kind byte, ids []mail.EmailID, order []int,
	fn func(i int, value []byte) error) ([]int, error) {
	if len(order) < 4 {
		return order, nil
	}
	first, last := idKey(a, kind, ids[order[0]].ID), idKey(a, kind, ids[order[len(order)-1]].ID)
	r := store.Range{Start: first.bytes(), End: append(last.bytes(), 0)}
	found, passed := 0, 0
	err := v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		id := string(key[keyHead:])
		for len(order) > 0 && string(ids[order[0]].ID[:]) < id {
			order = order[1:] // not there
		}
		if len(order) == 0 {
			return false, nil
		}
		if string(ids[order[0]].ID[:]) > id {
			passed++
			return passed < firstPassed+maxPassed*found, nil
		}
		for len(order) > 0 && string(ids[order[0]].ID[:]) == id {
			if err := fn(order[0], value); err != nil {
				return false, err
			}
			order = order[1:]
			found++
		}
		return len(order) > 0, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return order, nil
}
