package mailbox

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

// onDisk is a service on the real file system, with real syncs.
func onDisk(b *testing.B) *world {
	b.Helper()
	db, err := pebblestore.Open(b.TempDir(), pebblestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	w := &world{t: b, db: db, opt: Options{}}
	w.opt.Clock = clock.Real()
	w.svc = New(db, w.opt)
	b.Cleanup(func() {
		w.svc.Close()
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return w
}

// BenchmarkAppend measures one durable delivery of 4 KiB, with so many at once into one mailbox or each into its own.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 20, 64} {
		for _, hot := range []bool{true, false} {
			name := fmt.Sprintf("writers=%d/own", writers)
			if hot {
				name = fmt.Sprintf("writers=%d/hot", writers)
			}
			b.Run(name, func(b *testing.B) {
				w := onDisk(b)
				accounts := []*Account{w.birth(Quota{})}
				for !hot && len(accounts) < writers {
					accounts = append(accounts, w.birth(Quota{}))
				}
				benchAppend(b, w, accounts, writers)
			})
		}
	}
}

func benchAppend(b *testing.B, w *world, accounts []*Account, writers int) {
	body := string(make([]byte, 4096))
	var n atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for g := range writers {
		wg.Go(func() {
			a := accounts[g%len(accounts)]
			for {
				i := n.Add(1)
				if i > int64(b.N) {
					return
				}
				s := w.stage(body)
				ap := Append{Account: a.ID(), Blob: s.Ref(), Summary: summaryOf(4096, fmt.Sprintf("<%d@bench>", i), "bench")}
				_, err := w.svc.Deliver(context.Background(), []Append{ap}, func(b *store.Batch) error {
					b.AddBlob(s)
					return nil
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

// filled is an account whose inbox has n messages of one body, made by as few commits as can be.
func filled(b *testing.B, n int) (*world, *Account, mail.MailboxID) {
	b.Helper()
	w := onDisk(b)
	a := w.birth(Quota{})
	in := w.byPath(a, Inbox).ID
	ctx := context.Background()
	for done := 0; done < n; {
		err := a.change(ctx, func(st *state, t *txn) error {
			for range min(20000, n-done) {
				id := mail.EmailID{ID: mail.NewID(w.opt.Clock.Now())}
				s := summaryOf(4096, fmt.Sprintf("<%d@bench>", done), "bench", fmt.Sprintf("<%d@bench>", done-1))
				enc, err := s.AppendBinary(nil)
				if err != nil {
					return err
				}
				uid, err := t.place(in, entry{email: id, size: 4096, received: 1})
				if err != nil {
					return err
				}
				row := emailRow{blob: w.blob(), thread: mail.ThreadID(id), received: 1, spots: []spot{{in, uid}}}
				row.blob.Size, row.hashes = 4096, threadHashes(s)
				for _, h := range row.hashes {
					l, _ := t.links.get(h)
					t.setLink(h, threadLink{mail.ThreadID(id), l.count + 1})
				}
				t.created(id, &row, enc)
				done++
			}
			return w.addBlob(t.batch)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return w, a, in
}

// blob is a body that all messages of filled share.
func (w *world) blob() store.BlobRef {
	if w.shared == nil {
		w.shared = w.stage(string(make([]byte, 4096)))
	}
	return w.shared.Ref()
}

func (w *world) addBlob(b *store.Batch) error {
	if w.sharedIn {
		return nil
	}
	w.sharedIn = true
	b.AddBlob(w.shared)
	return nil
}

// BenchmarkOpen measures the first look into a large mailbox: one scan.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, a, in := filled(b, n)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				w.svc = New(w.db, w.opt)
				a = w.svc.Account(a.ID())
				v := w.view(a, in)
				if v.Len() != n {
					b.Fatalf("%d messages", v.Len())
				}
				v.Close()
			}
		})
	}
}

// BenchmarkSync measures what an idle session pays to hear of one new message in a large mailbox, the delivery included.
func BenchmarkSync(b *testing.B) {
	for _, n := range []int{100, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, a, in := filled(b, n)
			v := w.view(a, in)
			defer v.Close()
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				w.deliver(a, i)
				if ch, err := v.Sync(context.Background(), SyncAll); err != nil || ch.New != 1 {
					b.Fatalf("%+v, %v", ch, err)
				}
			}
		})
	}
}

// BenchmarkStore measures STORE 1:* in a mailbox of 100,000, by turns setting and taking a flag, and a session's Sync behind it.
func BenchmarkStore(b *testing.B) {
	_, a, in := filled(b, 100_000)
	v := filledView(b, a, in)
	defer v.Close()
	uids := make([]mail.UID, 0, v.Len())
	for i := range v.Len() {
		uids = append(uids, v.UIDAt(i+1))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		ch := FlagChange{Mode: []FlagMode{FlagsAdd, FlagsRemove}[i%2], Flags: mail.FlagSeen}
		if r, err := a.SetFlags(context.Background(), in, uids, ch); err != nil || len(r.Changed) != len(uids) {
			b.Fatalf("%d changed, %v", len(r.Changed), err)
		}
		if ch, err := v.Sync(context.Background(), SyncAll); err != nil || len(ch.Changed) != len(uids) {
			b.Fatalf("%d told, %v", len(ch.Changed), err)
		}
	}
}

// BenchmarkBury measures what of EXPUNGE comes after its answer; an operation is one of 100,000 e-mails.
func BenchmarkBury(b *testing.B) {
	_, a, in := filled(b, 100_000)
	if _, _, err := a.expungeWhere(context.Background(), in, nil, anyPlace); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += deadRun {
		if more, err := a.buryOne(context.Background()); err != nil || !more {
			b.Fatalf("nobody is left after %d; %v", n, err)
		}
	}
}

// BenchmarkExpunge measures EXPUNGE of 100,000.
func BenchmarkExpunge(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		_, a, in := filled(b, 100_000)
		v := filledView(b, a, in)
		b.StartTimer()
		out, _, err := a.expungeWhere(context.Background(), in, nil, anyPlace)
		if err != nil || len(out) != 100_000 {
			b.Fatalf("%d gone, %v", len(out), err)
		}
		if _, err := v.Sync(context.Background(), SyncAll); err != nil || v.Len() != 0 {
			b.Fatalf("%d left, %v", v.Len(), err)
		}
		v.Close()
	}
}

// BenchmarkCopy measures COPY of 100,000.
func BenchmarkCopy(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w, a, in := filled(b, 100_000)
		v := filledView(b, a, in)
		uids := make([]mail.UID, 0, v.Len())
		for i := range v.Len() {
			uids = append(uids, v.UIDAt(i+1))
		}
		v.Close()
		to := w.byPath(a, "Archive").ID
		b.StartTimer()
		if c, err := a.Copy(context.Background(), in, uids, to); err != nil || len(c.Dst) != len(uids) {
			b.Fatalf("%d copied, %v", len(c.Dst), err)
		}
	}
}

func filledView(b *testing.B, a *Account, in mail.MailboxID) *View {
	b.Helper()
	v, err := a.Open(context.Background(), in)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// BenchmarkRead measures what FETCH needs of each message, walking through a mailbox of 100,000 whose rows are on disk.
func BenchmarkRead(b *testing.B) {
	_, a, in := filled(b, 100_000)
	ctx := context.Background()
	v := filledView(b, a, in)
	defer v.Close()
	seq := 0
	next := func() mail.EmailID {
		seq = seq%v.Len() + 1
		m, _ := v.Message(seq)
		return m.EmailID
	}
	b.Run("summary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Summary(ctx, next()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("body", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			body, err := a.Body(ctx, next())
			if err != nil {
				b.Fatal(err)
			}
			if err := body.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("flags of all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := v.Each(ctx, 1, v.Len(), func(int, Message) bool { return true }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkIdleSessions measures what 5,000 sessions in one mailbox of 20,000 cost, in memory and to hear of one delivery.
func BenchmarkIdleSessions(b *testing.B) {
	w, a, in := filled(b, 20_000)
	const sessions = 5000
	first := filledView(b, a, in)
	defer first.Close()
	before := heap()
	views := make([]*View, sessions)
	for i := range views {
		views[i] = filledView(b, a, in)
		views[i].Watch()
	}
	perSession := (float64(heap()) - float64(before)) / sessions
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		w.deliver(a, i)
		for _, v := range views {
			<-v.Watch().C()
			if ch, err := v.Sync(context.Background(), SyncAll); err != nil || ch.New != 1 {
				b.Fatalf("%+v, %v", ch, err)
			}
		}
	}
	b.ReportMetric(perSession, "B/session")
	b.StopTimer()
	for _, v := range views {
		v.Close()
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
