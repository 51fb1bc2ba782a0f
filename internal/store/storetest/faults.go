package storetest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// everyWriteFails runs the load again and again, and lets the disk fail at the 1st, 2nd … n-th write for good, until the
// load gets through.
func everyWriteFails(t *testing.T, d Disk) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for n := 0; ; n += step {
		ended, err := failAt(d, n)
		if err != nil {
			t.Fatalf("failing at write %d: %v", n, err)
		}
		if ended {
			t.Logf("%d places to fail", n)
			return
		}
		if n > 60 {
			step = max(step, 5) // what comes later is more of the same
		}
	}
}

// failAt has the n-th write and all later ones fail. ended is true if the load did not reach it.
func failAt(d Disk, n int) (ended bool, err error) {
	mem := vfs.NewCrashableMem()
	var writes, failed atomic.Int64
	fs := &hookFS{FS: mem, onWrite: func(_, name string) error {
		if path.Base(name) == "LOCK" || writes.Add(1) <= int64(n) {
			return nil
		}
		failed.Add(1)
		return errDisk
	}}
	l := &load{large: d.LargeBlob}
	st, err := d.Open(fs)
	if err != nil {
		if failed.Load() == 0 {
			return false, err
		}
		return false, l.verify(d, mem.CrashClone(vfs.CrashCloneCfg{}), promise{})
	}
	err = l.run(st)
	if err != nil && !errors.Is(err, store.ErrFailed) {
		return false, fmt.Errorf("the load ended with %w", err)
	}
	if err != nil {
		if _, err := st.Submit(ctx(), batchOf(account(0), "x", "y")); !errors.Is(err, store.ErrFailed) {
			return false, fmt.Errorf("after the failure Submit said %w", err)
		}
	}
	p := l.promise()
	closeErr := st.Close()
	if failed.Load() == 0 {
		return true, closeErr
	}
	if err != nil && !errors.Is(closeErr, store.ErrFailed) {
		return false, fmt.Errorf("after the failure Close said %w", closeErr)
	}
	// Both a machine that lost power then and one that went on must hold what was promised.
	return false, errors.Join(l.verify(d, mem.CrashClone(vfs.CrashCloneCfg{}), p), l.verify(d, mem, p))
}

// nothingBeforeDurable holds a sync up and looks whether anything shows (law 4).
func nothingBeforeDurable(t *testing.T, d Disk) {
	g := newGate()
	fs := &hookFS{FS: vfs.NewMem(), onSync: func(_ string, sync func() error) error {
		g.pass()
		return sync()
	}}
	st, err := d.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, st: st}
	p := account(1)
	e.must(e.commit(batchOf(p, "k", "old")))
	w := st.Watch(p)
	defer w.Close()
	g.set(true)
	staged := e.stage(bytesOf(1, 3*d.LargeBlob))
	b := batchOf(p, "k", "new")
	b.AddBlob(staged)
	b.Ref(staged.Ref().ID, p.Key('k'))
	first := e.submit(b)
	next := store.NewBatch()
	next.ExpectAfter(p, 2, b.ID)
	next.Set(p.Key('n'), []byte("x"))
	second := e.submit(next)
	stale := store.NewBatch()
	stale.Expect(p, 1)
	third := e.submit(stale)
	g.awaitHeld()

	ended, cancel := context.WithCancel(ctx())
	cancel()
	e.fails(first.Wait(ended), context.Canceled)
	e.fails(third.Wait(ended), context.Canceled) // a conflict would tell of what is not durable
	e.holds(p.Key('k'), "old")
	e.holds(p.Key('n'), "")
	e.blobGone(staged.Ref().ID)
	if n := e.number(p); n != 1 {
		t.Errorf("number %d shows before it is durable", n)
	}
	known, err := st.Committed(ctx(), b.ID)
	e.must(err)
	if known {
		t.Error("a batch is called committed before it is durable")
	}
	select {
	case <-w.C():
		t.Error("a watcher heard of a commit before it is durable")
	default:
	}
	g.set(false)
	e.must(e.wait(first))
	e.must(e.wait(second))
	e.fails(e.wait(third), store.ErrConflict)
	heard(t, w)
	if known, err = st.Committed(ctx(), b.ID); err != nil || !known {
		t.Errorf("the outcome nobody waited for is told as %v (error %v)", known, err)
	}
	e.holds(p.Key('k'), "new")
	e.blobHolds(staged.Ref().ID, bytesOf(1, 3*d.LargeBlob))
	e.close()
}

// oneSyncForAll checks that commits that wait together share a sync.
func oneSyncForAll(t *testing.T, d Disk) {
	const waiting = 200
	g := newGate()
	var syncs atomic.Int64
	fs := &hookFS{FS: vfs.NewMem(), onSync: func(_ string, sync func() error) error {
		syncs.Add(1)
		g.pass()
		return sync()
	}}
	st, err := d.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, st: st}
	g.set(true)
	pending := make([]store.Pending, waiting)
	for i := range pending {
		pending[i] = e.submit(batchOf(account(i), "k", "v"))
	}
	g.awaitHeld()
	before := syncs.Load()
	g.set(false)
	for _, p := range pending {
		e.must(e.wait(p))
	}
	if n := syncs.Load() - before; n > 40 {
		t.Errorf("%d commits that waited together took %d syncs", waiting, n)
	}
	e.close()
}

// readsGoOn fails the disk and reads on.
func readsGoOn(t *testing.T, d Disk) {
	var broken atomic.Bool
	fs := &hookFS{FS: vfs.NewMem(), onWrite: func(string, string) error {
		if broken.Load() {
			return errDisk
		}
		return nil
	}}
	st, err := d.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, st: st}
	p := account(1)
	content := bytesOf(1, 2*d.LargeBlob)
	id := e.keep(content, []byte("o"))
	e.must(e.commit(batchOf(p, "k", "v")))
	broken.Store(true)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := e.commit(batchOf(p, "k", "lost")); !errors.Is(err, store.ErrFailed) {
				t.Errorf("commit on a failed disk: %v", err)
			}
		})
	}
	wg.Wait()
	broken.Store(false)
	if err := e.commit(batchOf(p, "k", "lost")); !errors.Is(err, store.ErrFailed) {
		t.Errorf("a commit after the failure went on as if nothing were: %v", err)
	}
	w := st.Stage(ctx())
	if _, err := w.Write(bytesOf(1, 3*d.LargeBlob)); !errors.Is(err, store.ErrFailed) {
		t.Errorf("staging on a failed disk: %v", err)
	}
	w.Abort()
	if err := st.Backup(ctx(), "elsewhere", nil); !errors.Is(err, store.ErrFailed) {
		t.Errorf("backup of a failed store: %v", err)
	}
	e.holds(p.Key('k'), "v")
	e.blobHolds(id, content)
	e.fails(st.Close(), store.ErrFailed)
	again, err := d.Open(fs)
	if err != nil {
		t.Fatalf("open again: %v", err)
	}
	e.st = again
	e.blobHolds(id, content)
	e.must(e.commit(batchOf(p, "k", "again")))
	e.close()
}

// fullDisk takes the room away and gives it back.
func fullDisk(t *testing.T, d Disk) {
	const total = 1 << 30
	disk := &quotaFS{FS: vfs.NewMem(), total: total}
	disk.avail.Store(total / 2)
	st, err := d.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, st: st}
	p := account(1)
	id := e.keep(bytesOf(1, 3*d.LargeBlob), []byte("o"))
	small := e.stage(bytesOf(2, 10))
	withBody := func() *store.Batch {
		b := batchOf(p, "k", "v")
		b.AddBlob(small)
		b.Ref(small.Ref().ID, p.Key('k'))
		return b
	}

	disk.avail.Store(total / 40) // tight: no bodies, but people can clear up
	e.fails(e.commit(withBody()), store.ErrFull)
	e.holds(p.Key('k'), "")
	w := st.Stage(ctx())
	_, err = w.Write(bytesOf(3, 3*d.LargeBlob))
	e.fails(err, store.ErrFull)
	w.Abort()
	e.must(e.commit(batchOf(p, "d", "deleted")))
	e.unref(id, "o")
	e.sweep(1)

	disk.avail.Store(0) // full
	e.fails(e.commit(batchOf(p, "d", "more")), store.ErrFull)
	e.holds(p.Key('d'), "deleted")

	disk.avail.Store(total / 2)
	e.must(e.commit(withBody()))
	e.must(e.commit(batchOf(p, "d", "more")))
	e.blobHolds(small.Ref().ID, bytesOf(2, 10))
	e.check()
	e.close()
	noSpaceAtOnce(t, d)
}

// noSpaceAtOnce lets the disk fill up without warning.
func noSpaceAtOnce(t *testing.T, d Disk) {
	mem := vfs.NewCrashableMem()
	var full atomic.Bool
	fs := &hookFS{FS: mem, onWrite: func(string, string) error {
		if full.Load() {
			return errNoSpace
		}
		return nil
	}}
	st, err := d.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, st: st}
	p := account(1)
	e.must(e.commit(batchOf(p, "k", "v")))
	full.Store(true)
	err = e.commit(batchOf(p, "k", "lost"))
	e.fails(err, store.ErrFailed)
	e.fails(err, errNoSpace)
	e.fails(st.Close(), store.ErrFailed)
	if e.st, err = d.Open(mem.CrashClone(vfs.CrashCloneCfg{})); err != nil {
		t.Fatal(err)
	}
	e.holds(p.Key('k'), "v")
	e.close()
}

// damageIsNamed flips a byte in every data file, one at a time, and expects Check to tell or Open to refuse, unless the
// byte was one that nothing needs any more.
func damageIsNamed(t *testing.T, d Disk) {
	mem := vfs.NewCrashableMem()
	l := &load{large: d.LargeBlob}
	st, err := d.Open(mem)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.run(st); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err = d.Open(mem); err != nil { // opening again moves what is in the log into tables
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := mem.List("store")
	if err != nil {
		t.Fatal(err)
	}
	tables, named := 0, 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") && !strings.HasSuffix(name, ".blob") {
			continue
		}
		tables++
		damaged := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
		if err := flip(damaged, path.Join("store", name)); err != nil {
			t.Fatal(err)
		}
		if checkTells(d, damaged) != "" {
			named++
			continue
		}
		if err := l.verify(d, damaged, l.promise()); err != nil {
			t.Errorf("damage in %s was not found: %v", name, err)
		}
	}
	if named == 0 {
		t.Fatalf("of %d damaged files none was named", tables)
	}
}

// flip changes a byte near a file's start, where the data is.
func flip(fs vfs.FS, name string) error {
	f, err := fs.Open(name)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	content := make([]byte, info.Size())
	if _, err := f.ReadAt(content, 0); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	content[len(content)/20] ^= 0x20
	out, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := out.Write(content); err != nil {
		return err
	}
	return out.Close()
}

func checkTells(d Disk, fs vfs.FS) string {
	st, err := d.Open(fs)
	if err != nil {
		return err.Error()
	}
	told := ""
	if err := st.Check(ctx(), func(problem string) { told += problem + "\n" }); err != nil {
		told += err.Error()
	}
	_ = st.Close() // what a damaged store says at its end is not the point
	return told
}
