package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// TestRowsAreLentFromBlobToBlob stages and commits bodies of all sizes, packed and not, from many at once, so that the memory of one's row is
// another's next: each must be read back as it was written, from the store and through what was staged.
func TestRowsAreLentFromBlobToBlob(t *testing.T) {
	d := openOn(t, Options{})
	var all sync.WaitGroup
	for who := range 8 {
		all.Go(func() {
			for i := range 200 {
				text := fmt.Sprintf("%d of %d, again and again. ", i, who)
				body := []byte(strings.Repeat(text, 1+(i*i*7)%4000))
				if i%5 == 0 {
					body = body[:min(len(body), packFrom-1)] // not packed
				}
				if err := storeAndRead(t, d, body, fmt.Appendf(nil, "a%d.%d", who, i)); err != nil {
					t.Errorf("%d of %d: %v", i, who, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// storeAndRead commits a body and compares both ways to read it, while others are committed.
func storeAndRead(t *testing.T, d *DB, body, key []byte) error {
	t.Helper()
	w := d.Stage(t.Context())
	if _, err := w.Write(body); err != nil {
		return err
	}
	staged, err := w.Finish()
	if err != nil {
		return err
	}
	before, err := staged.Open(t.Context())
	if err != nil {
		return err
	}
	b := store.NewBatch()
	b.Set(key, nil)
	b.AddBlob(staged)
	b.Ref(staged.Ref().ID, key)
	if err := store.Commit(t.Context(), d, b); err != nil {
		return err
	}
	after, err := staged.Open(t.Context())
	if err != nil {
		return err
	}
	stored, err := d.OpenBlob(t.Context(), staged.Ref().ID)
	if err != nil {
		return err
	}
	return errors.Join(hasBytes(before, body), hasBytes(after, body), hasBytes(stored, body))
}

// hasBytes compares a blob with what it should hold, and closes it.
func hasBytes(b store.Blob, want []byte) error {
	got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("a blob of %d bytes is read as %d others", len(want), len(got))
	}
	return errors.Join(err, b.Close())
}

// TestARowsMemoryIsGivenBackOnce commits a blob that two batches name: its row's memory is given back with the first, and the second neither
// writes what has taken its place nor gives it back again.
func TestARowsMemoryIsGivenBackOnce(t *testing.T) {
	d := openOn(t, Options{})
	body := []byte(strings.Repeat("one of two ", 100))
	w := d.Stage(t.Context())
	_, err := w.Write(body)
	must(t, err)
	first, err := w.Finish()
	must(t, err)
	for i := range 2 {
		b := store.NewBatch()
		key := fmt.Appendf(nil, "a%d", i)
		b.Set(key, nil)
		b.AddBlob(first)
		b.Ref(first.Ref().ID, key)
		must(t, store.Commit(t.Context(), d, b))
		if first.(*stagedBlob).row != nil {
			t.Fatal("the row is held after the commit")
		}
		must(t, storeAndRead(t, d, []byte(strings.Repeat("another one", 200)), fmt.Appendf(nil, "b%d", i)))
	}
	stored, err := d.OpenBlob(t.Context(), first.Ref().ID)
	must(t, err)
	must(t, hasBytes(stored, body))
}
