package mailbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

// appenders deliver from many goroutines into one inbox. Some commits are made to fail once, so that those behind them fail too.
// Acknowledged UIDs are handed to told.
func appenders(w *world, a *Account, writers, each int, told func(Appended)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				n := g*each + i + 1
				ap, staged := w.message(a, n)
				tries := 0
				out, err := w.svc.Deliver(context.Background(), []Append{ap}, func(b *store.Batch) error {
					b.AddBlob(staged)
					if tries++; tries == 1 && n%37 == 0 {
						b.Expect(store.Partition{Kind: store.KindDirectory}, 99)
					}
					return nil
				})
				for mail.IsKind(err, mail.KindConflict) { // all tries were unlucky: temporary, the client comes again
					out, err = w.svc.Deliver(context.Background(), []Append{ap}, func(b *store.Batch) error {
						b.AddBlob(staged)
						return nil
					})
				}
				if err != nil {
					w.t.Fatalf("deliver: %v", err)
				}
				told(out[0])
			}
		})
	}
	return &wg
}

// TestHotMailbox checks what a client that asks for "everything after the last UID" is shown while many writers deliver: no UID
// is missing below the last one shown, ever, and each UID is acknowledged once.
func TestHotMailbox(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	in := w.byPath(a, Inbox).ID
	const writers, each = 16, 60
	var mu sync.Mutex
	acked := map[mail.UID]mail.EmailID{}
	wg := appenders(w, a, writers, each, func(ap Appended) {
		mu.Lock()
		defer mu.Unlock()
		uid := ap.Places[0].UID
		if _, twice := acked[uid]; twice {
			t.Errorf("UID %d given twice", uid)
		}
		acked[uid] = ap.EmailID
		// Read your own write: what was acknowledged is visible.
		if m, err := a.ByID(ctx, in); err != nil || m.UIDNext <= uid || m.Counts.Total < len(acked) {
			t.Errorf("UID %d acknowledged, but the mailbox is %+v, %v", uid, m, err)
		}
	})
	var done atomic.Bool
	var readers sync.WaitGroup
	for r := range 3 {
		readers.Go(func() { followMailbox(t, w, a, in, r, &done) })
	}
	readers.Go(func() { flagsMeanwhile(t, a, in, &done) })
	wg.Wait()
	done.Store(true)
	readers.Wait()
	if m := w.byPath(a, Inbox); m.Counts.Total != writers*each || int(m.UIDNext) != writers*each+1 {
		t.Fatalf("in the end %+v", m)
	}
	v := w.view(a, in)
	defer v.Close()
	ok(t, v.Each(ctx, 1, v.Len(), func(_ int, m Message) bool {
		if acked[m.UID] != m.EmailID {
			t.Errorf("UID %d is another e-mail than acknowledged", m.UID)
		}
		return true
	}))
	ok(t, w.svc.Check(ctx, a.ID(), func(p string) { t.Error(p) }))
}

// followMailbox is a client. Some open the mailbox anew each time, so that indexes are loaded while commits go on.
func followMailbox(t *testing.T, w *world, a *Account, in mail.MailboxID, kind int, done *atomic.Bool) {
	ctx := context.Background()
	var v *View
	seen := 0
	for {
		last := done.Load()
		before, err := a.ByID(ctx, in)
		if err != nil {
			t.Error(err)
			return
		}
		if v == nil {
			v = w.view(a, in)
		} else if _, err := v.Sync(ctx, SyncAll); err != nil {
			t.Error(err)
			return
		}
		if v.Len() < before.Counts.Total || v.Len() < seen {
			t.Errorf("the view has %d messages after a status of %d", v.Len(), before.Counts.Total)
		}
		for seq := seen + 1; seq <= v.Len(); seq++ {
			if v.UIDAt(seq) != mail.UID(seq) {
				t.Errorf("UID %d is at %d: one is missing below it", v.UIDAt(seq), seq)
				return
			}
		}
		seen = v.Len()
		if kind == 0 {
			v.Close()
			v = nil
			st, err := w.svc.acquire(ctx, a.id)
			if err != nil {
				t.Error(err)
				return
			}
			w.svc.dropIndexesUnpinned(st)
			w.svc.release(st)
		}
		if last {
			if v != nil {
				v.Close()
			}
			return
		}
	}
}

// dropIndexesUnpinned makes the next reader load.
func (s *Service) dropIndexesUnpinned(st *state) {
	st.show.Lock()
	defer st.show.Unlock()
	for id, sl := range st.indexes {
		if sl.pins == 0 && sl.index != nil {
			s.cache.total.Add(-sl.index.bytes())
			delete(st.indexes, id)
			sl.index = nil
		}
	}
}

// flagsMeanwhile changes flags and copies while others append.
func flagsMeanwhile(t *testing.T, a *Account, in mail.MailboxID, done *atomic.Bool) {
	ctx := context.Background()
	arch, err := a.ByPath(ctx, "Archive")
	if err != nil {
		t.Error(err)
		return
	}
	for i := 0; !done.Load(); i++ {
		mode := []FlagMode{FlagsAdd, FlagsRemove}[i%2]
		_, err := a.SetFlags(ctx, in, []mail.UID{1, 2, 3, 5, 8, 13}, FlagChange{Mode: mode, Flags: mail.FlagSeen})
		if err == nil && i%4 == 0 {
			_, err = a.Copy(ctx, in, []mail.UID{1, 8}, arch.ID)
		}
		if err == nil && i%8 == 7 {
			_, _, err = a.ExpungeUIDs(ctx, arch.ID, []mail.UID{mail.UID(i)})
		}
		if err != nil && !mail.IsKind(err, mail.KindConflict) {
			t.Error(err)
			return
		}
	}
}

// TestCrashUnderLoad takes the disk as a crash leaves it while many writers deliver: everything acknowledged before is there,
// and no UID acknowledged is given to another message afterwards.
func TestCrashUnderLoad(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	var mu sync.Mutex
	acked := map[mail.UID]mail.EmailID{}
	wg := appenders(w, a, 8, 60, func(ap Appended) {
		mu.Lock()
		defer mu.Unlock()
		acked[ap.Places[0].UID] = ap.EmailID
	})
	for crash := range 5 {
		mu.Lock()
		before := len(acked)
		known := make(map[mail.UID]mail.EmailID, before)
		for u, e := range acked {
			known[u] = e
		}
		mu.Unlock()
		fs := w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 20 * crash, RNG: rand.New(rand.NewPCG(1, uint64(crash)))})
		checkAfterCrash(t, ctx, fs, a.ID(), known)
	}
	wg.Wait()
	w.close()
}

// afterCrash is a world on what a crash has left.
func afterCrash(t *testing.T, fs *vfs.MemFS) *world {
	t.Helper()
	db, err := pebblestore.Open("store", pebblestore.Options{FS: fs})
	ok(t, err)
	return &world{t: t, fs: fs, db: db, svc: New(db, Options{})}
}

func checkAfterCrash(t *testing.T, ctx context.Context, fs *vfs.MemFS, id mail.AccountID, known map[mail.UID]mail.EmailID) {
	t.Helper()
	w := afterCrash(t, fs)
	defer w.close()
	a := w.svc.Account(id)
	v := w.view(a, w.byPath(a, Inbox).ID)
	defer v.Close()
	for uid, email := range known {
		seq, there := v.SeqOf(uid)
		if m, _ := v.Message(seq); !there || m.EmailID != email {
			t.Fatalf("UID %d was acknowledged and is lost", uid)
		}
	}
	for seq := 1; seq <= v.Len(); seq++ {
		if v.UIDAt(seq) != mail.UID(seq) {
			t.Fatalf("UID %d at %d after a crash", v.UIDAt(seq), seq)
		}
	}
	if got := w.deliver(a, 1e6); int(got.Places[0].UID) != v.Len()+1 {
		t.Fatalf("UID %d after %d messages", got.Places[0].UID, v.Len())
	}
	ok(t, w.svc.Check(ctx, id, func(p string) { t.Error(p) }))
}

// TestManyAccountsAtOnce delivers to overlapping sets of accounts from many goroutines: no deadlock, nothing lost.
func TestManyAccountsAtOnce(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	var accounts []*Account
	for range 6 {
		accounts = append(accounts, w.birth(Quota{}))
	}
	var wg sync.WaitGroup
	counts := make([]atomic.Int64, len(accounts))
	for g := range 12 {
		wg.Go(func() {
			for i := range 20 {
				s := w.stage(fmt.Sprint(g, i))
				var aps []Append
				for k := range accounts {
					if (g*7+i*3+k*k)%3 != 0 {
						continue
					}
					counts[k].Add(1)
					aps = append(aps, Append{Account: accounts[k].ID(), Blob: s.Ref(), Summary: summaryOf(s.Ref().Size, "", "x")})
				}
				slices.Reverse(aps)
				if len(aps) == 0 {
					continue
				}
				tries := 0
				try := func() error {
					_, err := w.svc.Deliver(ctx, aps, func(b *store.Batch) error {
						b.AddBlob(s)
						if tries++; tries == 1 && i%7 == 0 {
							b.Expect(store.Partition{Kind: store.KindDirectory}, 99)
						}
						return nil
					})
					return err
				}
				err := try()
				for mail.IsKind(err, mail.KindConflict) {
					err = try()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for k, a := range accounts {
		if m := w.byPath(a, Inbox); int64(m.Counts.Total) != counts[k].Load() {
			t.Errorf("account %d has %d messages, want %d", k, m.Counts.Total, counts[k].Load())
		}
		ok(t, w.svc.Check(ctx, a.ID(), func(p string) { t.Error(p) }))
	}
}
