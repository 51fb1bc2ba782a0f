package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is the operations over a store in memory.
type bench struct {
	admin *Admin
	clock *clock.Fake
	zone  *resolve.Zone
	open  map[string]net.Addr
	sent  []string // what Submit was given
	freed []string // what Forgive was given
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{clock: clock.NewFake(now), zone: resolve.MustZone(""), open: map[string]net.Addr{}}
	st, err := pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem(), Clock: b.clock, Log: obs.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	boxes := mailbox.New(st, mailbox.Options{Clock: b.clock, Log: obs.Discard()})
	dir, err := directory.Open(t.Context(), st, directory.Options{
		Clock: b.clock, Log: obs.Discard(), Deaths: boxes.Death, Hash: directory.Hash{MemoryKiB: 64, Passes: 1, ScramIterations: 4096},
		Births: func(batch *store.Batch, acc directory.Account) {
			boxes.Birth(batch, acc.ID, mailbox.BirthOptions{Lang: acc.Lang, Quota: mailbox.Quota{Bytes: acc.Quota.Bytes}})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	journeys := journey.New(st, journey.Options{Clock: b.clock})
	q, err := queue.Open(t.Context(), st, queue.Options{Clock: b.clock, Log: obs.Discard(), Journeys: journeys})
	if err != nil {
		t.Fatal(err)
	}
	pair := certs.Pair{Cert: filepath.Join(t.TempDir(), "c.pem"), Key: filepath.Join(t.TempDir(), "k.pem")}
	if _, err := certs.Own(pair, []string{"mail.nord.test"}, now); err != nil {
		t.Fatal(err)
	}
	keeper, err := certs.Open([]certs.Pair{pair}, b.clock, obs.Discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := journeys.Close()
		dir.Close()
		boxes.Close()
		if err := errors.Join(err, st.Close()); err != nil {
			t.Error(err)
		}
	})
	b.admin = New(Parts{
		Clock: b.clock, Store: st, Directory: dir, Mailboxes: boxes, Queue: q, Journeys: journeys, Resolver: b.zone, Certs: keeper,
		Hostname: "mail.nord.test", Version: "v1", Started: func() time.Time { return now },
		Submit: func(_ context.Context, env mail.Envelope, body io.Reader) (mail.MessageID, error) {
			raw, err := io.ReadAll(body)
			b.sent = append(b.sent, env.From.String(), env.Recipients[0].Address.String(), string(raw))
			return mail.MessageID{ID: mail.FirstID(now)}, err
		},
		Listeners: func() map[string]net.Addr { return b.open },
		Forgive:   func(account string) { b.freed = append(b.freed, account) },
	})
	return b
}

// clients gives a client over a socket and one in this process: both must work the same.
func (b *bench) clients(t *testing.T) map[string]*Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.admin.Serve(ctx, ln, time.Second, obs.Discard()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*Client{"socket": c, "local": Local(b.admin.Handler(obs.Discard()))}
}

func addr(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func TestOperationsOverBothWays(t *testing.T) {
	b := newBench(t)
	for way, c := range b.clients(t) {
		t.Run(way, func(t *testing.T) {
			d := mail.Domain(way + ".test")
			anna, info, all := mail.Address{Local: "anna", Domain: d}, mail.Address{Local: "info", Domain: d}, mail.Address{Local: "all", Domain: d}
			call := func(op string, request, result any) {
				t.Helper()
				if err := c.Call(t.Context(), op, request, result); err != nil {
					t.Fatalf("%s: %v", op, err)
				}
			}
			call("domain.add", NewDomain{Name: d}, nil)
			err := c.Call(t.Context(), "domain.add", NewDomain{Name: d}, nil)
			if !mail.IsKind(err, mail.KindExists) {
				t.Errorf("adding a domain twice gives %v", err)
			}
			var acc directory.Account
			call("account.add", NewAccount{Addresses: []mail.Address{anna}, Password: "geheim", Lang: text.DE, Quota: directory.Quota{Bytes: 1 << 20}}, &acc)
			if acc.ID.IsZero() || acc.Login() != anna.String() {
				t.Errorf("got %+v", acc)
			}
			status, name := directory.NoLogin, "Anna"
			call("account.change", AccountChange{Address: anna, Name: &name, Status: &status, Quota: &directory.Quota{Bytes: 5}, Unlock: true}, nil)
			call("account.password", Password{Address: anna, Password: "neu"}, nil)
			call("account.address", AddressChange{Account: anna, Address: mail.Address{Local: "a.n", Domain: d}, To: In}, nil)
			var st AccountState
			call("account.show", AccountName{Address: mail.Address{Local: "a.n", Domain: d}}, &st)
			if st.Account.Name != "Anna" || st.Account.Status != directory.NoLogin || st.Account.Quota.Bytes != 5 || len(st.Mailboxes) != 6 {
				t.Errorf("shown %+v", st)
			}
			if !slices.Contains(b.freed, anna.Key()) {
				t.Errorf("forgiven: %v", b.freed)
			}
			call("account.address", AddressChange{Account: anna, Address: mail.Address{Local: "a.n", Domain: d}, To: Out}, nil)
			call("alias.set", NewAlias{Address: info, Targets: []mail.Address{anna}}, nil)
			call("group.add", NewGroup{Address: all, Name: "Everybody"}, nil)
			call("group.member", MemberChange{Group: all, Member: anna, To: In}, nil)
			call("domain.catchall", CatchAll{Domain: d, To: anna}, nil)
			var aliases []directory.Alias
			var groups []directory.Group
			var accounts []directory.Account
			var domains []directory.Domain
			call("alias.list", ListPage{Domain: d}, &aliases)
			call("group.list", ListPage{Domain: d}, &groups)
			call("account.list", ListPage{Domain: d}, &accounts)
			call("domain.list", DomainPage{}, &domains)
			i := slices.IndexFunc(domains, func(x directory.Domain) bool { return x.Name == d })
			if len(aliases) != 1 || len(groups) != 1 || !slices.Equal(groups[0].Members, []mail.Address{anna}) || len(accounts) != 1 ||
				i < 0 || domains[i].CatchAll != anna {
				t.Errorf("listed %v %v %v %v", aliases, groups, accounts, domains)
			}
			call("domain.catchall", CatchAll{Domain: d}, nil)
			call("group.member", MemberChange{Group: all, Member: anna, To: Out}, nil)
			call("group.remove", AliasName{Address: all}, nil)
			call("alias.remove", AliasName{Address: info}, nil)
			call("account.remove", AccountName{Address: anna}, nil)
			call("domain.remove", DomainName{Name: d}, nil)
			if err := c.Call(t.Context(), "account.show", AccountName{Address: anna}, nil); !mail.IsKind(err, mail.KindNotFound) {
				t.Errorf("a removed account: %v", err)
			}
			var s Status
			call("status", Nothing{}, &s)
			if s.Hostname != "mail.nord.test" || s.Version != "v1" || !s.Started.Equal(now) {
				t.Errorf("status %+v", s)
			}
			b.sent = nil
			var sent Sent
			body := strings.Repeat("Grüße\r\n", 20_000)
			if err := c.Stream(t.Context(), "send", Envelope{From: anna, To: []mail.Address{info}}, strings.NewReader(body), nil, &sent); err != nil {
				t.Fatal(err)
			}
			if sent.ID.IsZero() || !slices.Equal(b.sent, []string{anna.String(), info.String(), body}) {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	b := newBench(t)
	c := Local(b.admin.Handler(obs.Discard()))
	for op, args := range map[string]any{"domain.add": 5, "send": Envelope{}, "backup": BackupTo{Dir: "relative"}} {
		if err := c.Call(t.Context(), op, args, nil); !mail.IsKind(err, mail.KindSyntax) {
			t.Errorf("%s of %v gives %v", op, args, err)
		}
	}
	w := httptest.NewRecorder()
	b.admin.Handler(obs.Discard()).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/status", strings.NewReader(strings.Repeat("x", maxArguments*2))))
	if !strings.Contains(w.Body.String(), "too long") {
		t.Errorf("an endless request gives %.100s", w.Body)
	}
	w = httptest.NewRecorder()
	b.admin.Handler(obs.Discard()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status", nil))
	if w.Code != 404 {
		t.Errorf("GET gives %d", w.Code)
	}
	for _, client := range b.clients(t) {
		if err := client.Call(t.Context(), "no.such", Nothing{}, nil); err == nil {
			t.Error("an unknown operation did not fail")
		}
	}
	if _, err := Dial(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("nobody is there, but Dial did not fail")
	}
}

func stage(t *testing.T, st store.Store) store.StagedBlob {
	t.Helper()
	w := st.Stage(t.Context())
	if _, err := io.WriteString(w, "Subject: x\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	staged, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return staged
}

func TestQueueAndJourneys(t *testing.T) {
	b := newBench(t)
	p := b.admin.parts
	id := mail.MessageID{ID: mail.NewID(now)}
	staged := stage(t, p.Store)
	batch := store.NewBatch()
	batch.AddBlob(staged)
	p.Queue.Add(batch, queue.Message{ID: id, From: addr("a@nord.test"), Blob: staged.Ref(), Recipients: []mail.Recipient{{Address: addr("b@sued.test")}}})
	if err := store.Commit(t.Context(), p.Store, batch); err != nil {
		t.Fatal(err)
	}
	c := Local(b.admin.Handler(obs.Discard()))
	held := func() bool {
		t.Helper()
		var items []queue.Item
		if err := c.Call(t.Context(), "queue.list", QueueFilter{Domain: "sued.test"}, &items); err != nil || len(items) != 1 {
			t.Fatalf("listed %v, %v", items, err)
		}
		return items[0].Held
	}
	for _, step := range []struct {
		op   string
		held bool
	}{{"queue.hold", true}, {"queue.release", false}, {"queue.retry", false}} {
		if err := c.Call(t.Context(), step.op, MessageName{ID: id}, nil); err != nil {
			t.Fatalf("%s: %v", step.op, err)
		}
		if got := held(); got != step.held {
			t.Errorf("after %s it is held: %v", step.op, got)
		}
	}
	if err := c.Call(t.Context(), "queue.cancel", MessageName{ID: id}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Call(t.Context(), "queue.cancel", MessageName{ID: id}, nil); !mail.IsKind(err, mail.KindNotFound) {
		t.Errorf("cancelling twice gives %v", err)
	}
	var j journey.Journey
	if err := c.Call(t.Context(), "journey.read", MessageName{ID: id}, &j); err != nil {
		t.Fatal(err)
	}
	var kinds []journey.Kind
	for _, e := range j.Events {
		kinds = append(kinds, e.Kind)
	}
	if want := []journey.Kind{journey.Queued, journey.Held, journey.Released, journey.Retried, journey.Cancelled}; !slices.Equal(kinds, want) {
		t.Errorf("the journey tells %v, want %v", kinds, want)
	}
	var all []journey.Journey
	if err := c.Call(t.Context(), "journey.recent", Recent{Max: 5}, &all); err != nil || len(all) != 1 {
		t.Errorf("recent: %v, %v", all, err)
	}
}

func TestWatchEndsWithItsReader(t *testing.T) {
	b := newBench(t)
	id := mail.MessageID{ID: mail.FirstID(now)}
	enough := errors.New("enough")
	for way, c := range b.clients(t) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // the watcher hears only what is published after it began
			for ctx.Err() == nil {
				b.admin.parts.Journeys.Publish(id, journey.Event{At: now, Kind: journey.Held, Detail: "x"})
			}
		}()
		err := c.Stream(ctx, "journey.watch", Nothing{}, nil, func(raw json.RawMessage) error {
			var e journey.Entry
			if err := json.Unmarshal(raw, &e); err != nil || e.ID != id || e.Event.Kind != journey.Held {
				t.Errorf("%s heard %s, %v", way, raw, err)
			}
			return enough
		}, nil)
		cancel()
		if !errors.Is(err, enough) {
			t.Errorf("%s: %v", way, err)
		}
	}
}

func TestBackupTellsItsProgress(t *testing.T) {
	b := newBench(t)
	c := Local(b.admin.Handler(obs.Discard()))
	events := 0
	var total Progress
	err := c.Stream(t.Context(), "backup", BackupTo{Dir: "/backup"}, nil, func(json.RawMessage) error { events++; return nil }, &total)
	if err != nil || events == 0 || total.Total == 0 || total.Done != total.Total {
		t.Errorf("%d events, %+v, %v", events, total, err)
	}
}

func TestCheck(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	for _, d := range []mail.Domain{"nord.test", "away.test", "null.test", "gone.test"} {
		if _, err := b.admin.AddDomain(ctx, NewDomain{Name: d}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.admin.AddAccount(ctx, NewAccount{Addresses: []mail.Address{addr("anna@nord.test")}}); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut.Close()
	b.open = map[string]net.Addr{"smtp": ln.Addr(), "imap": shut.Addr()}
	err = b.zone.Add(`
mail.nord.test. A 192.0.2.1
1.2.0.192.in-addr.arpa. PTR mail.nord.test.
nord.test. MX 10 mail.nord.test.
away.test. MX 10 mail.elsewhere.test.
mail.elsewhere.test. A 192.0.2.9
null.test. MX 0 .
`)
	if err != nil {
		t.Fatal(err)
	}
	check := func() (map[text.Key]Finding, CheckSummary) {
		found := map[text.Key]Finding{}
		sum, err := b.admin.Check(ctx, CheckWhat{Depth: Full}, func(f Finding) error {
			found[f.Key] = f
			for _, l := range []text.Lang{text.EN, text.DE} {
				if s := f.Say(l); strings.Contains(s, "%!") {
					t.Errorf("badly said: %s", s)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found, sum
	}
	found, sum := check()
	for key, want := range map[text.Key]Level{
		text.CheckPortOpen: Good, text.CheckPortClosed: Bad, text.CheckCertificateOwn: Warn, text.CheckReverseGood: Good, text.CheckDomainGood: Good,
		text.CheckDomainElsewhere: Bad, text.CheckDomainNull: Bad, text.CheckDomainUnknown: Bad, text.CheckStoreGood: Good,
	} {
		if found[key].Level != want {
			t.Errorf("%s is %q, want %q", key, found[key].Level, want)
		}
	}
	if sum.Problems != 4 || sum.Warnings != 1 {
		t.Errorf("counted %+v", sum)
	}
	b.zone.Remove("1.2.0.192.in-addr.arpa")
	b.clock.Advance((10*365*24 + 1) * time.Hour)
	found, _ = check()
	for _, key := range []text.Key{text.CheckReverseOther, text.CheckCertificateExpired} {
		if _, ok := found[key]; !ok {
			t.Errorf("%s was not found", key)
		}
	}
	if _, ok := found[text.CheckLoginsInClear]; ok {
		t.Error("nobody may log in without TLS, but it was warned of")
	}
	b.admin.parts.Private = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("198.51.100.0/24")}
	if found, _ = check(); found[text.CheckLoginsInClear].Level != Warn || found[text.CheckLoginsInClear].Args[0] != "198.51.100.0/24" {
		t.Errorf("logins in clear text: %+v", found[text.CheckLoginsInClear])
	}
	b.zone.Break("nord.test")
	if found, _ = check(); found[text.CheckDNSFails].Level != Bad {
		t.Error("a DNS that fails was not found")
	}
}

func TestInside(t *testing.T) {
	for network, want := range map[string]bool{
		"127.0.0.1/32": true, "127.0.0.0/8": true, "::1/128": true, "10.0.0.0/8": true, "10.9.0.0/16": true, "172.16.0.0/12": true,
		"192.168.7.0/24": true, "fd00::/8": true, "fc00::/7": true,
		"0.0.0.0/0": false, "126.0.0.0/7": false, "10.0.0.0/7": false, "172.16.0.0/11": false, "192.168.0.0/15": false, "192.0.2.1/32": false,
		"::/0": false, "::/127": false, "fc00::/6": false, "2001:db8::/32": false, "100.64.0.0/10": false,
	} {
		if got := inside(netip.MustParsePrefix(network)); got != want {
			t.Errorf("%s: %v", network, got)
		}
	}
}

// TestCheckFindsDamage takes a row away behind the server's back.
func TestCheckFindsDamage(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	if _, err := b.admin.AddDomain(ctx, NewDomain{Name: "nord.test"}); err != nil {
		t.Fatal(err)
	}
	acc, err := b.admin.AddAccount(ctx, NewAccount{Addresses: []mail.Address{addr("anna@nord.test")}})
	if err != nil {
		t.Fatal(err)
	}
	box := b.admin.parts.Mailboxes.Account(acc.ID)
	inbox, err := box.ByRole(ctx, mail.RoleInbox)
	if err != nil {
		t.Fatal(err)
	}
	staged := stage(t, b.admin.parts.Store)
	if _, err := box.Append(ctx, mailbox.Append{Blob: staged.Ref(), Summary: &message.Summary{}}, staged); err != nil {
		t.Fatal(err)
	}
	p := store.Partition{Kind: store.KindAccount, ID: acc.ID.ID}
	batch := store.NewBatch()
	batch.Raise(p)
	batch.Delete(p.Key(append([]byte{'c'}, inbox.ID.ID[:]...)...))
	if err := store.Commit(ctx, b.admin.parts.Store, batch); err != nil {
		t.Fatal(err)
	}
	var damage, sum []string
	_, err = b.admin.Check(ctx, CheckWhat{Depth: Full}, func(f Finding) error {
		switch f.Key {
		case text.CheckStoreDamaged:
			damage = append(damage, f.Args...)
		case text.CheckStoreAffected:
			sum = f.Args
		default:
		}
		return nil
	})
	if err != nil || len(damage) == 0 || !strings.Contains(damage[0], "anna@nord.test") {
		t.Errorf("found %v, %v", damage, err)
	}
	if want := []string{"0", strconv.Itoa(len(damage)), "1", "1"}; !slices.Equal(sum, want) {
		t.Errorf("in all %v, want %v", sum, want)
	}
}
