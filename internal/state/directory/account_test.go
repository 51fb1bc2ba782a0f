package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

func TestDomains(t *testing.T) {
	d := openDirectory(t, openStore(t), Options{})
	ctx := t.Context()
	addDomains(t, d, "b.test", "a.test", "c.test")
	must(t, d.AddDomainAlias(ctx, "d.test", "c.test"))
	wantKind(t, d.AddDomain(ctx, "a.test"), mail.KindExists, "twice")
	wantKind(t, d.AddDomain(ctx, "[192.0.2.1]"), mail.KindSyntax, "a literal")
	wantKind(t, d.AddDomain(ctx, ""), mail.KindSyntax, "nothing")
	wantKind(t, d.AddDomainAlias(ctx, "e.test", "d.test"), mail.KindNotAllowed, "an alias of an alias")
	wantKind(t, d.AddDomainAlias(ctx, "e.test", "nowhere.test"), mail.KindNoSuchDomain, "an alias of nothing")
	wantKind(t, d.RemoveDomain(ctx, "c.test"), mail.KindNotAllowed, "the target of an alias")
	wantKind(t, d.RemoveDomain(ctx, "nowhere.test"), mail.KindNotFound, "nothing")
	addAccount(t, d, "", "x@b.test")
	wantKind(t, d.RemoveDomain(ctx, "b.test"), mail.KindNotAllowed, "one with addresses")
	_, err := d.AddAccount(ctx, NewAccount{Addresses: addresses(t, "x@d.test")})
	wantKind(t, err, mail.KindNotAllowed, "an address at an alias")
	wantKind(t, d.SetCatchAll(ctx, "d.test", address(t, "x@b.test")), mail.KindNotAllowed, "a catch-all at an alias")

	page, err := d.Domains(ctx, "", 3)
	if err != nil || len(page) != 3 || page[0].Name != "a.test" || page[2].Name != "c.test" || page[0].Tenant != DefaultTenant {
		t.Fatalf("first page: %v %v", page, err)
	}
	page, err = d.Domains(ctx, "c.test", 3)
	if err != nil || len(page) != 1 || page[0].AliasOf != "c.test" {
		t.Fatalf("second page: %v %v", page, err)
	}
	must(t, d.RemoveDomain(ctx, "d.test"))
	must(t, d.RemoveDomain(ctx, "c.test"))
	if _, ok, err := d.Domain(ctx, "c.test"); ok || err != nil {
		t.Fatalf("removed and still there: %v", err)
	}
}

func TestAccounts(t *testing.T) {
	var born, dead []mail.AccountID
	key := store.Partition{Kind: store.KindAccount}.Key('x')
	st := openStore(t)
	d := openDirectory(t, st, Options{
		Births: func(b *store.Batch, a Account) {
			born = append(born, a.ID)
			b.Set(key, []byte(a.Login()))
		},
		Deaths: func(_ context.Context, b *store.Batch, id mail.AccountID) error {
			dead = append(dead, id)
			b.Delete(key)
			return nil
		},
	})
	ctx := t.Context()
	addDomains(t, d, "a.test")
	a := addAccount(t, d, "", "Anna@a.test")
	if v, err := store.Get(ctx, st, key); err != nil || string(v) != "Anna@a.test" || len(born) != 1 || born[0] != a.ID {
		t.Fatalf("birth: %q %v %v", v, err, born)
	}
	_, err := d.AddAccount(ctx, NewAccount{Addresses: addresses(t, "b@a.test", "ANNA@a.test")})
	wantKind(t, err, mail.KindExists, "a taken address")
	_, err = d.AddAccount(ctx, NewAccount{Addresses: addresses(t, "b@a.test", "B@a.test")})
	wantKind(t, err, mail.KindExists, "the same twice")
	_, err = d.AddAccount(ctx, NewAccount{Addresses: addresses(t, "b@elsewhere.test")})
	wantKind(t, err, mail.KindNoSuchDomain, "elsewhere")
	_, err = d.AddAccount(ctx, NewAccount{})
	wantKind(t, err, mail.KindLimit, "no address")
	_, err = d.AddAccount(ctx, NewAccount{Addresses: addresses(t, "b@a.test"), Password: "a\x01b"})
	wantKind(t, err, mail.KindSyntax, "a control character")
	if _, err := d.ByAddress(ctx, address(t, "b@a.test")); !mail.IsKind(err, mail.KindNotFound) {
		t.Fatalf("a refused account is there: %v", err)
	}

	must(t, d.ChangeAccount(ctx, a.ID, func(n *Account) {
		n.Name, n.Lang, n.SendLimit.RecipientsPerDay = "Anna Nord", text.EN, 50
		n.Status, n.Addresses[0] = Disabled, address(t, "x@a.test") // not by this way
	}))
	got, err := d.Account(ctx, a.ID)
	if err != nil || got.Name != "Anna Nord" || got.Status != Active || got.Login() != "Anna@a.test" || got.SendLimit.RecipientsPerDay != 50 {
		t.Fatalf("changed: %+v %v", got, err)
	}
	must(t, d.AddAddress(ctx, a.ID, address(t, "second@a.test")))
	wantKind(t, d.AddAddress(ctx, a.ID, address(t, "Second@a.test")), mail.KindExists, "twice")
	must(t, d.RemoveAddress(ctx, a.ID, address(t, "anna@a.test")))
	wantKind(t, d.RemoveAddress(ctx, a.ID, address(t, "anna@a.test")), mail.KindNotFound, "gone already")
	wantKind(t, d.RemoveAddress(ctx, a.ID, address(t, "second@a.test")), mail.KindNotAllowed, "the last one")
	if got, err = d.ByAddress(ctx, address(t, "second@a.test")); err != nil || got.Login() != "second@a.test" {
		t.Fatalf("new primary: %+v %v", got, err)
	}
	if list, err := d.Accounts(ctx, Page{}); err != nil || len(list) != 1 {
		t.Fatalf("list by the new primary address: %v %v", list, err)
	}

	must(t, d.DeleteAccount(ctx, a.ID))
	if _, err := store.Get(ctx, st, key); !errors.Is(err, store.ErrNotFound) || len(dead) != 1 {
		t.Fatalf("death: %v %v", err, dead)
	}
	for what, err := range map[string]error{
		"delete": d.DeleteAccount(ctx, a.ID), "password": d.SetPassword(ctx, a.ID, "x"), "no password": d.SetPassword(ctx, a.ID, ""),
		"status": d.SetStatus(ctx, a.ID, NoLogin), "address": d.AddAddress(ctx, a.ID, address(t, "z@a.test")),
	} {
		wantKind(t, err, mail.KindNotFound, what)
	}
	wantKind(t, d.SetStatus(ctx, a.ID, "odd"), mail.KindSyntax, "odd status")
	_, err = d.Resolve(ctx, address(t, "second@a.test"))
	wantKind(t, err, mail.KindNoSuchUser, "resolve")
}

func TestAliasesAndGroups(t *testing.T) {
	d := setUp(t)
	ctx := t.Context()
	wantKind(t, d.SetAlias(ctx, address(t, "anna@nord.test"), addresses(t, "x@y.test")), mail.KindExists, "an account's address")
	wantKind(t, d.SetAlias(ctx, address(t, "team@nord.test"), addresses(t, "x@y.test")), mail.KindExists, "a group's address")
	wantKind(t, d.SetAlias(ctx, address(t, "x@nord.test"), addresses(t, "X@nord.test")), mail.KindSyntax, "itself alone")
	wantKind(t, d.SetAlias(ctx, address(t, "x@y.test"), addresses(t, "anna@nord.test")), mail.KindNoSuchDomain, "elsewhere")
	must(t, d.SetAlias(ctx, address(t, "info@nord.test"), addresses(t, "info@nord.test", "c@all.test", "C@all.test")))
	if r, err := d.Resolve(ctx, address(t, "info@nord.test")); err != nil || say(r) != "c@all.test" {
		t.Errorf("replaced alias: %q %v", say(r), err)
	}
	must(t, d.RemoveAlias(ctx, address(t, "Info@nord.test")))
	wantKind(t, d.RemoveAlias(ctx, address(t, "info@nord.test")), mail.KindNotFound, "removed alias")
	wantKind(t, d.RemoveAlias(ctx, address(t, "team@nord.test")), mail.KindNotFound, "a group as alias")
	wantKind(t, d.RemoveGroup(ctx, address(t, "anna@nord.test")), mail.KindNotFound, "an account as group")

	group := address(t, "solo@nord.test")
	must(t, d.AddMember(ctx, group, address(t, "x@elsewhere.test")))
	must(t, d.AddMember(ctx, group, address(t, "X@elsewhere.test")))
	must(t, d.RemoveMember(ctx, group, address(t, "ANNA@nord.test")))
	wantKind(t, d.RemoveMember(ctx, group, address(t, "anna@nord.test")), mail.KindNotFound, "no member")
	g, err := d.Group(ctx, group)
	if err != nil || fmt.Sprint(g.Members) != "[x@elsewhere.test]" {
		t.Errorf("group: %v %v", g, err)
	}
	aliases, err := d.Aliases(ctx, Page{Domain: "nord.test", Max: 3})
	if err != nil || len(aliases) != 3 || aliases[0].Address.Local != "both" || aliases[2].Address.Local != "loop" {
		t.Errorf("aliases: %v %v", aliases, err)
	}
	aliases, err = d.Aliases(ctx, Page{Domain: "nord.test", Max: 3, After: aliases[2].Address})
	if err != nil || len(aliases) != 3 || aliases[0].Address.Local != "loop2" {
		t.Errorf("second page: %v %v", aliases, err)
	}
	groups, err := d.Groups(ctx, Page{})
	if err != nil || len(groups) != 3 {
		t.Errorf("groups: %v %v", groups, err)
	}
	must(t, d.RemoveGroup(ctx, group))
	_, err = d.Group(ctx, group)
	wantKind(t, err, mail.KindNotFound, "removed group")
}

// racing is a store where somebody else changes the directory just before our commit.
type racing struct {
	store.Store
	once sync.Once
	race func()
}

func (r *racing) Submit(ctx context.Context, b *store.Batch) (store.Pending, error) {
	r.once.Do(r.race)
	return r.Store.Submit(ctx, b)
}

func TestAChangeRunsAgainOnAConflict(t *testing.T) {
	st := openStore(t)
	other := openDirectory(t, st, Options{})
	addDomains(t, other, "a.test")
	slow := &racing{Store: st, race: func() { addAccount(t, other, "", "x@a.test") }}
	d := openDirectory(t, slow, Options{})
	_, err := d.AddAccount(t.Context(), NewAccount{Addresses: addresses(t, "X@a.test")})
	wantKind(t, err, mail.KindExists, "taken meanwhile")
	slow.once, slow.race = sync.Once{}, func() { addAccount(t, other, "", "y@a.test") }
	addAccount(t, d, "", "z@a.test")
	if list, err := d.Accounts(t.Context(), Page{}); err != nil || len(list) != 3 {
		t.Fatalf("%v %v", list, err)
	}
}

func TestManyChangeAtOnce(t *testing.T) {
	st := openStore(t)
	one, two := openDirectory(t, st, Options{}), openDirectory(t, st, Options{})
	addDomains(t, one, "a.test")
	var wg sync.WaitGroup
	for i := range 8 {
		for _, d := range []*Directory{one, two} {
			wg.Go(func() {
				_, err := d.AddAccount(t.Context(), NewAccount{Addresses: addresses(t, fmt.Sprintf("u%d@a.test", i))})
				if err != nil && !mail.IsKind(err, mail.KindExists) {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if list, err := one.Accounts(t.Context(), Page{}); err != nil || len(list) != 8 {
		t.Fatalf("%d accounts, %v", len(list), err)
	}
}
