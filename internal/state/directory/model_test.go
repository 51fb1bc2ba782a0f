package directory

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// machine changes two directories on one store at random. After each change, the one that made it at once, and the other as soon as it
// has heard of it, must answer as a directory that was opened just now and remembers nothing.
type machine struct {
	tb    testing.TB
	st    store.Store
	nodes [2]*Directory
	ids   []mail.AccountID
}

var (
	modelDomains = []mail.Domain{"a.test", "b.test", "c.test"}
	modelLocals  = []string{"x", "Y", "x+t", "ä", "postmaster"}
)

func anyAddress(t *rapid.T) mail.Address {
	return mail.Address{
		Local: rapid.SampledFrom(modelLocals).Draw(t, "local"), Domain: rapid.SampledFrom(append(modelDomains, "elsewhere.test")).Draw(t, "domain"),
	}
}

// step makes one change, which may well be refused.
func (m *machine) step(t *rapid.T, d *Directory) {
	ctx := m.tb.Context()
	a, b := anyAddress(t), anyAddress(t)
	var id mail.AccountID
	if len(m.ids) > 0 {
		id = rapid.SampledFrom(m.ids).Draw(t, "account")
	}
	steps := []func() error{
		func() error { return d.AddDomain(ctx, a.Domain) },
		func() error { return d.AddDomainAlias(ctx, a.Domain, b.Domain) },
		func() error { return d.RemoveDomain(ctx, a.Domain) },
		func() error { return d.SetCatchAll(ctx, a.Domain, b) },
		func() error {
			acc, err := d.AddAccount(ctx, NewAccount{Addresses: []mail.Address{a}})
			if err == nil {
				m.ids = append(m.ids, acc.ID)
			}
			return err
		},
		func() error { return d.AddAddress(ctx, id, a) },
		func() error { return d.RemoveAddress(ctx, id, a) },
		func() error { return d.DeleteAccount(ctx, id) },
		func() error {
			return d.SetStatus(ctx, id, rapid.SampledFrom([]Status{Active, NoLogin, Disabled}).Draw(t, "status"))
		},
		func() error { return d.SetAlias(ctx, a, []mail.Address{b, anyAddress(t)}) },
		func() error { return d.RemoveAlias(ctx, a) },
		func() error { return d.AddGroup(ctx, a, "", []mail.Address{b}) },
		func() error { return d.AddMember(ctx, a, b) },
		func() error { return d.RemoveMember(ctx, a, b) },
		func() error { return d.RemoveGroup(ctx, a) },
	}
	err := rapid.SampledFrom(steps).Draw(t, "step")()
	if err != nil && mail.AsFault(err).Kind.Temporary() {
		t.Fatalf("a change failed: %v", err)
	}
}

// answers is what a directory says about everything.
func (m *machine) answers(d *Directory) []string {
	ctx := m.tb.Context()
	var out []string
	for _, dom := range append(slices.Clone(modelDomains), "elsewhere.test") {
		row, ok, err := d.Domain(ctx, dom)
		out = append(out, fmt.Sprint(dom, row, ok, err))
		for _, l := range modelLocals {
			a := mail.Address{Local: l, Domain: dom}
			r, err := d.Resolve(ctx, a)
			out = append(out, fmt.Sprint(a, r, err))
			for _, id := range m.ids {
				out = append(out, fmt.Sprint(a, id, d.MaySend(ctx, id, a) == nil))
			}
			acc, err := d.ByAddress(ctx, a)
			out = append(out, fmt.Sprint(a, acc, err))
		}
	}
	return out
}

func (m *machine) check(t *rapid.T, who string, d *Directory) {
	cold := openDirectory(m.tb, m.st, Options{})
	defer cold.Close()
	got, want := m.answers(d), m.answers(cold)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s says\n%s\nbut it is\n%s", who, got[i], want[i])
		}
	}
	must(m.tb, cold.Check(m.tb.Context(), func(problem string) { t.Fatalf("the rows do not fit together: %s", problem) }))
}

// oneRun is a test of which each run cleans up after itself, so that ten thousand stores are not open at its end.
type oneRun struct {
	testing.TB
	run *rapid.T
}

// Cleanup implements testing.TB.
func (o oneRun) Cleanup(f func()) { o.run.Cleanup(f) }

func TestWarmAnswersAreColdAnswers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		run := oneRun{t, r}
		m := &machine{tb: run, st: openStore(run)}
		for i := range m.nodes {
			m.nodes[i] = openDirectory(run, m.st, Options{})
		}
		addDomains(t, m.nodes[0], "a.test", "b.test")
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			i := rapid.IntRange(0, 1).Draw(r, "node")
			m.step(r, m.nodes[i])
			m.check(r, "the one that changed", m.nodes[i])
			must(t, m.nodes[1-i].refresh(t.Context()))
			m.check(r, "the other", m.nodes[1-i])
		}
	})
}

func TestCheckFindsWhatDoesNotFit(t *testing.T) {
	d := setUp(t)
	count := func() int {
		n := 0
		must(t, d.Check(t.Context(), func(string) { n++ }))
		return n
	}
	if n := count(); n != 0 {
		t.Fatalf("%d problems in a sound directory", n)
	}
	anna, err := d.ByAddress(t.Context(), address(t, "anna@nord.test"))
	must(t, err)
	for name, break1 := range map[string]func(t *tx) error{
		"account gone":    func(t *tx) error { t.delete(accountKey(anna.ID)); return nil },
		"name gone":       func(t *tx) error { t.delete(nameKey(anna.Addresses[0])); return nil },
		"domain gone":     func(t *tx) error { t.delete(domainKey("all.test")); return nil },
		"target gone":     func(t *tx) error { return t.put(domainKey("q.test"), Domain{Name: "q.test", AliasOf: "gone.test"}) },
		"alias of alias":  func(t *tx) error { return t.put(domainKey("q.test"), Domain{Name: "q.test", AliasOf: "north.test"}) },
		"name damaged":    func(t *tx) error { t.set(nameKey(anna.Addresses[0]), []byte("?")); return nil },
		"account damaged": func(t *tx) error { t.set(accountKey(anna.ID), []byte("?")); return nil },
		"domain damaged":  func(t *tx) error { t.set(domainKey("q.test"), []byte("?")); return nil },
		"stray password":  func(t *tx) error { return t.put(passwordKey(mail.AccountID{ID: mail.ID{1}}), password{}) },
		"bad password":    func(t *tx) error { t.set(passwordKey(anna.ID), []byte("?")); return nil },
		"wrong primary": func(t *tx) error {
			return t.putName(anna.Addresses[0], &nameRow{kind: nameAccount, account: anna.ID})
		},
	} {
		saved := rowsOf(t, d)
		var written [][]byte
		must(t, d.change(t.Context(), func(t *tx) error {
			err := break1(t)
			written = t.keys
			return err
		}))
		if count() == 0 {
			t.Errorf("%s: not found", name)
		}
		must(t, d.change(t.Context(), func(t *tx) error {
			for _, k := range written {
				if old, ok := saved[string(k)]; ok {
					t.set(k, old)
					continue
				}
				t.delete(k)
			}
			return nil
		}))
	}
	if n := count(); n != 0 {
		t.Fatalf("%d problems after all was mended", n)
	}
}

// rowsOf copies all rows of the directory.
func rowsOf(t *testing.T, d *Directory) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	v, err := d.st.View(t.Context())
	must(t, err)
	defer v.Close()
	must(t, v.Scan(t.Context(), store.PrefixRange(partition.Key()), func(k, v []byte) (bool, error) {
		out[string(k)] = slices.Clone(v)
		return true, nil
	}))
	return out
}
