package pebblestore

import (
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// TestACommitHasItsBlobOrFails gives large blobs up, as the sweep of forgotten ones does after the clock has jumped, and as a caller does
// that cannot wait for an outcome, at the very moment in which they are committed: nobody may be told yes to a reference without bytes.
func TestACommitHasItsBlobOrFails(t *testing.T) {
	d := openOn(t, Options{InlineBytes: 64, Forgotten: time.Nanosecond})
	for i := range 3000 {
		w := d.Stage(t.Context())
		_, err := w.Write(make([]byte, 200))
		must(t, err)
		staged, err := w.Finish()
		must(t, err)
		b := store.NewBatch()
		key := append([]byte("a0123456789ab"), byte(i>>8), byte(i))
		b.Set(key, nil)
		b.AddBlob(staged)
		b.Ref(staged.Ref().ID, key)
		var racing sync.WaitGroup
		racing.Go(func() {
			if i%2 == 0 {
				w.Abort()
			} else if _, err := d.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
		err = store.Commit(t.Context(), d, b)
		racing.Wait()
		if errors.Is(err, store.ErrNoBlob) {
			continue
		}
		must(t, err)
		if err := readAll(t, d, staged.Ref()); err != nil {
			t.Fatalf("round %d: the commit was made, and its blob: %v", i, err)
		}
	}
}

func readAll(t *testing.T, d *DB, ref store.BlobRef) error {
	t.Helper()
	blob, err := d.OpenBlob(t.Context(), ref.ID)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, io.NewSectionReader(blob, 0, blob.Size()))
	if err == nil && n != ref.Size {
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, blob.Close())
}

// TestABatchThatFailsLeavesItsBlobs refuses a batch for one of its blobs: the others can be committed by another batch.
func TestABatchThatFailsLeavesItsBlobs(t *testing.T) {
	d := openOn(t, Options{InlineBytes: 64})
	stage := func() (store.StagedBlob, func()) {
		w := d.Stage(t.Context())
		_, err := w.Write(make([]byte, 200))
		must(t, err)
		s, err := w.Finish()
		must(t, err)
		return s, w.Abort
	}
	good, _ := stage()
	gone, abort := stage()
	abort()
	for _, missing := range []func(b *store.Batch){
		func(b *store.Batch) { b.AddBlob(gone) },
		func(b *store.Batch) { b.Ref(store.BlobID{ID: mail.NewID(time.Now())}, []byte("owner")) },
	} {
		b := store.NewBatch()
		b.AddBlob(good)
		b.Ref(good.Ref().ID, []byte("owner"))
		missing(b)
		if err := store.Commit(t.Context(), d, b); !errors.Is(err, store.ErrNoBlob) {
			t.Fatalf("a batch without one of its blobs: %v", err)
		}
		if _, err := d.OpenBlob(t.Context(), good.Ref().ID); !errors.Is(err, store.ErrNoBlob) {
			t.Fatalf("a blob of a batch that failed: %v", err)
		}
	}
	b := store.NewBatch()
	b.AddBlob(good)
	b.Ref(good.Ref().ID, []byte("owner"))
	must(t, store.Commit(t.Context(), d, b))
	must(t, readAll(t, d, good.Ref()))
}
