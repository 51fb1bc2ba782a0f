package pebblestore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// TestABackupIsForItsOwnerOnly looks at the folder that is everybody's mail, made where everybody may look.
func TestABackupIsForItsOwnerOnly(t *testing.T) {
	d := openOn(t, Options{FS: vfs.Default})
	b := store.NewBatch()
	b.Raise(numbered(1))
	must(t, store.Commit(t.Context(), d, b))
	parent := t.TempDir()
	must(t, os.Chmod(parent, 0o755))
	empty := filepath.Join(parent, "empty")
	must(t, os.Mkdir(empty, 0o755))
	for _, dir := range []string{filepath.Join(parent, "new"), empty, filepath.Join(parent, "more", "than", "one")} {
		must(t, d.Backup(t.Context(), dir, nil))
		info, err := os.Stat(dir)
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", dir, info.Mode())
		}
	}
}
