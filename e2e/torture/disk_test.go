package torture

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is a file system that does to the store what a test wants.
type disk struct {
	vfs.FS
	mem *vfs.MemFS

	mu sync.Mutex // guards what follows
	// beforeSync runs before each sync, fault decides about each write, sync, create and rename.
	beforeSync func()
	fault      func(op string) error

	total, avail atomic.Uint64 // what GetDiskUsage says
}

func newDisk(mem *vfs.MemFS) *disk {
	d := &disk{FS: mem, mem: mem}
	d.total.Store(1 << 40)
	d.avail.Store(1 << 39)
	return d
}

func (d *disk) set(beforeSync func(), fault func(op string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.beforeSync, d.fault = beforeSync, fault
}

func (d *disk) act(op string) error {
	d.mu.Lock()
	before, fault := d.beforeSync, d.fault
	d.mu.Unlock()
	if op == "sync" && before != nil {
		before()
	}
	if fault == nil {
		return nil
	}
	return fault(op)
}

func (d *disk) wrap(op string, open func() (vfs.File, error)) (vfs.File, error) {
	if err := d.act(op); err != nil {
		return nil, err
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	return &file{File: f, d: d}, nil
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap("create", func() (vfs.File, error) { return d.FS.Create(name, c) })
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return d.wrap("open", func() (vfs.File, error) { return d.FS.OpenReadWrite(name, c, o...) })
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &file{File: f, d: d}, nil
}

func (d *disk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap("create", func() (vfs.File, error) { return d.FS.ReuseForWrite(old, name, c) })
}

func (d *disk) Rename(old, name string) error {
	if err := d.act("rename"); err != nil {
		return err
	}
	return d.FS.Rename(old, name)
}

func (d *disk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	total, avail := d.total.Load(), d.avail.Load()
	return vfs.DiskUsage{TotalBytes: total, AvailBytes: avail, UsedBytes: total - avail}, nil
}

func (d *disk) Unwrap() vfs.FS { return d.FS }

type file struct {
	vfs.File
	d *disk
}

func (f *file) Write(p []byte) (int, error) {
	if err := f.d.act("write"); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *file) Sync() error {
	if err := f.d.act("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *file) SyncData() error {
	if err := f.d.act("sync"); err != nil {
		return err
	}
	return f.File.SyncData()
}

func (f *file) SyncTo(length int64) (bool, error) {
	if err := f.d.act("sync"); err != nil {
		return false, err
	}
	return f.File.SyncTo(length)
}
