package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openOn(t testing.TB, o Options) *DB {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	dir := "store"
	if o.FS == vfs.Default {
		dir = t.TempDir()
	}
	d, err := Open(dir, o)
	must(t, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
	return d
}

func numbered(i int) store.Partition {
	p := store.Partition{Kind: store.KindAccount}
	binary.BigEndian.PutUint32(p.ID[:], uint32(i))
	return p
}

func TestNewerFormatIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	d := openOn(t, Options{FS: fs})
	must(t, d.pdb.Set([]byte{rowFormat}, binary.BigEndian.AppendUint32(nil, formatVersion+1), pebble.Sync))
	must(t, d.Close())
	_, err := Open("store", Options{FS: fs})
	if err == nil || !strings.Contains(err.Error(), "has format 2, and this build knows formats up to 1") {
		t.Fatalf("got %v", err)
	}
	// The refusal leaves the folder unlocked.
	if _, again := Open("store", Options{FS: fs}); again == nil || again.Error() != err.Error() {
		t.Fatalf("got %v the second time", again)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	fs := vfs.NewMem()
	d := openOn(t, Options{FS: fs})
	if _, err := Open("store", Options{FS: fs}); err == nil || !strings.Contains(err.Error(), "lock the store") {
		t.Fatalf("got %v", err)
	}
	must(t, store.Commit(t.Context(), d, store.NewBatch()))
}

func TestClosedLeavesNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d, err := Open(t.TempDir(), Options{})
	must(t, err)
	b := store.NewBatch()
	b.Raise(numbered(1))
	must(t, store.Commit(t.Context(), d, b))
	must(t, d.Close())
}

// TestNumbersAreBounded touches more partitions than are kept in memory.
func TestNumbersAreBounded(t *testing.T) {
	d := openOn(t, Options{})
	const each = 500
	for round := range 2 {
		for at := 0; at < maxNumbers+2*each; at += each {
			b := store.NewBatch()
			for i := range each {
				b.Expect(numbered(at+i), uint64(round))
			}
			must(t, store.Commit(t.Context(), d, b))
		}
	}
	must(t, d.Close())
	if n := len(d.com.numbers); n > maxNumbers+each {
		t.Fatalf("%d numbers in memory", n)
	}
}

func TestBatchIDsAreForgotten(t *testing.T) {
	d := openOn(t, Options{})
	now := time.Now()
	commit := func(age time.Duration) mail.ID {
		b := store.NewBatch()
		b.ID = mail.NewID(now.Add(-age))
		must(t, store.Commit(t.Context(), d, b))
		return b.ID
	}
	old, young := commit(3*time.Hour), commit(30*time.Minute)
	newest := commit(0)
	for id, want := range map[mail.ID]bool{old: false, young: true, newest: true} {
		got, err := d.Committed(t.Context(), id)
		must(t, err)
		if got != want {
			t.Errorf("a batch from %s is remembered: %v", id.Time(), got)
		}
	}
}

// TestSlowSyncIsTold has a clock that a sync moves on.
func TestSlowSyncIsTold(t *testing.T) {
	c := clock.NewFake(time.Unix(1_800_000_000, 0))
	var log bytes.Buffer
	var slow atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if slow.Load() && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			slow.Store(false)
			c.Advance(1500 * time.Millisecond)
		}
		return nil
	}))
	d := openOn(t, Options{FS: fs, Clock: c, Log: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, store.Commit(t.Context(), d, store.NewBatch()))
	slow.Store(true)
	must(t, store.Commit(t.Context(), d, store.NewBatch()))
	must(t, store.Commit(t.Context(), d, store.NewBatch()))
	must(t, d.Close())
	if got := strings.Count(log.String(), "the disk was slow to sync"); got != 1 || !strings.Contains(log.String(), "took=1.5s") {
		t.Fatalf("log: %s", log.String())
	}
}

// TestSubmitWaitsForRoom fills the queue behind a sync that hangs.
func TestSubmitWaitsForRoom(t *testing.T) {
	hang := make(chan struct{})
	var shut atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if shut.Load() && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			<-hang
		}
		return nil
	}))
	d := openOn(t, Options{FS: fs})
	shut.Store(true)
	value := make([]byte, 1<<20)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var pending []store.Pending
	var err error
	for err == nil {
		b := store.NewBatch()
		b.Set(numbered(1).Key('k'), value)
		var p store.Pending
		if p, err = d.Submit(ctx, b); err == nil {
			pending = append(pending, p)
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) || len(pending) < maxQueuedBytes>>20 || len(pending) > 2*maxQueuedBytes>>20 {
		t.Fatalf("%d batches of 1 MiB were taken, then: %v", len(pending), err)
	}
	shut.Store(false)
	close(hang)
	for _, p := range pending {
		must(t, p.Wait(t.Context()))
	}
}

// TestForgottenBlobIsSwept lets a staged blob that nobody commits grow old.
func TestForgottenBlobIsSwept(t *testing.T) {
	c := clock.NewFake(time.Unix(1_800_000_000, 0))
	d := openOn(t, Options{Clock: c, InlineBytes: 1 << 10})
	stage := func() (store.BlobWriter, store.StagedBlob) {
		w := d.Stage(t.Context())
		_, err := w.Write(make([]byte, 5000))
		must(t, err)
		s, err := w.Finish()
		must(t, err)
		return w, s
	}
	_, old := stage()
	c.Advance(defaultForgotten + time.Minute)
	_, young := stage()
	n, err := d.Sweep(t.Context())
	if n != 1 || err != nil {
		t.Fatalf("swept %d (error %v)", n, err)
	}
	for s, want := range map[store.StagedBlob]error{old: store.ErrNoBlob, young: nil} {
		b := store.NewBatch()
		b.AddBlob(s)
		b.Ref(s.Ref().ID, []byte("o"))
		if err := store.Commit(t.Context(), d, b); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	must(t, d.Check(t.Context(), func(problem string) { t.Error(problem) }))
}

// TestBackupIsOneMoment backs up while two accounts are always changed together.
func TestBackupIsOneMoment(t *testing.T) {
	fs := vfs.NewMem()
	d := openOn(t, Options{FS: fs, MemTableBytes: 64 << 10})
	done := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				ended <- nil
				return
			default:
			}
			b := store.NewBatch()
			b.Raise(numbered(1))
			b.Raise(numbered(2))
			b.Set(numbered(1).Key('k'), fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 300)))
			b.Set(numbered(2).Key('k'), fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 300)))
			if err := store.Commit(context.Background(), d, b); err != nil {
				ended <- err
				return
			}
		}
	}()
	for i := range 5 {
		dir := fmt.Sprintf("backup%d", i)
		must(t, d.Backup(t.Context(), dir, nil))
		c, err := Open(dir, Options{FS: fs})
		must(t, err)
		v, err := c.View(t.Context())
		must(t, err)
		n1, err1 := v.Number(t.Context(), numbered(1))
		n2, err2 := v.Number(t.Context(), numbered(2))
		if err1 != nil || err2 != nil || n1 != n2 {
			t.Errorf("numbers %d and %d (errors %v, %v)", n1, n2, err1, err2)
		}
		v.Close()
		must(t, c.Close())
	}
	close(done)
	must(t, <-ended)
	if err := d.Backup(t.Context(), fs.PathJoin("store", "inside"), nil); err == nil {
		t.Error("a backup into the store itself went well")
	}
}

// TestLargeBlobHoldsOneChunk stages 64 MiB and looks at what it allocates.
func TestLargeBlobHoldsOneChunk(t *testing.T) {
	d := openOn(t, Options{FS: vfs.Default})
	w := d.Stage(t.Context())
	piece := make([]byte, 32<<10)
	for range 2048 {
		_, err := w.Write(piece)
		must(t, err)
	}
	if got := cap(w.(*blobWriter).buf); got > defaultInlineBytes {
		t.Errorf("the writer holds %d bytes", got)
	}
	s, err := w.Finish()
	must(t, err)
	b := store.NewBatch()
	b.AddBlob(s)
	b.Ref(s.Ref().ID, []byte("o"))
	must(t, store.Commit(t.Context(), d, b))
	blob, err := d.OpenBlob(t.Context(), s.Ref().ID)
	must(t, err)
	if _, err := blob.ReadAt(piece, 63<<20); err != nil {
		t.Error(err)
	}
	if got := cap(blob.(*chunkedBlob).chunk); got > defaultInlineBytes+4096 {
		t.Errorf("the reader holds %d bytes", got)
	}
	must(t, blob.Close())
}

// TestCheckTells damages the engine's rows one way at a time.
func TestCheckTells(t *testing.T) {
	d := openOn(t, Options{InlineBytes: 1 << 10})
	keep := func(size int) store.BlobID {
		w := d.Stage(t.Context())
		_, err := w.Write(make([]byte, size))
		must(t, err)
		s, err := w.Finish()
		must(t, err)
		b := store.NewBatch()
		b.Raise(numbered(1))
		b.AddBlob(s)
		b.Ref(s.Ref().ID, []byte("owner"))
		must(t, store.Commit(t.Context(), d, b))
		return s.Ref().ID
	}
	small, large := keep(10), keep(5000)
	for want, write := range map[string]func(pb *pebble.Batch) error{
		"is missing, but": func(pb *pebble.Batch) error { return pb.Delete(appendIDKey(nil, rowBlob, small.ID), nil) },
		"in 4 chunks where 5000 bytes in 5": func(pb *pebble.Batch) error {
			return pb.Delete(appendChunkKey(nil, large, 4), nil)
		},
		"3072 bytes in 3 chunks": func(pb *pebble.Batch) error { return pb.Delete(appendChunkKey(nil, large, 3), nil) },
		"are missing": func(pb *pebble.Batch) error {
			return pb.DeleteRange(appendChunkKey(nil, large, 0), appendChunkKey(nil, large, 9), nil)
		},
		"the row of blob": func(pb *pebble.Batch) error { return pb.Set(appendIDKey(nil, rowBlob, small.ID), []byte{9}, nil) },
		"which is not there": func(pb *pebble.Batch) error {
			return pb.Set(appendChunkKey(nil, store.BlobID{ID: mail.NewID(time.Now())}, 0), nil, nil)
		},
		"number of partition":  func(pb *pebble.Batch) error { return pb.Set(appendPartitionKey(nil, numbered(1)), []byte{1}, nil) },
		"the key 0601 is dama": func(pb *pebble.Batch) error { return pb.Set([]byte{rowRef, 1}, nil, nil) },
	} {
		must(t, d.Check(t.Context(), func(problem string) { t.Errorf("before any damage: %s", problem) }))
		pb := d.pdb.NewIndexedBatch()
		must(t, write(pb))
		damaged := damagedCopy(t, d, pb)
		var told []string
		must(t, damaged.Check(t.Context(), func(problem string) { told = append(told, problem) }))
		must(t, damaged.Close())
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
}

// damagedCopy applies writes to a backup of the store.
func damagedCopy(t *testing.T, d *DB, pb *pebble.Batch) *DB {
	t.Helper()
	must(t, d.opt.FS.RemoveAll("damaged"))
	must(t, d.Backup(t.Context(), "damaged", nil))
	c, err := Open("damaged", Options{FS: d.opt.FS, InlineBytes: d.opt.InlineBytes})
	must(t, err)
	damage := c.pdb.NewBatch()
	must(t, damage.Apply(pb, nil))
	must(t, pb.Close())
	must(t, c.pdb.Apply(damage, pebble.Sync))
	must(t, c.Close())
	c, err = Open("damaged", Options{FS: d.opt.FS, InlineBytes: d.opt.InlineBytes})
	must(t, err)
	return c
}
