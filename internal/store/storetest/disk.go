package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// Disk tells RunDisk how to open the engine on a file system, with its data in the folder "store".
type Disk struct {
	Open func(fs vfs.FS) (store.Store, error)
	// LargeBlob is a size that does not travel in a commit any more.
	LargeBlob int
}

// RunDisk checks an engine that keeps its data in files on bad disks.
func RunDisk(t *testing.T, d Disk) {
	t.Run("CrashAtEverySync", func(t *testing.T) { crashAtEverySync(t, d) })
	t.Run("CrashAgainWhileRecovering", func(t *testing.T) { crashWhileRecovering(t, d) })
	t.Run("EveryWriteFails", func(t *testing.T) { everyWriteFails(t, d) })
	t.Run("NothingVisibleBeforeDurable", func(t *testing.T) { nothingBeforeDurable(t, d) })
	t.Run("OneSyncForAllWaiting", func(t *testing.T) { oneSyncForAll(t, d) })
	t.Run("ReadsGoOnAfterFailure", func(t *testing.T) { readsGoOn(t, d) })
	t.Run("FullDisk", func(t *testing.T) { fullDisk(t, d) })
	t.Run("DamageIsNamed", func(t *testing.T) { damageIsNamed(t, d) })
}

// hookFS calls a function around every sync and every write.
type hookFS struct {
	vfs.FS
	// onSync, if not nil, does the sync; onWrite may refuse a write, a sync, a create or a rename.
	onSync  func(name string, sync func() error) error
	onWrite func(op, name string) error
}

func (h *hookFS) write(op, name string) error {
	if h.onWrite == nil {
		return nil
	}
	return h.onWrite(op, name)
}

func (h *hookFS) sync(name string, sync func() error) error {
	if err := h.write("sync", name); err != nil {
		return err
	}
	if h.onSync == nil {
		return sync()
	}
	return h.onSync(name, sync)
}

func (h *hookFS) open(op, name string, open func() (vfs.File, error)) (vfs.File, error) {
	if err := h.write(op, name); err != nil {
		return nil, err
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	return &hookFile{File: f, h: h, name: name}, nil
}

func (h *hookFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return h.open("create", name, func() (vfs.File, error) { return h.FS.Create(name, c) })
}

func (h *hookFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return h.open("open", name, func() (vfs.File, error) { return h.FS.OpenReadWrite(name, c, o...) })
}

func (h *hookFS) OpenDir(name string) (vfs.File, error) {
	f, err := h.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &hookFile{File: f, h: h, name: name}, nil
}

func (h *hookFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return h.open("reuse", name, func() (vfs.File, error) { return h.FS.ReuseForWrite(old, name, c) })
}

func (h *hookFS) Rename(old, name string) error {
	if err := h.write("rename", name); err != nil {
		return err
	}
	return h.FS.Rename(old, name)
}

func (h *hookFS) Unwrap() vfs.FS { return h.FS }

type hookFile struct {
	vfs.File
	h    *hookFS
	name string
}

func (f *hookFile) Write(p []byte) (int, error) {
	if err := f.h.write("write", f.name); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *hookFile) Sync() error { return f.h.sync(f.name, f.File.Sync) }

func (f *hookFile) SyncData() error { return f.h.sync(f.name, f.File.SyncData) }

func (f *hookFile) SyncTo(length int64) (full bool, err error) {
	err = f.h.sync(f.name, func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

// errDisk is what a failing disk says.
var errDisk = errors.New("input/output error (made by a test)")

// gate holds syncs up while it is shut.
type gate struct {
	mu   sync.Mutex
	cond *sync.Cond
	shut bool
	held int // syncs waiting
}

func newGate() *gate {
	g := &gate{}
	g.cond = sync.NewCond(&g.mu)
	return g
}

func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held++
	g.cond.Broadcast()
	for g.shut {
		g.cond.Wait()
	}
	g.held--
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.cond.Broadcast()
}

// awaitHeld waits until a sync hangs in the gate.
func (g *gate) awaitHeld() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.held == 0 {
		g.cond.Wait()
	}
}

// quotaFS is a disk with little room, most of it taken by others.
type quotaFS struct {
	vfs.FS
	total uint64
	avail atomic.Uint64
}

func (q *quotaFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	avail := q.avail.Load()
	return vfs.DiskUsage{TotalBytes: q.total, AvailBytes: avail, UsedBytes: q.total - avail}, nil
}

// errNoSpace is what a full disk says.
const errNoSpace = syscall.ENOSPC
