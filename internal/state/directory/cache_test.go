package directory

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

func TestWarmLookupsCostNoIO(t *testing.T) {
	d := setUp(t)
	st := d.st.(*counted)
	anna, err := d.ByAddress(t.Context(), address(t, "anna@nord.test"))
	must(t, err)
	ask := func() {
		for _, a := range []string{"anna+x@nord.test", "team@nord.test", "nobody@nord.test", "x@elsewhere.test", "anna@north.test", "q@all.test"} {
			_, _ = d.Resolve(t.Context(), address(t, a))
		}
		must(t, d.MaySend(t.Context(), anna.ID, address(t, "info@nord.test")))
		_, _, err := d.Domain(t.Context(), "nowhere.test")
		must(t, err)
		_, err = d.Account(t.Context(), anna.ID)
		must(t, err)
	}
	ask()
	before := st.views.Load()
	ask()
	if n := st.views.Load() - before; n != 0 {
		t.Fatalf("warm look-ups opened %d views", n)
	}
	// A change of ours leaves what it does not concern warm, and shows at once.
	must(t, d.SetAlias(t.Context(), address(t, "nobody@nord.test"), addresses(t, "anna@nord.test")))
	before = st.views.Load()
	if r, err := d.Resolve(t.Context(), address(t, "nobody@nord.test")); err != nil || say(r) != "Anna@nord.test" {
		t.Fatalf("what was not there is there now: %q %v", say(r), err)
	}
	ask()
	if n := st.views.Load() - before; n != 1 {
		t.Fatalf("after a change elsewhere in the directory %d views were opened", n)
	}
}

func TestChangesOfAnotherNodeAreHeardOf(t *testing.T) {
	st := openStore(t)
	here, there := openDirectory(t, st, Options{}), openDirectory(t, st, Options{})
	addDomains(t, there, "a.test")
	a := address(t, "x@a.test")
	resolves := func() bool {
		_, err := here.Resolve(t.Context(), a)
		return err == nil
	}
	waitFor(t, func() bool { _, ok, err := here.Domain(t.Context(), "a.test"); return ok && err == nil })
	if resolves() {
		t.Fatal("nobody is there yet")
	}
	acc := addAccount(t, there, "", "x@a.test")
	waitFor(t, resolves)
	must(t, there.DeleteAccount(t.Context(), acc.ID))
	waitFor(t, func() bool { return !resolves() })
}

// waitFor waits for something that another goroutine brings about.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
	}
}

func TestCacheNeverKeepsOldRows(t *testing.T) {
	c := newCache(1 << 20)
	k, other := []byte("k"), []byte("other")
	c.keep(5, k, "five", 1)
	c.keep(5, other, "o", 1)
	c.keep(4, []byte("late"), "from an old view", 1)
	if _, ok := c.find([]byte("late")); ok {
		t.Error("a row of an old view is kept")
	}
	c.changed(5, [][]byte{k})
	if _, ok := c.find(k); ok {
		t.Error("a changed row is kept")
	}
	if v, ok := c.find(other); !ok || v != "o" {
		t.Error("a row that the change does not concern is forgotten")
	}
	c.keep(5, k, "five", 1) // a reader that was slow
	if _, ok := c.find(k); ok {
		t.Error("a row from before the change came back")
	}
	c.changed(8, nil) // somebody else made 7 and 8
	if _, ok := c.find(other); ok {
		t.Error("a row from before a foreign change is kept")
	}
	c.keep(9, k, nil, 0)
	if v, ok := c.find(k); !ok || v != nil {
		t.Error("that it is not there is forgotten")
	}
	c.begin()
	c.keep(10, other, "maybe ours", 1)
	if _, ok := c.find(k); !ok {
		t.Error("our own commit made us forget what it does not concern")
	}
	if _, ok := c.find(other); ok {
		t.Error("a row is kept whose number may be of our commit")
	}
	c.failed() // so it was somebody else's
	if _, ok := c.find(k); ok {
		t.Error("a row from before a foreign change is kept")
	}
	c.begin()
	c.keep(10, k, "ten", 1)
	c.seen(12)
	c.changed(10, nil)
	if _, ok := c.find(k); ok || c.number != 12 {
		t.Errorf("a row from before a foreign change right after ours is kept, at %d", c.number)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(64 << 10)
	mine := []byte("in use")
	c.keep(1, mine, "row", 3)
	for i := range 10_000 {
		c.keep(1, binary.BigEndian.AppendUint64(nil, uint64(i)), nil, 0)
	}
	if _, ok := c.find(mine); !ok {
		t.Error("names that are not there drove out a row in use")
	}
	for i := range 10_000 {
		c.keep(1, binary.BigEndian.AppendUint64([]byte("row"), uint64(i)), "row", 100)
		if i%50 == 0 {
			c.find(mine)
		}
	}
	if _, ok := c.find(mine); !ok {
		t.Error("a row in use was driven out")
	}
	if c.rows.used > c.rows.limit || c.lacks.used > c.lacks.limit {
		t.Errorf("over the limit: %d of %d, %d of %d", c.rows.used, c.rows.limit, c.lacks.used, c.lacks.limit)
	}
	if len(c.rows.byKey) != c.rows.order.Len() || int64(len(c.rows.byKey))*keptOverhead > c.rows.limit {
		t.Errorf("%d entries", len(c.rows.byKey))
	}
	c.keep(1, []byte("huge"), "x", 1<<20)
	if _, ok := c.find([]byte("huge")); ok {
		t.Error("a row that would fill the cache is kept")
	}
}

// fill adds accounts u0@a.test, u1@a.test… in large batches, past the hashing and the commits of AddAccount.
func fill(tb testing.TB, d *Directory, n int) {
	tb.Helper()
	for i := 0; i < n; {
		must(tb, d.change(tb.Context(), func(t *tx) error {
			for end := min(i+20_000, n); i < end; i++ {
				a := Account{ID: mail.AccountID{ID: mail.NewID(d.o.Clock.Now())}, Status: Active, Addresses: []mail.Address{{Local: fmt.Sprintf("u%d", i), Domain: "a.test"}}}
				if err := t.putName(a.Addresses[0], &nameRow{kind: nameAccount, account: a.ID, primary: true}); err != nil {
					return err
				}
				if err := t.put(accountKey(a.ID), a); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func TestManyAccounts(t *testing.T) {
	const n = 20_000
	d := openDirectory(t, openStore(t), Options{CacheBytes: 1 << 20})
	addDomains(t, d, "a.test")
	fill(t, d, n)
	st := d.st.(*counted)
	before := st.views.Load()
	seen := 0
	for after := (mail.Address{}); ; {
		page, err := d.Accounts(t.Context(), Page{After: after, Max: 5000})
		must(t, err)
		if len(page) == 0 {
			break
		}
		seen += len(page)
		after = page[len(page)-1].Addresses[0]
	}
	if pages := st.views.Load() - before; seen != n || pages != n/5000+1 {
		t.Fatalf("%d accounts in %d pages", seen, pages)
	}
	for i := range 1000 {
		a := mail.Address{Local: fmt.Sprintf("U%d", i*(n/1000)), Domain: "a.test"}
		if r, err := d.Resolve(t.Context(), a); err != nil || len(r.Locals) != 1 {
			t.Fatalf("%s: %v %v", a, r, err)
		}
	}
}

func BenchmarkResolveWarm(b *testing.B) {
	d := openDirectory(b, openStore(b), Options{})
	addDomains(b, d, "a.test")
	addAccount(b, d, "", "anna@a.test")
	for name, a := range map[string]mail.Address{
		"account": {Local: "Anna", Domain: "a.test"}, "subaddress": {Local: "anna+x", Domain: "a.test"},
		"nobody": {Local: "nobody", Domain: "a.test"}, "elsewhere": {Local: "x", Domain: "b.test"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = d.Resolve(b.Context(), a)
			}
		})
	}
}

// BenchmarkMillion looks up accounts of a million at random, more than the cache holds.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	d := openDirectory(b, openStore(b), Options{CacheBytes: 4 << 20})
	addDomains(b, d, "a.test")
	fill(b, d, n)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % n
		if _, err := d.Resolve(b.Context(), mail.Address{Local: fmt.Sprintf("u%d", i), Domain: "a.test"}); err != nil {
			b.Fatal(err)
		}
	}
}

var _ store.Store = (*counted)(nil)
