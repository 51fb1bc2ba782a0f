package pebblestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// A byte flipped anywhere in the log of a server that died is told by name, or matters to nobody. The last commit is beyond telling:
// nothing later in the log proves that it was synced, and a crash in the middle of it leaves the same.
func TestDamagedLogIsNamed(t *testing.T) {
	mem := vfs.NewCrashableMem()
	d, err := Open("store", Options{FS: mem})
	must(t, err)
	const commits = 60
	for i := range commits {
		b := store.NewBatch()
		b.Expect(numbered(1), uint64(i))
		b.Set(numbered(1).Key(byte(i)), bytes.Repeat([]byte{byte(i)}, 900))
		must(t, store.Commit(t.Context(), d, b))
	}
	mem = mem.CrashClone(vfs.CrashCloneCfg{})
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
			// Of the last commit nothing later tells. Pebble answers a sync a moment before it notes how far it went, so the last commit's
			// chunk may not tell of the one before either.
			if must(t, errors.Join(err, again.Close())); n < commits-2 {
				t.Fatalf("byte %d of %s is damaged: %d commits of %d are left, and nobody tells", at, name, n, commits)
			}
		}
	}
	if told == 0 {
		t.Fatal("no damage was told")
	}
}

// logOf makes a chunk of a log with an offset that tells what was synced.
func logOf(number uint32, synced int64, payload []byte) []byte {
	b := make([]byte, logHeader, logHeader+len(payload))
	binary.LittleEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6] = kindSync
	binary.LittleEndian.PutUint32(b[7:], number)
	binary.LittleEndian.PutUint64(b[logTrailer:], uint64(synced))
	b = append(b, payload...)
	sum := crc32.Checksum(b[6:], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(b, (sum>>15|sum<<17)+checksumOffset)
	return b
}

// TestMailIsNoProofOfDamage has a letter say that what a crash has torn was synced, as a chunk of the log would.
func TestMailIsNoProofOfDamage(t *testing.T) {
	const number = 7
	first, torn := logOf(number, 0, noise(1, 900)), make([]byte, 700)
	bad := int64(len(first))
	behind := bad + int64(len(torn))
	for _, c := range []struct {
		what    string
		last    []byte
		damaged bool
	}{
		{"nothing", nil, false},
		{"a chunk that knows of no more", logOf(number, bad, noise(2, 500)), false},
		{"a chunk that was written after the torn place was synced", logOf(number, behind, noise(2, 500)), true},
		{"a letter like that", logOf(number, bad, logOf(number, behind, noise(2, 500))), false},
		{"half a letter that knows what nobody can", logOf(number, behind+1, noise(2, 500)), false},
	} {
		fs := vfs.NewMem()
		f, err := fs.Create("000007.log", vfs.WriteCategoryUnspecified)
		must(t, err)
		_, err = f.Write(slices.Concat(first, torn, c.last, make([]byte, 4096)))
		must(t, errors.Join(err, f.Close()))
		if err := checkLog(fs, "000007.log", number); (err != nil) != c.damaged {
			t.Errorf("%s: %v", c.what, err)
		}
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

// A byte flipped anywhere in any file of a store that was closed in order is told, or all rows are as they were.
func TestDamageAnywhereIsToldOrHarmless(t *testing.T) {
	mem := vfs.NewMem()
	o := Options{FS: mem, MemTableBytes: 256 << 10, InlineBytes: 4 << 10}
	for life := range 3 {
		d, err := Open("store", o)
		must(t, err)
		fill(t, d, life)
		must(t, d.Close())
	}
	want := rowsOf(t, mem)
	names, err := mem.List("store")
	must(t, err)
	told := map[string]int{}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range names {
		info, err := mem.Stat("store/" + name)
		must(t, err)
		kind := strings.TrimRight(strings.TrimLeft(name, "0123456789"), "-0123456789")
		for range 8 {
			if info.Size() == 0 {
				continue
			}
			at := r.Int64N(info.Size())
			fs := copyOf(t, mem)
			flip(t, fs, "store/"+name, at)
			said := lookAt(t, fs, want)
			if said == "" {
				continue
			}
			told[kind]++
			if number := strings.TrimFunc(name, func(r rune) bool { return r < '0' || r > '9' }); !strings.Contains(said, number) {
				t.Errorf("byte %d of %s: told without its name: %s", at, name, said)
			}
		}
	}
	t.Logf("told: %v", told)
	for _, kind := range []string{".sst", ".blob", "MANIFEST"} {
		if told[kind] == 0 {
			t.Errorf("no damage in files %s was told: %v", kind, told)
		}
	}
}

// fill commits so much that tables, bodies' files and several entries of the manifest come to be.
func fill(t *testing.T, d *DB, life int) {
	t.Helper()
	p := numbered(1)
	for i := range 400 {
		b := store.NewBatch()
		b.Expect(p, uint64(400*life+i))
		b.Set(p.Key(byte(life), byte(i>>8), byte(i)), noise(400*life+i, 900+i))
		must(t, store.Commit(t.Context(), d, b))
	}
}

func noise(seed, size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b)
	return b
}

func copyOf(t *testing.T, from *vfs.MemFS) *vfs.MemFS {
	t.Helper()
	to := vfs.NewMem()
	ok, err := vfs.Clone(from, to, "store", "store")
	if err != nil || !ok {
		t.Fatalf("copy the store: %v, %v", ok, err)
	}
	return to
}

func rowsOf(t *testing.T, fs vfs.FS) string {
	t.Helper()
	d, err := Open("store", Options{FS: copyOf(t, fs.(*vfs.MemFS))})
	must(t, err)
	rows, err := allRows(t, d)
	must(t, errors.Join(err, d.Close()))
	return rows
}

func allRows(t *testing.T, d *DB) (string, error) {
	t.Helper()
	v, err := d.View(t.Context())
	if err != nil {
		return "", err
	}
	defer v.Close()
	sum := sha256.New()
	n := 0
	err = v.Scan(t.Context(), store.Range{}, func(key, value []byte) (bool, error) {
		fmt.Fprintf(sum, "%x %x\n", key, value)
		n++
		return true, nil
	})
	return fmt.Sprintf("%d rows, %x", n, sum.Sum(nil)), err
}

// lookAt opens and checks a store and gives what is said of it; nothing if it is whole, and then it must be so.
func lookAt(t *testing.T, fs vfs.FS, want string) string {
	t.Helper()
	d, err := Open("store", Options{FS: fs, MemTableBytes: 256 << 10, CacheBytes: 1 << 20})
	if err != nil {
		return err.Error()
	}
	var said []string
	err = d.Check(t.Context(), func(p string) { said = append(said, p) })
	if err == nil && len(said) == 0 {
		var rows string
		if rows, err = allRows(t, d); rows != want {
			t.Errorf("nothing is told, and there are %s, and were %s (error %v)", rows, want, err)
		}
	}
	if err := errors.Join(err, d.Close()); err != nil {
		said = append(said, err.Error())
	}
	return strings.Join(said, "; ")
}
