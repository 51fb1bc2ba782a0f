package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Check reads the whole directory from one view and reports, in words for operators, what does not fit together. It changes nothing.
func (d *Directory) Check(ctx context.Context, report func(problem string)) error {
	v, err := d.st.View(ctx)
	if err != nil {
		return unavailable(err)
	}
	defer v.Close()
	c := &checker{ctx: ctx, view: v, report: report}
	for row, check := range map[byte]func(key, value []byte) error{
		rowDomain: c.domain, rowName: c.name, rowAccount: c.account, rowPassword: c.password,
	} {
		err := v.Scan(ctx, store.PrefixRange(partition.Key(row)), func(key, value []byte) (bool, error) {
			return true, check(key[store.PrefixLen+1:], value)
		})
		if err != nil {
			return unavailable(err)
		}
	}
	return nil
}

// checker is one Check. It lives no longer than that, so it may hold the context.
type checker struct {
	ctx    context.Context //nolint:containedctx // see above
	view   store.View
	report func(string)
}

func (c *checker) say(format string, args ...any) { c.report(fmt.Sprintf(format, args...)) }

// has reports whether there is a row, and reads it.
func (c *checker) has(key []byte) ([]byte, bool, error) {
	v, err := c.view.Get(c.ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return v, err == nil, err
}

func (c *checker) domain(key, value []byte) error {
	row, err := decodeDomain(value)
	if err != nil || string(row.Name) != string(key) {
		c.say("the row of domain %q is damaged: %v", key, err)
		return nil
	}
	if row.AliasOf == "" {
		return nil
	}
	target, ok, err := c.has(domainKey(row.AliasOf))
	if err != nil {
		return err
	}
	if !ok {
		c.say("domain %s is an alias of %s, which is not there", row.Name, row.AliasOf)
		return nil
	}
	if t, err := decodeDomain(target); err == nil && t.AliasOf != "" {
		c.say("domain %s is an alias of an alias, %s", row.Name, row.AliasOf)
	}
	return nil
}

func (c *checker) name(key, value []byte) error {
	n, err := decodeName(value)
	i := slices.Index(key, nameSeparator)
	if err != nil || i < 0 {
		c.say("the row of address %q is damaged: %v", key, err)
		return nil
	}
	a := mail.Address{Local: string(key[i+1:]), Domain: mail.Domain(key[:i])}
	if _, ok, err := c.has(domainKey(a.Domain)); err != nil || !ok {
		c.say("address %s is at a domain that is not there", a)
		return err
	}
	if n.kind != nameAccount {
		return nil
	}
	v, ok, err := c.has(accountKey(n.account))
	if err != nil {
		return err
	}
	if !ok {
		c.say("address %s belongs to account %s, which is not there", a, n.account)
		return nil
	}
	row, err := decodeAccount(v)
	if err != nil {
		return nil //nolint:nilerr // account reports it
	}
	at := slices.IndexFunc(row.Addresses, func(b mail.Address) bool { return sameAddress(a, b) })
	if at < 0 || n.primary != (at == 0) {
		c.say("address %s and account %s do not agree on each other", a, n.account)
	}
	return nil
}

func (c *checker) account(key, value []byte) error {
	row, err := decodeAccount(value)
	if err != nil || string(row.ID.ID[:]) != string(key) || len(row.Addresses) == 0 {
		c.say("the row of account %x is damaged: %v", key, err)
		return nil
	}
	for _, a := range row.Addresses {
		v, ok, err := c.has(nameKey(a))
		if err != nil {
			return err
		}
		n, err := decodeName(v)
		if !ok || err != nil || n.kind != nameAccount || n.account != row.ID {
			c.say("account %s does not get what is sent to its address %s", row.ID, a)
		}
	}
	return nil
}

func (c *checker) password(key, value []byte) error {
	if _, err := decodePassword(value); err != nil {
		c.say("the password of account %x is damaged: %v", key, err)
		return nil
	}
	id, err := mail.IDFromBytes(key)
	if err != nil {
		c.say("a password has a damaged key: %x", key)
		return nil //nolint:nilerr // it is reported
	}
	if _, ok, err := c.has(accountKey(mail.AccountID{ID: id})); err != nil || !ok {
		c.say("there is a password for account %s, which is not there", id)
		return err
	}
	return nil
}
