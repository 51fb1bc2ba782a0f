package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store"
)

var errNotEmpty = errors.New("the folder for the backup is not empty")

// Backup writes a checkpoint: on the same file system files that never change are linked, not copied, so it takes
// seconds; elsewhere they are copied. Commits go on meanwhile.
func (d *DB) Backup(ctx context.Context, dir string, progress func(done, total int64)) error {
	if err := errors.Join(ctx.Err(), d.trouble()); err != nil {
		return err
	}
	d.copyMu.Lock()
	defer d.copyMu.Unlock()
	if d.opt.FS == vfs.Default {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return fmt.Errorf("find the backup's folder: %w", err)
		}
		dir = abs
	}
	if within(d.dir, dir) {
		return fmt.Errorf("back up the store: %s is inside the store's own folder", dir)
	}
	if err := makeRoomFor(d.opt.FS, dir); err != nil {
		return fmt.Errorf("back up the store to %s: %w", dir, err)
	}
	total := int64(d.pdb.Metrics().DiskSpaceUsage())
	m := &meter{dir: dir, tick: func() {}}
	if progress != nil {
		progress(0, total)
		m.tick = func() { progress(min(m.done.Load(), total), total) }
	}
	d.fs.meter.Store(m)
	defer d.fs.meter.Store(nil)
	failed := make(chan error, 1)
	go func() { failed <- d.pdb.Checkpoint(dir, pebble.WithFlushedWAL()) }()
	select {
	case err := <-failed:
		if err != nil {
			return fmt.Errorf("back up the store to %s: %w", dir, err)
		}
	case <-d.failed:
		return d.failure
	}
	if progress != nil {
		progress(total, total)
	}
	return nil
}

// makeRoomFor removes an empty folder, as a checkpoint wants none, and makes its parents.
func makeRoomFor(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err == nil && len(names) > 0 {
		return errNotEmpty
	}
	if err == nil {
		return fs.Remove(dir)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return makeFolder(fs, fs.PathDir(dir))
}

var _ store.Pending = (*job)(nil)
