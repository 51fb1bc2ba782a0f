package pebblestore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeFolder makes the folder and its parents and syncs the entries, so that a crash does not forget the folder.
func makeFolder(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	var parents []string
	for p := fs.PathDir(dir); ; p = fs.PathDir(p) {
		parents = append(parents, p)
		if _, err := fs.Stat(p); err == nil || fs.PathDir(p) == p {
			break
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, p := range parents {
		f, err := fs.OpenDir(p)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// clearStillborn removes what a crash in the middle of making a new store may leave: Pebble syncs the names of the files
// it starts with all at once, so a later one may be there without an earlier one, and then it would not open. A store that
// has ever been open holds its format row, in a log with something in it or in a table; one without was never used.
func (d *DB) clearStillborn() error {
	names, err := d.fs.List(d.dir)
	if err != nil {
		return fmt.Errorf("list the store's folder: %w", err)
	}
	var remove []string
	for _, name := range names {
		path := d.fs.PathJoin(d.dir, name)
		switch {
		case strings.HasSuffix(name, ".sst"), strings.HasSuffix(name, ".blob"):
			return nil
		case strings.HasSuffix(name, ".log"):
			info, err := d.fs.Stat(path)
			if err != nil || info.Size() > 0 {
				return err
			}
			remove = append(remove, path)
		case strings.HasPrefix(name, "MANIFEST-"), strings.HasPrefix(name, "OPTIONS-"), strings.HasPrefix(name, "marker."):
			remove = append(remove, path)
		}
	}
	for _, path := range remove {
		if err := d.fs.Remove(path); err != nil {
			return fmt.Errorf("clear a store that was never finished: %w", err)
		}
	}
	return nil
}
