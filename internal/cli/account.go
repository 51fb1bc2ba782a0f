package cli

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

type accountCmd struct {
	Add      accountAdd      `cmd:"" help:"Add an account. Its password is asked for, or read as one line from standard input."`
	List     accountList     `cmd:"" help:"List the accounts."`
	Show     accountShow     `cmd:"" help:"Show an account and what it holds."`
	Password accountPassword `cmd:"" help:"Set a new password. It is asked for, or read as one line from standard input."`
	Change   accountChange   `cmd:"" help:"Change an account's name, language, quota, limits or status."`
	Address  accountAddress  `cmd:"" help:"Give an account one more address, or take one away."`
	Remove   accountRemove   `cmd:"" help:"Remove an account and all its mail."`
}

type accountAdd struct {
	Addresses  []mail.Address `arg:"" help:"Its addresses; the first is the name it logs in with, the others work too."`
	Name       string         `placeholder:"NAME" help:"The person's name, for the From field of mail that lacks one."`
	Language   text.Lang      `placeholder:"en|de" default:"en" help:"The language of notices to this person and of the first mailboxes' names."`
	Quota      config.Size    `placeholder:"SIZE" help:"How much mail it may hold, such as 5GiB. Default: no limit."`
	NoPassword bool           `help:"Ask for no password: nobody can log in until one is set."`
}

func (c *accountAdd) Run(s *session) error {
	q := adminapi.NewAccount{Addresses: c.Addresses, Name: c.Name, Lang: c.Language, Quota: directory.Quota{Bytes: int64(c.Quota)}}
	if !c.NoPassword {
		var err error
		if q.Password, err = s.readPassword(); err != nil {
			return err
		}
	}
	return s.withAdmin(func(a *adminapi.Client) error {
		var acc directory.Account
		if err := a.Call(s.ctx, "account.add", q, &acc); err != nil {
			return err
		}
		s.say(text.CLIAccountAdded, acc.Login())
		return nil
	})
}

type accountList struct {
	Domain config.Host `arg:"" optional:"" help:"Only this domain's."`
}

func (c *accountList) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		all, err := listAll(s, a, "account.list", c.Domain.Domain, func(acc directory.Account) mail.Address { return acc.Addresses[0] })
		if err != nil {
			return err
		}
		return s.table(func(row func(...any)) {
			row("ACCOUNT", "STATUS", "LANG", "QUOTA", "NAME")
			for _, acc := range all {
				row(acc.Addresses[0].Unicode(), acc.Status, acc.Lang, quota(acc.Quota.Bytes), dash(acc.Name))
			}
		})
	})
}

// listAll reads every page of a list that is ordered by address.
func listAll[T any](s *session, a *adminapi.Client, op string, d mail.Domain, key func(T) mail.Address) ([]T, error) {
	var all []T
	for q := (adminapi.ListPage{Domain: d}); ; {
		var page []T
		if err := a.Call(s.ctx, op, q, &page); err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
		q.After = key(page[len(page)-1])
	}
}

func quota(n int64) string {
	if n == 0 {
		return "-"
	}
	return text.Size(text.EN, n)
}

type accountShow struct {
	Address mail.Address `arg:"" help:"One of the account's addresses."`
}

func (c *accountShow) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		var st adminapi.AccountState
		if err := a.Call(s.ctx, "account.show", adminapi.AccountName{Address: c.Address}, &st); err != nil {
			return err
		}
		err := s.table(func(row func(...any)) {
			row("account", st.Account.Login())
			for _, addr := range st.Account.Addresses[1:] {
				row("address", addr.Unicode())
			}
			row("id", st.Account.ID)
			row("name", dash(st.Account.Name))
			row("status", st.Account.Status)
			row("language", st.Account.Lang)
			row("created", st.Account.Created.UTC().Format(time.RFC3339))
			row("used", text.Size(text.EN, st.Used.Bytes))
			row("quota", quota(st.Account.Quota.Bytes))
		})
		if err != nil {
			return err
		}
		return s.table(func(row func(...any)) {
			row("MAILBOX", "E-MAILS", "UNSEEN")
			for _, m := range st.Mailboxes {
				row(m.Path, m.Total, m.Unseen)
			}
		})
	})
}

type accountPassword struct {
	Address mail.Address `arg:"" help:"One of the account's addresses."`
}

func (c *accountPassword) Run(s *session) error {
	p, err := s.readPassword()
	if err != nil {
		return err
	}
	return s.changed("account.password", adminapi.Password{Address: c.Address, Password: p}, c.Address)
}

// changed is do for an account or a group that was changed.
func (s *session) changed(op string, q any, what mail.Address) error {
	return s.do(op, q, text.CLIChanged, what.Unicode())
}

type accountChange struct {
	Address    mail.Address      `arg:"" help:"One of the account's addresses."`
	Name       *string           `placeholder:"NAME" help:"The person's name."`
	Language   *text.Lang        `placeholder:"en|de" help:"The language of notices."`
	Quota      *config.Size      `placeholder:"SIZE" help:"How much mail it may hold; 0 for no limit."`
	SendPerDay *int              `placeholder:"N" help:"How many recipients it may send to in a day; 0 for no limit of its own."`
	Status     *directory.Status `enum:"active,no-login,disabled" placeholder:"active|no-login|disabled" help:"What it may do: everything, only get mail, nothing."`
	Unlock     bool              `help:"Let it log in again at once after too many wrong passwords."`
}

func (c *accountChange) Run(s *session) error {
	q := adminapi.AccountChange{Address: c.Address, Name: c.Name, Lang: c.Language, Status: c.Status, Unlock: c.Unlock}
	if c.Quota != nil {
		q.Quota = &directory.Quota{Bytes: int64(*c.Quota)}
	}
	if c.SendPerDay != nil {
		q.SendLimit = &directory.SendLimit{RecipientsPerDay: *c.SendPerDay}
	}
	return s.changed("account.change", q, c.Address)
}

type accountAddress struct {
	Add    accountAddressAdd    `cmd:"" help:"Give an account one more address."`
	Remove accountAddressRemove `cmd:"" help:"Take an address away; not the last one."`
}

type accountAddressAdd struct {
	Account mail.Address `arg:"" help:"One of the account's addresses."`
	Address mail.Address `arg:"" help:"The new address."`
}

func (c *accountAddressAdd) Run(s *session) error {
	return s.changed("account.address", adminapi.AddressChange{Account: c.Account, Address: c.Address, To: adminapi.In}, c.Account)
}

type accountAddressRemove struct {
	Account mail.Address `arg:"" help:"One of the account's addresses."`
	Address mail.Address `arg:"" help:"The address to take away."`
}

func (c *accountAddressRemove) Run(s *session) error {
	return s.changed("account.address", adminapi.AddressChange{Account: c.Account, Address: c.Address, To: adminapi.Out}, c.Account)
}

type accountRemove struct {
	Address mail.Address `arg:"" help:"One of the account's addresses."`
	Yes     bool         `required:"" help:"Really remove the account and all its mail."`
}

func (c *accountRemove) Run(s *session) error {
	return s.do("account.remove", adminapi.AccountName{Address: c.Address}, text.CLIRemoved, c.Address.Unicode())
}
