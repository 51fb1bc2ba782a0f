package pebblestore

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// A byte flipped anywhere in a log is told by name, or matters to nobody. The last commit is beyond telling: nothing later in the log
// proves that it was synced, and a crash in the middle of it leaves the same. So is the first log of a new store, which is of
// another form, without such proofs.
func TestDamagedLogIsNamed(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fresh, err := Open("store", Options{FS: mem})
	must(t, err)
	must(t, fresh.Close())
	damageLogs(t, mem)
}

func damageLogs(t *testing.T, mem *vfs.MemFS) {
	t.Helper()
	d, err := Open("store", Options{FS: mem})
	must(t, err)
	const commits = 60
	for i := range commits {
		b := store.NewBatch()
		b.Expect(numbered(1), uint64(i))
		b.Set(numbered(1).Key(byte(i)), bytes.Repeat([]byte{byte(i)}, 900))
		must(t, store.Commit(t.Context(), d, b))
	}
	must(t, d.Close())
	names, err := mem.List("store")
	must(t, err)
	told := 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		info, err := mem.Stat("store/" + name)
		must(t, err)
		for at := int64(0); at < info.Size(); at += 997 {
			fs := mem.CrashClone(vfs.CrashCloneCfg{})
			flip(t, fs, "store/"+name, at)
			again, err := Open("store", Options{FS: fs})
			if err != nil {
				told++
				if !strings.Contains(err.Error(), name) {
					t.Fatalf("byte %d of %s: %v", at, name, err)
				}
				continue
			}
			v, err := again.View(t.Context())
			must(t, err)
			n, err := v.Number(t.Context(), numbered(1))
			v.Close()
			if must(t, errors.Join(err, again.Close())); n < commits-1 {
				t.Fatalf("byte %d of %s is damaged: %d commits of %d are left, and nobody tells", at, name, n, commits)
			}
		}
	}
	if told == 0 {
		t.Fatal("no damage was told")
	}
}

func flip(t *testing.T, fs vfs.FS, path string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(t, err)
	_, err = f.WriteAt([]byte{b[0] ^ 0x55}, at)
	must(t, err)
	must(t, errors.Join(f.Sync(), f.Close()))
}
