package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// reader answers one question: from the cache, and from one view that is opened when the cache does not know.
type reader struct {
	d      *Directory
	view   store.View
	number uint64
}

func (d *Directory) reader() *reader { return &reader{d: d} }

func (r *reader) close() {
	if r.view != nil {
		r.view.Close()
	}
}

func (r *reader) open(ctx context.Context) error {
	if r.view != nil {
		return nil
	}
	v, err := r.d.st.View(ctx)
	if err != nil {
		return unavailable(err)
	}
	if r.number, err = v.Number(ctx, partition); err != nil {
		v.Close()
		return unavailable(err)
	}
	r.view = v
	return nil
}

// read finds a row; nil if it is not there. The row is shared.
func read[T any](ctx context.Context, r *reader, key []byte, decode func([]byte) (*T, error)) (*T, error) {
	if row, ok := r.d.cache.find(key); ok {
		t, _ := row.(*T) // nil if it is not there
		return t, nil
	}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	v, err := r.view.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		r.d.cache.keep(r.number, key, nil, 0)
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	t, err := decode(v)
	if err != nil {
		return nil, damaged(err)
	}
	r.d.cache.keep(r.number, key, t, len(v))
	return t, nil
}

func (r *reader) domain(ctx context.Context, d mail.Domain) (*Domain, error) {
	return read(ctx, r, domainKey(d), decodeDomain)
}

func (r *reader) name(ctx context.Context, a mail.Address) (*nameRow, error) {
	return read(ctx, r, nameKey(a), decodeName)
}

func (r *reader) account(ctx context.Context, id mail.AccountID) (*Account, error) {
	return read(ctx, r, accountKey(id), decodeAccount)
}

func (r *reader) password(ctx context.Context, id mail.AccountID) (*password, error) {
	return read(ctx, r, passwordKey(id), decodePassword)
}

func unavailable(err error) error {
	return mail.Failed(mail.KindUnavailable, "the directory cannot be read now", fmt.Errorf("read the directory: %w", err))
}

func damaged(err error) error {
	return mail.Failed(mail.KindInternal, "the directory is damaged", err)
}

// Domain finds a domain of ours; false if it is not.
func (d *Directory) Domain(ctx context.Context, name mail.Domain) (Domain, bool, error) {
	r := d.reader()
	defer r.close()
	row, err := r.domain(ctx, name)
	if err != nil || row == nil {
		return Domain{}, false, err
	}
	return *row, true, nil
}

// Account finds an account; KindNotFound if it is not there. Its addresses are shared: do not change them.
func (d *Directory) Account(ctx context.Context, id mail.AccountID) (Account, error) {
	r := d.reader()
	defer r.close()
	row, err := r.account(ctx, id)
	if err != nil {
		return Account{}, err
	}
	if row == nil {
		return Account{}, mail.Refuse(mail.KindNotFound, "no such account")
	}
	return *row, nil
}

// ByAddress finds the account that has an address for its own, through a domain alias too; KindNotFound if none has.
func (d *Directory) ByAddress(ctx context.Context, a mail.Address) (Account, error) {
	r := d.reader()
	defer r.close()
	id, _, err := r.owner(ctx, a)
	if err != nil {
		return Account{}, err
	}
	row, err := r.account(ctx, id)
	if err != nil {
		return Account{}, err
	}
	if row == nil {
		return Account{}, mail.Refusef(mail.KindNotFound, "no account has the address %s", a.Unicode())
	}
	return *row, nil
}

// owner finds the account that an address belongs to, zero if it belongs to none; and the address at the domain that has it, if the
// given one is an alias.
func (r *reader) owner(ctx context.Context, a mail.Address) (mail.AccountID, mail.Address, error) {
	dom, err := r.domain(ctx, a.Domain)
	if err != nil || dom == nil {
		return mail.AccountID{}, a, err
	}
	if dom.AliasOf != "" {
		a.Domain = dom.AliasOf
	}
	n, err := r.name(ctx, a)
	if err != nil || n == nil || n.kind != nameAccount {
		return mail.AccountID{}, a, err
	}
	return n.account, a, nil
}
