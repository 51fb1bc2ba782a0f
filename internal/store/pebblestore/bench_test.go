package pebblestore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

// words make bodies that compress about as mail does.
var words = []string{"Sehr", "geehrte", "Damen", "und", "Herren", "the", "meeting", "at", "noon", "Rechnung", "invoice",
	"Received:", "from", "by", "with", "ESMTPS", "id", "for", "posthorn", "0123456789abcdef"}

func body(size int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(size)))
	b := make([]byte, 0, size+16)
	for len(b) < size {
		b = append(b, words[r.IntN(len(words))]...)
		if r.IntN(3) == 0 {
			b = fmt.Appendf(b, "%x", r.Uint64())
		}
		b = append(b, ' ')
	}
	return b[:size]
}

func open(b testing.TB) *pebblestore.DB {
	db, err := pebblestore.Open(b.TempDir(), pebblestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

func account(i int) store.Partition {
	p := store.Partition{Kind: store.KindAccount}
	binary.BigEndian.PutUint32(p.ID[:], uint32(i))
	return p
}

// deliver writes what a local delivery writes: a body, its reference and six small rows in one account.
func deliver(ctx context.Context, st store.Store, p store.Partition, n uint64, text []byte) error {
	w := st.Stage(ctx)
	if _, err := w.Write(text); err != nil {
		return err
	}
	staged, err := w.Finish()
	if err != nil {
		return err
	}
	b := store.NewBatch()
	b.Raise(p)
	b.AddBlob(staged)
	var row [64]byte
	id := mail.NewID(time.Now())
	for i := range 6 {
		key := p.Key(byte(i))
		key = append(key, id[:]...)
		key = binary.BigEndian.AppendUint64(key, n)
		b.Set(key, row[:])
		if i == 0 {
			b.Ref(staged.Ref().ID, key)
		}
	}
	return store.Commit(ctx, st, b)
}

func BenchmarkDeliver(b *testing.B) {
	for _, size := range []int{4 << 10, 32 << 10} {
		for _, submitters := range []int{1, 20, 64} {
			for _, accounts := range []int{1, 20} {
				b.Run(fmt.Sprintf("body=%dKiB/submitters=%d/accounts=%d", size>>10, submitters, accounts), func(b *testing.B) {
					benchDeliver(b, size, submitters, accounts)
				})
			}
		}
	}
}

func benchDeliver(b *testing.B, size, submitters, accounts int) {
	db := open(b)
	ctx := context.Background()
	text := body(size)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for s := range submitters {
		wg.Go(func() {
			p := account(s % accounts)
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := deliver(ctx, db, p, uint64(n), text); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	st := db.Stats()
	b.ReportMetric(float64(st.Commits)/float64(st.Syncs), "commits/sync")
	b.ReportMetric(float64(st.WrittenBytes)/float64(st.AcceptedBytes), "written/byte")
	b.ReportMetric(float64(st.DiskBytes)/float64(st.AcceptedBytes), "disk/byte")
}

// BenchmarkSweep removes bodies of 4 KiB; one op is a body.
func BenchmarkSweep(b *testing.B) {
	db := open(b)
	ctx := context.Background()
	text := body(4 << 10)
	var drop *store.Batch
	for i := range b.N {
		if i%500 == 0 {
			if drop != nil {
				if err := store.Commit(ctx, db, drop); err != nil {
					b.Fatal(err)
				}
			}
			drop = store.NewBatch()
		}
		w := db.Stage(ctx)
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
		staged, err := w.Finish()
		if err != nil {
			b.Fatal(err)
		}
		drop.AddBlob(staged) // no reference: the sweep's at once
	}
	if err := store.Commit(ctx, db, drop); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	n, err := db.Sweep(ctx)
	if err != nil || n != b.N {
		b.Fatalf("swept %d of %d: %v", n, b.N, err)
	}
}
