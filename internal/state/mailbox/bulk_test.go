package mailbox

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// TestBulk takes the paths that only many messages take: ranges, one scan instead of many reads, several commits.
func TestBulk(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	w.svc.bulk = 150
	a := w.birth(Quota{})
	const n = 400
	for i := range n {
		s := w.stage(fmt.Sprint("message ", i))
		// Each tenth begins a thread that the next nine belong to.
		ap := Append{Summary: summaryOf(s.Ref().Size, fmt.Sprintf("<%d@x>", i), fmt.Sprint("Re: ", i/10), fmt.Sprintf("<%d@x>", i-i%10))}
		_, err := a.Append(ctx, ap, s)
		ok(t, err)
	}
	check := func() {
		t.Helper()
		ok(t, w.svc.Check(ctx, a.ID(), func(p string) { t.Error(p) }))
	}
	check()
	in, arch := w.byPath(a, Inbox), w.byPath(a, "Archive")
	v := w.view(a, in.ID)
	defer v.Close()
	all := make([]mail.UID, n)
	for i := range all {
		all[i] = mail.UID(i + 1)
	}
	c, err := a.Copy(ctx, in.ID, all, arch.ID)
	ok(t, err)
	if !slices.Equal(c.Src, all) || !slices.Equal(c.Dst, all) {
		t.Fatalf("copied %d to %d", len(c.Src), len(c.Dst))
	}
	check()
	// Every third one, and a run in the middle: places as ranges and one by one, all e-mails live on in the other mailbox.
	var some []mail.UID
	for _, u := range all {
		if u%3 == 0 || 100 <= u && u < 180 {
			some = append(some, u)
		}
	}
	_, err = a.SetFlags(ctx, in.ID, some, FlagChange{Flags: mail.FlagDeleted | mail.FlagSeen, Keywords: []string{"bulk"}})
	ok(t, err)
	check()
	gone, _, err := a.Expunge(ctx, in.ID, nil)
	ok(t, err)
	ch, err := v.Sync(ctx, SyncAll)
	ok(t, err)
	if !slices.Equal(gone, some) || len(ch.Vanished) != len(some) || v.Len() != n-len(some) {
		t.Fatalf("%d expunged, %d vanished, %d left", len(gone), len(ch.Vanished), v.Len())
	}
	check()
	if m := w.byPath(a, "Archive"); m.Counts.Unseen != n-len(some) || m.Counts.Deleted != 0 {
		t.Fatalf("archive %+v", m.Counts)
	}
	// Half of what is left in the archive, in one run: some e-mails go, some live on in the inbox.
	gone, _, err = a.ExpungeUIDs(ctx, arch.ID, all[:n/2])
	ok(t, err)
	if len(gone) != n/2 {
		t.Fatalf("%d expunged", len(gone))
	}
	check()
	mv, err := a.Move(ctx, arch.ID, all, in.ID)
	ok(t, err)
	if len(mv.Src) != n/2 || w.byPath(a, "Archive").Counts.Total != 0 {
		t.Fatalf("%d moved", len(mv.Src))
	}
	check()
	box, err := a.Create(ctx, "doomed", CreateOptions{})
	ok(t, err)
	left := w.byPath(a, Inbox).Counts.Total
	_, err = a.Copy(ctx, in.ID, mv.Dst, box.ID)
	ok(t, err)
	_, _, err = a.ExpungeUIDs(ctx, in.ID, mv.Dst)
	ok(t, err)
	ok(t, a.Delete(ctx, box.ID))
	check()
	if got := w.byPath(a, Inbox).Counts.Total; got != left-len(mv.Dst) {
		t.Fatalf("%d left", got)
	}
	w.restart(true)
	check()
}

// TestMailboxIsNotReadToDeliver holds delivery to counters only, however large the mailbox.
func TestMailboxIsNotReadToDeliver(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	w.deliver(a, 1)
	w.restart(false)
	a = w.svc.Account(a.ID())
	w.deliver(a, 2)
	if m := w.byPath(a, Inbox); m.Counts.Total != 2 {
		t.Fatalf("inbox %+v", m)
	}
	st, err := w.svc.acquire(ctx, a.ID())
	ok(t, err)
	defer w.svc.release(st)
	if len(st.indexes) != 0 || w.svc.cache.total.Load() != 0 {
		t.Fatal("a delivery loaded the mailbox")
	}
}

// TestCacheIsBounded opens many mailboxes with room for one.
func TestCacheIsBounded(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{CacheBytes: 40 * entryBytes})
	a := w.birth(Quota{})
	var ids []mail.MailboxID
	for i := range 8 {
		m, err := a.Create(ctx, fmt.Sprint("m", i), CreateOptions{})
		ok(t, err)
		ids = append(ids, m.ID)
	}
	ap, s := w.message(a, 1)
	ap.Mailboxes = ids
	for range 20 {
		_, err := a.Append(ctx, ap, s)
		ok(t, err)
		s = w.stage("again")
	}
	held := w.view(a, ids[0])
	defer held.Close()
	for range 3 {
		for _, id := range ids {
			v := w.view(a, id)
			if v.Len() != 20 {
				t.Fatalf("%d messages", v.Len())
			}
			v.Close()
		}
	}
	st, err := w.svc.acquire(ctx, a.ID())
	ok(t, err)
	defer w.svc.release(st)
	st.show.RLock()
	defer st.show.RUnlock()
	if st.indexes[ids[0]] == nil || len(st.indexes) > 2 {
		t.Fatalf("%d indexes in memory, the one in use: %v", len(st.indexes), st.indexes[ids[0]] != nil)
	}
	if got := w.svc.cache.total.Load(); got != st.indexBytes() {
		t.Fatalf("%d bytes on account, %d in use", got, st.indexBytes())
	}
}

// TestAMailboxThatFillsIsOpenedWithoutReading holds the index that a mailbox gets with its first message to what its rows say.
func TestAMailboxThatFillsIsOpenedWithoutReading(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	for i := range 30 {
		w.deliver(a, i+1)
	}
	in := w.byPath(a, Inbox)
	_, err := a.SetFlags(ctx, in.ID, []mail.UID{3, 4, 9}, FlagChange{Mode: FlagsAdd, Flags: mail.FlagDeleted})
	ok(t, err)
	_, _, err = a.Expunge(ctx, in.ID, []mail.UID{3, 4})
	ok(t, err)
	st, err := w.svc.acquire(ctx, a.ID())
	ok(t, err)
	defer w.svc.release(st)
	read, err := st.scanIndex(ctx, in.ID)
	ok(t, err)
	w.svc.halvesFrom = 1
	halves, err := st.scanIndex(ctx, in.ID)
	ok(t, err)
	if !slices.Equal(entriesOf(&read.snapshot), entriesOf(&halves.snapshot)) || len(halves.chunks) < 2 {
		t.Fatal("read by halves it is another")
	}
	st.show.Lock()
	defer st.show.Unlock()
	sl := st.indexes[in.ID]
	if sl == nil || sl.index == nil || sl.pins != 0 || sl.index.n != 28 {
		t.Fatal("the mailbox's index was not kept")
	}
	diff(&sl.index.snapshot, &read.snapshot, differ{
		gone:    func(_ int, e *entry) { t.Errorf("UID %d is in memory only", e.uid) },
		fresh:   func(_ int, e *entry) { t.Errorf("UID %d is on disk only", e.uid) },
		changed: func(_ int, o, e *entry) { t.Errorf("UID %d: %v in memory, %v on disk", e.uid, o, e) },
	})
	if got := w.svc.cache.total.Load(); got != st.indexBytes() {
		t.Fatalf("%d bytes on account, %d in use", got, st.indexBytes())
	}
}
