package directory

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// maxAddresses bounds an account's own addresses.
const maxAddresses = 100

// NewAccount is what an account is born with.
type NewAccount struct {
	Addresses []mail.Address // at least one, at domains of ours
	Password  string         // empty for none: nobody can log in yet
	Name      string
	Lang      text.Lang
	Quota     Quota
	SendLimit SendLimit
}

// AddAccount adds an account with its mailboxes. KindExists if one of its addresses is taken, KindNoSuchDomain if a domain is not
// ours, KindSyntax if the password holds control characters.
func (d *Directory) AddAccount(ctx context.Context, n NewAccount) (Account, error) {
	if len(n.Addresses) == 0 || len(n.Addresses) > maxAddresses {
		return Account{}, mail.Refusef(mail.KindLimit, "an account has 1 to %d addresses", maxAddresses)
	}
	now := d.o.Clock.Now().UTC()
	a := Account{
		ID: mail.AccountID{ID: mail.NewID(now)}, Tenant: DefaultTenant, Addresses: slices.Clone(n.Addresses), Name: n.Name,
		Lang: n.Lang, Quota: n.Quota, SendLimit: n.SendLimit, Status: Active, Created: now,
	}
	var pw *password
	if n.Password != "" {
		var err error
		if pw, err = d.hasher.make(ctx, n.Password, now); err != nil {
			return Account{}, err
		}
	}
	err := d.change(ctx, func(t *tx) error { return t.addAccount(ctx, a, pw) })
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

func (t *tx) addAccount(ctx context.Context, a Account, pw *password) error {
	for i, addr := range a.Addresses {
		if slices.ContainsFunc(a.Addresses[:i], func(b mail.Address) bool { return sameAddress(addr, b) }) {
			return mail.Refusef(mail.KindExists, "%s is given twice", addr.Unicode())
		}
		if err := t.takeAddress(ctx, addr, &nameRow{kind: nameAccount, account: a.ID, primary: i == 0}); err != nil {
			return err
		}
	}
	if pw != nil {
		if err := t.put(passwordKey(a.ID), pw); err != nil {
			return err
		}
	}
	t.d.o.Births(t.batch, a)
	return t.put(accountKey(a.ID), a)
}

// takeAddress gives a free address at a domain of ours to somebody.
func (t *tx) takeAddress(ctx context.Context, a mail.Address, n *nameRow) error {
	if !a.Conforms() {
		return mail.Refuse(mail.KindSyntax, "not an address")
	}
	if _, err := t.home(ctx, a.Domain); err != nil {
		return err
	}
	old, err := t.name(ctx, a)
	if err != nil {
		return err
	}
	if old != nil {
		return mail.Refusef(mail.KindExists, "%s is taken already", a.Unicode())
	}
	return t.putName(a, n)
}

// DeleteAccount removes an account, its addresses and, in the same commit, what is left of its mail. It is disabled before, in a commit
// of its own, so that nothing arrives any more while much mail is taken away. Aliases and groups that name it go on without it.
func (d *Directory) DeleteAccount(ctx context.Context, id mail.AccountID) error {
	if err := d.SetStatus(ctx, id, Disabled); err != nil { // which ends its sessions
		return err
	}
	return d.change(ctx, func(t *tx) error {
		a, err := t.account(ctx, id)
		if err != nil {
			return err
		}
		for _, addr := range a.Addresses {
			t.delete(nameKey(addr))
		}
		t.delete(accountKey(id))
		t.delete(passwordKey(id))
		return d.o.Deaths(ctx, t.batch, id)
	})
}

// SetPassword changes the password; an empty one means that nobody can log in. Once it returns, the old one is worth nothing here, and
// within a second on other nodes.
// Sessions that live on the old one end.
func (d *Directory) SetPassword(ctx context.Context, id mail.AccountID, plain string) error {
	err := d.setPassword(ctx, id, plain)
	if err == nil {
		d.endLogins(context.WithoutCancel(ctx), id)
	}
	return err
}

func (d *Directory) setPassword(ctx context.Context, id mail.AccountID, plain string) error {
	if plain == "" {
		return d.change(ctx, func(t *tx) error {
			if _, err := t.account(ctx, id); err != nil {
				return err
			}
			t.delete(passwordKey(id))
			return nil
		})
	}
	pw, err := d.hasher.make(ctx, plain, d.o.Clock.Now().UTC())
	if err != nil {
		return err
	}
	return d.change(ctx, func(t *tx) error {
		if _, err := t.account(ctx, id); err != nil {
			return err
		}
		return t.put(passwordKey(id), pw)
	})
}

// SetStatus switches an account on or off. Its sessions end when it is not Active any more.
func (d *Directory) SetStatus(ctx context.Context, id mail.AccountID, s Status) error {
	if s != Active && s != NoLogin && s != Disabled {
		return mail.Refuse(mail.KindSyntax, "no such status")
	}
	err := d.changeAccount(ctx, id, func(a *Account) { a.Status = s })
	if err == nil {
		d.endLogins(context.WithoutCancel(ctx), id)
	}
	return err
}

// ChangeAccount changes Name, Lang, Quota and SendLimit of an account; other changes to it are ignored. Change gets the current values
// and may run more than once.
func (d *Directory) ChangeAccount(ctx context.Context, id mail.AccountID, change func(*Account)) error {
	return d.changeAccount(ctx, id, func(a *Account) {
		n := *a
		n.Addresses = slices.Clone(a.Addresses)
		change(&n)
		a.Name, a.Lang, a.Quota, a.SendLimit = n.Name, n.Lang, n.Quota, n.SendLimit
	})
}

func (d *Directory) changeAccount(ctx context.Context, id mail.AccountID, change func(*Account)) error {
	return d.change(ctx, func(t *tx) error {
		a, err := t.account(ctx, id)
		if err != nil {
			return err
		}
		change(a)
		return t.put(accountKey(id), a)
	})
}

// AddAddress gives an account one more address, after those it has.
func (d *Directory) AddAddress(ctx context.Context, id mail.AccountID, addr mail.Address) error {
	return d.change(ctx, func(t *tx) error {
		a, err := t.account(ctx, id)
		if err != nil {
			return err
		}
		if len(a.Addresses) >= maxAddresses {
			return mail.Refusef(mail.KindLimit, "an account has at most %d addresses", maxAddresses)
		}
		if err := t.takeAddress(ctx, addr, &nameRow{kind: nameAccount, account: id}); err != nil {
			return err
		}
		a.Addresses = append(a.Addresses, addr)
		return t.put(accountKey(id), a)
	})
}

// RemoveAddress takes an address from an account, but not its last one. If it was the primary one, the next is that now.
func (d *Directory) RemoveAddress(ctx context.Context, id mail.AccountID, addr mail.Address) error {
	return d.change(ctx, func(t *tx) error {
		a, err := t.account(ctx, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(a.Addresses, func(b mail.Address) bool { return sameAddress(addr, b) })
		switch {
		case i < 0:
			return mail.Refusef(mail.KindNotFound, "the account has no address %s", addr.Unicode())
		case len(a.Addresses) == 1:
			return mail.Refuse(mail.KindNotAllowed, "an account keeps its last address")
		}
		t.delete(nameKey(addr))
		a.Addresses = slices.Delete(a.Addresses, i, i+1)
		if i == 0 {
			if err := t.putName(a.Addresses[0], &nameRow{kind: nameAccount, account: id, primary: true}); err != nil {
				return err
			}
		}
		return t.put(accountKey(id), a)
	})
}
