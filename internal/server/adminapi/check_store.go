package adminapi

import (
	"context"
	"errors"
	"strconv"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

// store reads everything: first what the engine keeps, then what the accounts' rows say of each other.
func (c *checker) store(ctx context.Context) error {
	files, err := c.reports(func(report func(string)) error { return c.parts.Store.Check(ctx, report) })
	if err != nil {
		return mail.Failed(mail.KindInternal, "the store cannot be read", err)
	}
	all, affected, mails := 0, 0, 0
	for page := (directory.Page{Max: pageSize}); ; {
		accounts, err := c.parts.Directory.Accounts(ctx, page)
		if err != nil {
			return err
		}
		for i := range accounts {
			found, err := c.account(ctx, &accounts[i])
			if err != nil {
				return err
			}
			all, mails = all+1, mails+found
			if found > 0 {
				affected++
			}
		}
		if len(accounts) < pageSize {
			break
		}
		page.After = accounts[len(accounts)-1].Addresses[0]
	}
	if files+mails == 0 {
		return c.find(Good, text.CheckStoreGood)
	}
	return c.find(Warn, text.CheckStoreAffected, strconv.Itoa(files), strconv.Itoa(mails), strconv.Itoa(affected), strconv.Itoa(all))
}

// account returns how much is damaged in an account.
func (c *checker) account(ctx context.Context, a *directory.Account) (int, error) {
	return c.reports(func(report func(string)) error {
		err := c.parts.Mailboxes.Check(ctx, a.ID, func(problem string) { report(a.Login() + ": " + problem) })
		if err != nil && ctx.Err() == nil { // the other accounts may be whole, and are looked at
			report(a.Login() + ": not all of its mail can be read: " + err.Error())
			err = nil
		}
		return err
	})
}

// reports tells what a check reports as damage, and how often it did.
func (c *checker) reports(check func(report func(string)) error) (int, error) {
	n := 0
	var told error
	err := check(func(problem string) {
		n++
		if told == nil {
			told = c.find(Bad, text.CheckStoreDamaged, problem)
		}
	})
	return n, errors.Join(err, told)
}
