package pebblestore_test

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/store"
)

const benchRows = 100_000

// fillRows writes rows as a mailbox has them.
func fillRows(b *testing.B, st store.Store, p store.Partition) {
	var row [96]byte
	for at := 0; at < benchRows; at += 5000 {
		batch := store.NewBatch()
		batch.Raise(p)
		for i := range 5000 {
			binary.BigEndian.PutUint64(row[:], rand.Uint64())
			batch.Set(p.Key(binary.BigEndian.AppendUint32(nil, uint32(at+i))...), row[:])
		}
		if err := store.Commit(context.Background(), st, batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	db, p := open(b), account(1)
	fillRows(b, db, p)
	v, err := db.View(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Get(b.Context(), p.Key(binary.BigEndian.AppendUint32(nil, rand.Uint32N(benchRows))...)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan reads a mailbox of 100,000 rows; one op is a row.
func BenchmarkScan(b *testing.B) {
	db, p := open(b), account(1)
	fillRows(b, db, p)
	v, err := db.View(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		err := v.Scan(b.Context(), store.PrefixRange(p.Key()), func(_, _ []byte) (bool, error) {
			n++
			return n < b.N, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkView(b *testing.B) {
	db := open(b)
	b.ReportAllocs()
	for b.Loop() {
		v, err := db.View(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
}

func BenchmarkReadBlob(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "10MiB": 10 << 20} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			w := db.Stage(b.Context())
			if _, err := w.Write(body(size)); err != nil {
				b.Fatal(err)
			}
			staged, err := w.Finish()
			if err != nil {
				b.Fatal(err)
			}
			batch := store.NewBatch()
			batch.AddBlob(staged)
			batch.Ref(staged.Ref().ID, []byte("owner"))
			if err := store.Commit(b.Context(), db, batch); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				blob, err := db.OpenBlob(b.Context(), staged.Ref().ID)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, io.NewSectionReader(blob, 0, blob.Size())); err != nil {
					b.Fatal(err)
				}
				if err := blob.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStage stages large bodies that come in pieces, as from a connection.
func BenchmarkStage(b *testing.B) {
	const size = 10 << 20
	db := open(b)
	piece := body(32 << 10)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		w := db.Stage(b.Context())
		for range size / len(piece) {
			if _, err := w.Write(piece); err != nil {
				b.Fatal(err)
			}
		}
		staged, err := w.Finish()
		if err != nil {
			b.Fatal(err)
		}
		batch := store.NewBatch()
		batch.AddBlob(staged)
		batch.Ref(staged.Ref().ID, []byte("owner"))
		if err := store.Commit(b.Context(), db, batch); err != nil {
			b.Fatal(err)
		}
	}
}
