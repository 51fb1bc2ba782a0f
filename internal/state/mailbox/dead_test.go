package mailbox

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// twin is one of two worlds in which the same is done: in one all dead wait to be buried, in the other none. E-mails and threads,
// whose ids differ, are named in the order in which they are first seen.
type twin struct {
	w     *world
	acc   *Account
	names map[mail.ID]int
	since mail.ModSeq
}

func newTwin(t tester, deadFrom int) *twin {
	x := &twin{w: newWorld(t, Options{}), names: map[mail.ID]int{}, since: 1}
	x.w.tune = func(s *Service) { s.deadFrom = deadFrom }
	x.w.tune(x.w.svc)
	x.acc = x.w.birth(Quota{})
	return x
}

func named[T any](x *twin, t *rapid.T, ids []T, id func(T) mail.ID) []int {
	out := []int{}
	for _, i := range ids {
		n, ok := x.names[id(i)]
		if !ok {
			t.Fatalf("%v was never seen", i)
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func (x *twin) emails(t *rapid.T, ids []mail.EmailID) []int {
	return named(x, t, ids, func(e mail.EmailID) mail.ID { return e.ID })
}

// state tells all that can be seen of the account: of each e-mail ever seen, by its id too.
func (x *twin) state(t *rapid.T) []string {
	ctx := context.Background()
	var out []string
	boxes, err := x.acc.Mailboxes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range boxes {
		out = append(out, fmt.Sprint(m.Path, m.UIDNext, m.Counts))
		v := x.w.view(x.acc, m.ID)
		for seq := 1; seq <= v.Len(); seq++ {
			msg, _ := v.Message(seq)
			if _, ok := x.names[msg.EmailID.ID]; !ok {
				x.names[msg.EmailID.ID] = len(x.names)
			}
			out = append(out, fmt.Sprint(msg.UID, x.names[msg.EmailID.ID], msg.Flags))
		}
		v.Close()
	}
	used, _, err := x.acc.Usage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, fmt.Sprint(used))
	byName := make([]mail.EmailID, len(x.names))
	for id, n := range x.names {
		byName[n] = mail.EmailID{ID: id}
	}
	var rows, bodies []int
	if err := x.acc.SummaryRows(ctx, byName, func(i int, _ []byte) error { rows = append(rows, i); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := x.acc.BodyRefs(ctx, byName, func(i int, _ store.BlobRef) error { bodies = append(bodies, i); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	slices.Sort(bodies)
	out = append(out, fmt.Sprint("rows ", rows, bodies))
	for n, id := range byName {
		out = append(out, x.byID(t, n, id))
	}
	return out
}

// byID tells what is answered to an e-mail's id, and to the same as a thread's.
func (x *twin) byID(t *rapid.T, n int, id mail.EmailID) string {
	ctx := context.Background()
	members, err := x.acc.Thread(ctx, mail.ThreadID(id))
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprint(n, " thread of ", x.emails(t, members))
	_, err1 := x.acc.Summary(ctx, id)
	body, err2 := x.acc.Body(ctx, id)
	e, err3 := x.acc.Email(ctx, id)
	if err3 != nil {
		if !mail.IsKind(err1, mail.KindNotFound) || !mail.IsKind(err2, mail.KindNotFound) || !mail.IsKind(err3, mail.KindNotFound) {
			t.Fatalf("e-mail %d: %v, %v, %v", n, err1, err2, err3)
		}
		return line
	}
	if err1 != nil || err2 != nil {
		t.Fatalf("e-mail %d: %v, %v", n, err1, err2)
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	return line + fmt.Sprint(" in ", x.emails(t, []mail.EmailID{mail.EmailID(e.Thread)}), len(e.Places), e.Size)
}

// changes tells what happened since it was asked last.
func (x *twin) changes(t *rapid.T) string {
	log, err := x.acc.Changes(context.Background(), x.since, 0)
	if err != nil {
		t.Fatal(err)
	}
	x.since = log.Until
	threads := named(x, t, log.Threads, func(id mail.ThreadID) mail.ID { return id.ID })
	return fmt.Sprint(x.emails(t, log.Emails.Created), x.emails(t, log.Emails.Updated), x.emails(t, log.Emails.Destroyed), threads,
		len(log.Mailboxes.Created), len(log.Mailboxes.Updated), len(log.Mailboxes.Destroyed), len(log.CountsOnly))
}

// TestTheDeadAreNotSeen holds everything that can be asked of an account with dead who are not buried to the same account without.
func TestTheDeadAreNotSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		twins := [2]*twin{newTwin(t, 1), newTwin(t, 1<<30)}
		for _, x := range twins {
			defer func() { x.w.close() }()
		}
		same := func(ask func(x *twin) []string) {
			a, b := ask(twins[0]), ask(twins[1])
			if !slices.Equal(a, b) {
				t.Fatalf("with dead:\n%v\nwithout:\n%v", a, b)
			}
		}
		n, boxes := 0, []string{Inbox, "Archive"}
		path := func() string { return rapid.SampledFrom(boxes).Draw(t, "mailbox") }
		uids := func() []mail.UID {
			return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) mail.UID { return mail.UID(rapid.IntRange(1, n+2).Draw(t, "uid")) }), 1, 6).Draw(t, "uids")
		}
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(t *rapid.T) {
				n++
				to, ref, id := path(), rapid.IntRange(1, n).Draw(t, "refers to"), mail.EmailID{ID: mail.NewID(time.Now())}
				again := rapid.Bool().Draw(t, "again")
				same(func(x *twin) []string { return x.deliver(t, n, ref, to, id, again) })
			},
			"expunge": func(t *rapid.T) {
				from, some := path(), uids()
				same(func(x *twin) []string {
					gone, _, err := x.acc.ExpungeUIDs(context.Background(), x.w.byPath(x.acc, from).ID, some)
					return []string{fmt.Sprint(gone, err)}
				})
			},
			"transfer": func(t *rapid.T) {
				from, to, some, move := path(), path(), uids(), rapid.Bool().Draw(t, "move")
				same(func(x *twin) []string {
					do := x.acc.Copy
					if move {
						do = x.acc.Move
					}
					c, err := do(context.Background(), x.w.byPath(x.acc, from).ID, some, x.w.byPath(x.acc, to).ID)
					return []string{fmt.Sprint(c.Src, c.Dst, err)}
				})
			},
			"changes": func(t *rapid.T) { same(func(x *twin) []string { return []string{x.changes(t)} }) },
			"bury": func(t *rapid.T) {
				if _, err := twins[0].acc.buryOne(context.Background()); err != nil {
					t.Fatal(err)
				}
			},
			"restart": func(t *rapid.T) {
				lose := rapid.Bool().Draw(t, "crash")
				for _, x := range twins {
					x.w.restart(lose)
					x.acc = x.w.svc.Account(x.acc.ID())
					if _, err := x.acc.Mailboxes(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
			},
			"": func(t *rapid.T) {
				same(func(x *twin) []string { return x.state(t) })
				for _, x := range twins {
					if err := x.w.svc.Check(context.Background(), x.acc.ID(), func(p string) { t.Errorf("%s", p) }); err != nil {
						t.Fatal(err)
					}
				}
			},
		})
	})
}

// deliver delivers message n, which refers to another, with an id minted before, and perhaps once more after it was expunged.
func (x *twin) deliver(t *rapid.T, n, ref int, to string, id mail.EmailID, again bool) []string {
	var out []string
	for range 2 {
		s := x.w.stage(fmt.Sprint("body ", n))
		m := x.w.byPath(x.acc, to).ID
		ap := Append{
			Account: x.acc.ID(), EmailID: id, Blob: s.Ref(), Mailboxes: []mail.MailboxID{m},
			Summary: summaryOf(s.Ref().Size, fmt.Sprintf("<%d@test>", n), "s", fmt.Sprintf("<%d@test>", ref)),
		}
		if ref == n { // without relatives, its id alone tells that it was there
			ap.Summary = summaryOf(s.Ref().Size, "", "s")
		}
		got, err := x.w.svc.Deliver(context.Background(), []Append{ap}, func(b *store.Batch) error {
			b.AddBlob(s)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		x.state(t) // for the names
		out = append(out, fmt.Sprint(got[0].Places[0].UID, x.names[id.ID], x.names[got[0].Thread.ID]))
		if !again {
			break
		}
		again = false
		if _, _, err := x.acc.ExpungeUIDs(context.Background(), m, []mail.UID{got[0].Places[0].UID}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// rowsOf counts an account's rows by their kind, but for those that every account has.
func (w *world) rowsOf(a mail.AccountID) map[byte]int {
	w.t.Helper()
	v, err := w.db.View(context.Background())
	if err != nil {
		w.t.Fatalf("open a view: %v", err)
	}
	defer v.Close()
	n := map[byte]int{}
	err = v.Scan(context.Background(), store.PrefixRange(partition(a).AppendPrefix(nil)), func(key, _ []byte) (bool, error) {
		switch kind := key[keyHead-1]; kind {
		case rowAccount, rowKeywords, rowMailbox, rowCounters, rowJournal:
		default:
			n[kind]++
		}
		return true, nil
	})
	if err != nil {
		w.t.Fatalf("scan: %v", err)
	}
	return n
}

// withDead is a world whose account has n dead, of which each commit buries a few, and no other e-mail.
func withDead(t tester, n int, opt Options) (*world, *Account) {
	w := newWorld(t, opt)
	w.tune = func(s *Service) { s.deadFrom, s.bulk = 1, 10 }
	w.tune(w.svc)
	a := w.birth(Quota{})
	for i := range n {
		w.deliver(a, i+1)
	}
	gone, _, err := a.expungeWhere(context.Background(), w.byPath(a, Inbox).ID, nil, anyPlace)
	if err != nil || len(gone) != n {
		t.Fatalf("%d expunged, %v", len(gone), err)
	}
	return w, a
}

// TestRunBuriesTheDead leaves no row and no body of them: also of those that the last run left, whose account nobody asks for.
func TestRunBuriesTheDead(t *testing.T) {
	for _, restart := range []bool{false, true} {
		fake := clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
		w, a := withDead(t, 35, Options{Clock: fake})
		if n := w.rowsOf(a.ID()); n[rowDead] != 4 || n[rowEmail] != 35 {
			t.Fatalf("after the expunge %v", n)
		}
		if restart {
			w.restart(true)
		}
		buried, err := w.svc.Account(a.ID()).Watch(t.Context())
		ok(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { ok(t, w.svc.Run(ctx)) })
		ok(t, fake.AwaitWaiters(t.Context(), 1))
		fake.Advance(buryAfter)
		for w.svc.graves.total.Load() > 0 {
			<-buried.C()
		}
		cancel()
		wg.Wait()
		buried.Close()
		nothingLeft(t, w, a, 35)
		ok(t, w.svc.Check(t.Context(), a.ID(), func(p string) { t.Error(p) }))
		w.close()
	}
}

// TestOneGraveHoldsUpNoOther damages an e-mail of the account whose turn comes first.
func TestOneGraveHoldsUpNoOther(t *testing.T) {
	w, few := withDead(t, 3, Options{})
	many := w.birth(Quota{})
	var last Appended
	for i := range 25 {
		last = w.deliver(many, 100+i)
	}
	_, _, err := many.expungeWhere(t.Context(), last.Places[0].Mailbox, nil, anyPlace)
	ok(t, err)
	b := store.NewBatch()
	k := idKey(few.ID(), rowEmail, w.svc.accounts[few.ID()].head.dead[0].ids[0])
	b.Set(k.bytes(), []byte("no row"))
	ok(t, store.Commit(t.Context(), w.db, b))
	if again := w.svc.buryRound(t.Context()); again != buryAgain {
		t.Errorf("tried again after %v", again)
	}
	if n := w.rowsOf(many.ID()); len(n) != 0 {
		t.Errorf("rows of the other account are left: %v", n)
	}
	if waiting := w.svc.graves.waiting(); len(waiting) != 1 || waiting[0] != few.ID() {
		t.Errorf("%v wait", waiting)
	}
}

// TestTheDeadAreBounded has who makes too many bury his own.
func TestTheDeadAreBounded(t *testing.T) {
	w, a := withDead(t, 35, Options{})
	w.svc.mostDead = 30
	in := w.byPath(a, Inbox).ID
	for i := range 50 {
		w.deliver(a, 100+i)
	}
	_, _, err := a.expungeWhere(t.Context(), in, nil, anyPlace)
	ok(t, err)
	if n := w.svc.graves.total.Load(); n < 10 || n > 40 {
		t.Fatalf("%d are dead", n)
	}
	ok(t, w.svc.Check(t.Context(), a.ID(), func(p string) { t.Error(p) }))
}

// TestAFewAreBuriedAtOnce leaves nothing to later commits.
func TestAFewAreBuriedAtOnce(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	for i := range deadFrom - 1 {
		w.deliver(a, i+1)
	}
	_, _, err := a.expungeWhere(t.Context(), w.byPath(a, Inbox).ID, nil, anyPlace)
	ok(t, err)
	if n := w.rowsOf(a.ID()); len(n) != 0 {
		t.Fatalf("rows are left: %v", n)
	}
}

// TestOneAccountHidesNoOther cannot read one of two accounts that the last run left with dead: the first, whichever that is.
func TestOneAccountHidesNoOther(t *testing.T) {
	w, a := withDead(t, 3, Options{})
	b := w.birth(Quota{})
	got := w.deliver(b, 100)
	_, _, err := b.expungeWhere(t.Context(), got.Places[0].Mailbox, nil, anyPlace)
	ok(t, err)
	first, second := a, b
	if b.ID().Compare(a.ID().ID) < 0 {
		first, second = b, a
	}
	damage := store.NewBatch()
	k := singleKey(first.ID(), rowAccount)
	damage.Set(k.bytes(), []byte("no row"))
	ok(t, store.Commit(t.Context(), w.db, damage))
	w.restart(false)
	if err := w.svc.findDead(t.Context()); err == nil || !strings.Contains(err.Error(), first.ID().String()) {
		t.Errorf("the damage was told as %v", err)
	}
	if waiting := w.svc.graves.waiting(); len(waiting) != 1 || waiting[0] != second.ID() {
		t.Errorf("%v wait", waiting)
	}
}

// nothingLeft wants no row of an account any more, and as many bodies swept.
func nothingLeft(t *testing.T, w *world, a *Account, bodies int) {
	t.Helper()
	if n := w.rowsOf(a.ID()); len(n) != 0 {
		t.Fatalf("rows are left: %v", n)
	}
	if n := w.rowsOf(mail.AccountID{}); len(n) != 0 {
		t.Fatalf("the account is still marked: %v", n)
	}
	if n, err := w.db.Sweep(t.Context()); err != nil || n != bodies {
		t.Fatalf("%d bodies swept, %v", n, err)
	}
}

// TestDeathTakesTheDead has an account die that has some.
func TestDeathTakesTheDead(t *testing.T) {
	w, a := withDead(t, 35, Options{})
	w.deliver(a, 99)
	b := store.NewBatch()
	ok(t, w.svc.Death(t.Context(), b, a.ID()))
	ok(t, store.Commit(t.Context(), w.db, b))
	nothingLeft(t, w, a, 36)
}

// TestCheckFindsTheDeadMissing has a row of the dead name an e-mail that is not there.
func TestCheckFindsTheDeadMissing(t *testing.T) {
	w, a := withDead(t, 3, Options{})
	b := store.NewBatch()
	b.DeleteRange(rowRange(a.ID(), rowEmail))
	ok(t, store.Commit(t.Context(), w.db, b))
	found := 0
	ok(t, w.svc.Check(t.Context(), a.ID(), func(p string) {
		if strings.HasSuffix(p, "is to be buried and is not there") {
			found++
		}
	}))
	if found != 3 {
		t.Fatalf("%d of 3 were missed", found)
	}
}

// TestCrashWhileBurying takes the disk as crashes leave it while mail comes, is expunged and buried: nothing is there that contradicts
// itself, what was expunged stays so, and all is buried afterwards.
func TestCrashWhileBurying(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, Options{})
	w.tune = func(s *Service) { s.deadFrom, s.bulk = 2, 7 }
	w.tune(w.svc)
	a := w.birth(Quota{})
	in := w.byPath(a, Inbox).ID
	var mu sync.Mutex
	expunged := map[mail.UID]bool{}
	work, stop := context.WithCancel(ctx)
	wg := appenders(w, a, 4, 120, func(Appended) {})
	var undertakers sync.WaitGroup
	undertakers.Go(func() {
		for work.Err() == nil {
			if _, err := a.buryOne(ctx); err != nil && !mail.IsKind(err, mail.KindConflict) {
				t.Error(err)
				return
			}
		}
	})
	undertakers.Go(func() {
		for rng := rand.New(rand.NewPCG(7, 7)); work.Err() == nil; {
			next := w.byPath(a, Inbox).UIDNext
			var some []mail.UID
			for range 20 {
				some = append(some, mail.UID(1+rng.IntN(int(next))))
			}
			gone, _, err := a.ExpungeUIDs(ctx, in, some)
			if err != nil && !mail.IsKind(err, mail.KindConflict) {
				t.Error(err)
				return
			}
			mu.Lock()
			for _, u := range gone {
				expunged[u] = true
			}
			mu.Unlock()
		}
	})
	for crash := range 6 {
		mu.Lock()
		known := maps.Clone(expunged)
		mu.Unlock()
		fs := w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 20 * crash, RNG: rand.New(rand.NewPCG(1, uint64(crash)))})
		checkBuried(t, fs, a.ID(), known)
	}
	wg.Wait()
	stop()
	undertakers.Wait()
	ok(t, w.svc.Check(ctx, a.ID(), func(p string) { t.Error(p) }))
	w.close()
}

func checkBuried(t *testing.T, fs *vfs.MemFS, id mail.AccountID, expunged map[mail.UID]bool) {
	t.Helper()
	w := afterCrash(t, fs)
	defer w.close()
	a := w.svc.Account(id)
	v := w.view(a, w.byPath(a, Inbox).ID)
	for seq := 1; seq <= v.Len(); seq++ {
		if expunged[v.UIDAt(seq)] {
			t.Errorf("UID %d was expunged and is back", v.UIDAt(seq))
		}
	}
	living := v.Len()
	v.Close()
	for range 2 {
		ok(t, w.svc.Check(t.Context(), id, func(p string) { t.Error(p) }))
		ok(t, w.svc.findDead(t.Context()))
		if again := w.svc.buryRound(t.Context()); again != 0 {
			t.Error("not all could be buried")
		}
	}
	if n := w.rowsOf(id); n[rowEmail] != living || n[rowDead] != 0 {
		t.Errorf("%d messages, and rows %v", living, n)
	}
}
