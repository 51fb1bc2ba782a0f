package directory

import (
	"context"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// TestSessionsEndWithTheirPassword changes accounts here and on another node.
func TestSessionsEndWithTheirPassword(t *testing.T) {
	st := openStore(t)
	d := openDirectory(t, st, Options{})
	other := openDirectory(t, st, Options{})
	addDomains(t, d, "a.test")
	ctx := context.Background()
	for name, change := range map[string]func(d *Directory, id mail.AccountID) error{
		"password": func(d *Directory, id mail.AccountID) error { return d.SetPassword(ctx, id, "new") },
		"none":     func(d *Directory, id mail.AccountID) error { return d.SetPassword(ctx, id, "") },
		"same":     func(d *Directory, id mail.AccountID) error { return d.SetPassword(ctx, id, "old") },
		"disabled": func(d *Directory, id mail.AccountID) error { return d.SetStatus(ctx, id, Disabled) },
		"no-login": func(d *Directory, id mail.AccountID) error { return d.SetStatus(ctx, id, NoLogin) },
		"deleted":  func(d *Directory, id mail.AccountID) error { return d.DeleteAccount(ctx, id) },
	} {
		for where, by := range map[string]*Directory{"here": d, "elsewhere": other} {
			a := addAccount(t, d, "old", name+"-"+where+"@a.test")
			login := func() *LoginSession {
				l := d.Login(here)
				_, err := l.Plain(ctx, "", name+"-"+where+"@a.test", "old")
				must(t, err)
				return l
			}
			first, second, late := login(), login(), login()
			ended, stopped := make(chan struct{}, 2), make(chan struct{}, 2)
			defer first.OnEnd(ctx, func() { ended <- struct{}{} })()
			second.OnEnd(ctx, func() { stopped <- struct{}{} })()
			must(t, d.ChangeAccount(ctx, a.ID, func(a *Account) { a.Name = "Somebody" }))
			must(t, d.SetStatus(ctx, a.ID, Active))
			if len(ended) > 0 {
				t.Errorf("%s: a session ended for a new name", name)
			}
			must(t, change(by, a.ID))
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Errorf("%s, %s: the session goes on", name, where)
			}
			defer late.OnEnd(ctx, func() { ended <- struct{}{} })()
			if len(ended) != 1 || len(stopped) != 0 {
				t.Errorf("%s, %s: %d ends of a login that is worth nothing already, %d of one given up", name, where, len(ended), len(stopped))
			}
		}
	}
	d.holds.mu.Lock()
	defer d.holds.mu.Unlock()
	if len(d.holds.of) != 0 {
		t.Errorf("%d accounts have logins that live on", len(d.holds.of))
	}
}
