package adminapi

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
)

// NewAccount asks for an account. Without a password nobody can log in to it yet.
type NewAccount struct {
	Addresses []mail.Address  `json:"addresses"`
	Password  string          `json:"password,omitempty"`
	Name      string          `json:"name,omitempty"`
	Lang      text.Lang       `json:"lang"`
	Quota     directory.Quota `json:"quota,omitzero"`
}

// AddAccount adds an account with its mailboxes.
func (a *Admin) AddAccount(ctx context.Context, q NewAccount) (directory.Account, error) {
	return a.parts.Directory.AddAccount(ctx, directory.NewAccount{
		Addresses: q.Addresses, Password: q.Password, Name: q.Name, Lang: q.Lang, Quota: q.Quota,
	})
}

// AccountName names an account by any of its own addresses.
type AccountName struct {
	Address mail.Address `json:"address"`
}

// RemoveAccount removes an account and all its mail.
func (a *Admin) RemoveAccount(ctx context.Context, q AccountName) (Nothing, error) {
	acc, err := a.parts.Directory.ByAddress(ctx, q.Address)
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, a.parts.Directory.DeleteAccount(ctx, acc.ID)
}

// ListPage asks for things with addresses, of one domain or of all, after an address.
type ListPage struct {
	Domain mail.Domain  `json:"domain,omitempty"`
	After  mail.Address `json:"after,omitzero"`
	Max    int          `json:"max,omitempty"` // 0 means 1000
}

func (p ListPage) page() directory.Page {
	return directory.Page{Domain: p.Domain, After: p.After, Max: atLeastOne(p.Max)}
}

// Accounts lists accounts.
func (a *Admin) Accounts(ctx context.Context, q ListPage) ([]directory.Account, error) {
	return a.parts.Directory.Accounts(ctx, q.page())
}

// AccountState is an account and what it holds.
type AccountState struct {
	Account   directory.Account `json:"account"`
	Used      mailbox.Quota     `json:"used"`
	Mailboxes []AccountMailbox  `json:"mailboxes"`
}

// AccountMailbox is one mailbox's numbers.
type AccountMailbox struct {
	Path   string `json:"path"`
	Total  int    `json:"total"`
	Unseen int    `json:"unseen"`
}

// Account shows an account.
func (a *Admin) Account(ctx context.Context, q AccountName) (AccountState, error) {
	acc, err := a.parts.Directory.ByAddress(ctx, q.Address)
	if err != nil {
		return AccountState{}, err
	}
	box := a.parts.Mailboxes.Account(acc.ID)
	out := AccountState{Account: acc}
	if out.Used, _, err = box.Usage(ctx); err != nil {
		return AccountState{}, err
	}
	all, err := box.Mailboxes(ctx)
	if err != nil {
		return AccountState{}, err
	}
	for _, m := range all {
		out.Mailboxes = append(out.Mailboxes, AccountMailbox{Path: m.Path, Total: m.Counts.Total, Unseen: m.Counts.Unseen})
	}
	return out, nil
}

// AccountChange asks to change what is not nil.
type AccountChange struct {
	Address   mail.Address         `json:"address"`
	Name      *string              `json:"name,omitempty"`
	Lang      *text.Lang           `json:"lang,omitempty"`
	Quota     *directory.Quota     `json:"quota,omitempty"`
	SendLimit *directory.SendLimit `json:"sendLimit,omitempty"`
	Status    *directory.Status    `json:"status,omitempty"`
	// Unlock lets the account log in again at once after too many wrong passwords.
	Unlock bool `json:"unlock,omitempty"`
}

// ChangeAccount changes an account.
func (a *Admin) ChangeAccount(ctx context.Context, q AccountChange) (Nothing, error) {
	acc, err := a.parts.Directory.ByAddress(ctx, q.Address)
	if err != nil {
		return Nothing{}, err
	}
	err = a.parts.Directory.ChangeAccount(ctx, acc.ID, func(acc *directory.Account) {
		set(&acc.Name, q.Name)
		set(&acc.Lang, q.Lang)
		set(&acc.Quota, q.Quota)
		set(&acc.SendLimit, q.SendLimit)
	})
	if err != nil {
		return Nothing{}, err
	}
	if q.Quota != nil {
		limit := mailbox.Quota{Bytes: q.Quota.Bytes, Emails: q.Quota.Emails}
		if err := a.parts.Mailboxes.Account(acc.ID).SetQuota(ctx, limit); err != nil {
			return Nothing{}, err
		}
	}
	if q.Status != nil {
		if err := a.parts.Directory.SetStatus(ctx, acc.ID, *q.Status); err != nil {
			return Nothing{}, err
		}
	}
	if q.Unlock {
		for _, addr := range acc.Addresses {
			a.parts.Forgive(addr.Key())
		}
	}
	return Nothing{}, nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Password asks for a new password of an account.
type Password struct {
	Address  mail.Address `json:"address"`
	Password string       `json:"password"`
}

// SetPassword changes a password. From then on the old one is worth nothing.
func (a *Admin) SetPassword(ctx context.Context, q Password) (Nothing, error) {
	acc, err := a.parts.Directory.ByAddress(ctx, q.Address)
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, a.parts.Directory.SetPassword(ctx, acc.ID, q.Password)
}

// Membership says whether something is to be in or out.
type Membership string

// The memberships.
const (
	In  Membership = "in"
	Out Membership = "out"
)

// AddressChange asks to give an account one more address, or to take one away.
type AddressChange struct {
	Account mail.Address `json:"account"`
	Address mail.Address `json:"address"`
	To      Membership   `json:"to"`
}

// ChangeAddress changes an account's addresses.
func (a *Admin) ChangeAddress(ctx context.Context, q AddressChange) (Nothing, error) {
	acc, err := a.parts.Directory.ByAddress(ctx, q.Account)
	if err != nil {
		return Nothing{}, err
	}
	if q.To == Out {
		return Nothing{}, a.parts.Directory.RemoveAddress(ctx, acc.ID, q.Address)
	}
	return Nothing{}, a.parts.Directory.AddAddress(ctx, acc.ID, q.Address)
}
