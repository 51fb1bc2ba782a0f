package pebblestore

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fence stands between Pebble and the disk. The first write, sync or create that fails in the store's folder fails the
// store, and from then on nothing is written there by this instance any more: the calling goroutine is parked for ever.
// Pebble would end the process on some of these errors, try again for ever on others, and a background compaction could
// still delete files; parked, it can do none of it, and another instance may open the folder.
//
// Reads and everything outside the folder pass through.
type fence struct {
	vfs.FS
	dir     string
	onFail  func(op, path string, err error)
	failed  atomic.Bool
	forever chan struct{} // never closed
	meter   atomic.Pointer[meter]
	// lastRead is the file of the store that was opened last for reading, by its base name.
	lastRead atomic.Pointer[string]
	gone     goneLogs
	zeros    []byte   // what logs are filled with
	written  sync.Map // name → *logFile, of the logs that are being written
}

// meter counts the bytes that arrive in a folder outside, for a backup's progress.
type meter struct {
	dir  string
	done atomic.Int64
	tick func()
}

func newFence(fs vfs.FS, dir string) *fence {
	return &fence{FS: fs, dir: dir, forever: make(chan struct{}), gone: goneLogs{fs: fs, dir: dir}, zeros: make([]byte, zeroBytes)}
}

func within(dir, path string) bool {
	return path == dir || (strings.HasPrefix(path, dir) && path[len(dir)] == os.PathSeparator)
}

// pass parks the caller if the store has failed.
func (f *fence) pass() {
	if f.failed.Load() {
		<-f.forever
	}
}

// judge fails the store if the write failed, and parks the caller.
func (f *fence) judge(op, path string, err error) error {
	if err == nil {
		return nil
	}
	f.failed.Store(true)
	f.onFail(op, path, err)
	<-f.forever
	return err
}

func (f *fence) Unwrap() vfs.FS { return f.FS }

func (f *fence) wrap(op, name string, open func() (vfs.File, error)) (vfs.File, error) {
	if !within(f.dir, name) {
		file, err := open()
		if m := f.meter.Load(); err == nil && m != nil && within(m.dir, name) {
			return &meteredFile{File: file, m: m}, nil
		}
		return file, err
	}
	f.pass()
	file, err := open()
	if err = f.judge(op, name, err); err != nil {
		return nil, err
	}
	return &fencedFile{File: file, f: f, name: name}, nil
}

// Create implements vfs.FS. Before a marker, which says which manifest counts, the folder is synced: Pebble makes both and
// syncs the folder once, and a disk that keeps only the later name would leave a store that does not open.
func (f *fence) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if within(f.dir, name) && strings.HasPrefix(f.PathBase(name), "marker.") {
		f.pass()
		if err := f.judge("sync", f.dir, syncFolder(f.FS, f.dir)); err != nil {
			return nil, err
		}
	}
	file, err := f.wrap("create", name, func() (vfs.File, error) { return f.FS.Create(name, c) })
	if _, isLog := logNumber(f.PathBase(name)); err != nil || !isLog {
		return file, err
	}
	return f.ahead(file), nil
}

// OpenReadWrite implements vfs.FS.
func (f *fence) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.wrap("open", name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, opts...) })
}

// Open implements vfs.FS. It remembers which file is read, as Pebble does not always say which one it could not read.
func (f *fence) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if base := f.PathBase(name); within(f.dir, name) {
		f.lastRead.Store(&base)
	}
	file, err := f.FS.Open(name, opts...)
	if l, ok := f.written.Load(name); ok && err == nil {
		return &logSoFar{File: file, left: l.(*logFile).at.Load()}, nil //nolint:forcetypeassert // only those are in it
	}
	return file, err
}

// MkdirAll implements vfs.FS. Whatever folder the engine makes, in a backup too, holds everybody's mail: it is for its owner only.
func (f *fence) MkdirAll(dir string, _ os.FileMode) error { return f.FS.MkdirAll(dir, 0o700) }

// OpenDir implements vfs.FS.
func (f *fence) OpenDir(name string) (vfs.File, error) {
	return f.wrap("open folder", name, func() (vfs.File, error) { return f.FS.OpenDir(name) })
}

// ReuseForWrite implements vfs.FS.
func (f *fence) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if within(f.dir, oldname) {
		f.pass()
		f.gone.goes(f.PathBase(oldname))
	}
	file, err := f.wrap("reuse", newname, func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, c) })
	if err != nil {
		return nil, err
	}
	return f.ahead(file), nil // Pebble uses only logs again
}

// Rename implements vfs.FS.
func (f *fence) Rename(oldname, newname string) error {
	if !within(f.dir, newname) {
		return f.FS.Rename(oldname, newname)
	}
	f.pass()
	return f.judge("rename", newname, f.FS.Rename(oldname, newname))
}

// Remove implements vfs.FS. A file that cannot be removed costs room, not truth.
func (f *fence) Remove(name string) error {
	if within(f.dir, name) {
		f.pass()
		f.gone.goes(f.PathBase(name))
	}
	return f.FS.Remove(name)
}

// RemoveAll implements vfs.FS.
func (f *fence) RemoveAll(name string) error {
	if within(f.dir, name) {
		f.pass()
	}
	return f.FS.RemoveAll(name)
}

// Lock implements vfs.FS. The folder is locked already, by the store, which can give the lock back when Pebble cannot.
func (f *fence) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Link implements vfs.FS.
func (f *fence) Link(oldname, newname string) error {
	err := f.FS.Link(oldname, newname)
	if m := f.meter.Load(); err == nil && m != nil && within(m.dir, newname) {
		if info, statErr := f.FS.Stat(newname); statErr == nil {
			m.add(info.Size())
		}
	}
	return err
}

// fencedFile is a file in the store's folder.
type fencedFile struct {
	vfs.File
	f    *fence
	name string
}

func (w *fencedFile) Write(p []byte) (int, error) {
	w.f.pass()
	n, err := w.File.Write(p)
	return n, w.f.judge("write", w.name, err)
}

func (w *fencedFile) WriteAt(p []byte, off int64) (int, error) {
	w.f.pass()
	n, err := w.File.WriteAt(p, off)
	return n, w.f.judge("write", w.name, err)
}

func (w *fencedFile) Sync() error {
	w.f.pass()
	return w.f.judge("sync", w.name, w.File.Sync())
}

func (w *fencedFile) SyncData() error {
	w.f.pass()
	return w.f.judge("sync", w.name, w.File.SyncData())
}

func (w *fencedFile) SyncTo(length int64) (bool, error) {
	w.f.pass()
	full, err := w.File.SyncTo(length)
	return full, w.f.judge("sync", w.name, err)
}

// Close fails the store only where close is what tells of a lost write.
func (w *fencedFile) Close() error {
	err := w.File.Close()
	if errors.Is(err, os.ErrClosed) {
		return err
	}
	return w.f.judge("close", w.name, err)
}

// meteredFile is a file of a backup.
type meteredFile struct {
	vfs.File
	m *meter
}

func (w *meteredFile) Write(p []byte) (int, error) {
	n, err := w.File.Write(p)
	w.m.add(int64(n))
	return n, err
}

func (m *meter) add(n int64) {
	m.done.Add(n)
	m.tick()
}
