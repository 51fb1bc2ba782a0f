package pebblestore

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// newLog makes a log of a store on a disk in memory.
func newLog(t *testing.T, fs vfs.FS) (*fence, vfs.File) {
	t.Helper()
	if err := fs.MkdirAll("store", 0o700); err != nil {
		t.Fatal(err)
	}
	f := newFence(fs, "store")
	f.onFail = func(op, path string, err error) { t.Errorf("%s %s: %v", op, path, err) }
	log, err := f.Create("store/000007.log", "test")
	if err != nil {
		t.Fatal(err)
	}
	return f, log
}

// write writes a copy of p, as the disk in memory scrambles what it was given when it runs under the race detector.
func write(t *testing.T, to vfs.File, p []byte) {
	t.Helper()
	if n, err := to.Write(bytes.Clone(p)); n != len(p) || err != nil {
		t.Fatalf("wrote %d of %d: %v", n, len(p), err)
	}
}

func content(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLogIsFilledAhead(t *testing.T) {
	fs := vfs.NewMem()
	_, log := newLog(t, fs)
	r := rand.New(rand.NewPCG(1, 2))
	var want []byte
	lengths := map[int]bool{}
	for len(want) < 1<<20 {
		p := make([]byte, 1+r.IntN(20_000))
		for i := range p {
			p[i] = byte(1 + r.IntN(255))
		}
		write(t, log, p)
		want = append(want, p...)
		got := content(t, fs, "store/000007.log")
		if !bytes.HasPrefix(got, want) || len(bytes.Trim(got[len(want):], "\x00")) > 0 {
			t.Fatalf("after %d bytes the log is not what was written and zeros", len(want))
		}
		lengths[len(got)] = true
	}
	if len(lengths) > 6 { // 64 KiB, and then as far again as it is long
		t.Errorf("a log of 1 MiB grew %d times", len(lengths))
	}
}

func TestLogUsedAgainDoesNotGrow(t *testing.T) {
	fs := vfs.NewMem()
	f, log := newLog(t, fs)
	write(t, log, bytes.Repeat([]byte("old"), 1000))
	length := len(content(t, fs, "store/000007.log"))
	log, err := f.ReuseForWrite("store/000007.log", "store/000009.log", "test")
	if err != nil {
		t.Fatal(err)
	}
	fresh := bytes.Repeat([]byte("new"), length/3)
	write(t, log, fresh)
	if got := content(t, fs, "store/000009.log"); len(got) != length || !bytes.HasPrefix(got, fresh) {
		t.Errorf("%d bytes, were %d", len(got), length)
	}
}

// noAhead is a disk that takes nothing but what is written in order.
type noAhead struct{ vfs.FS }

func (n noAhead) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := n.FS.Create(name, c)
	return noAheadFile{f}, err
}

type noAheadFile struct{ vfs.File }

func (noAheadFile) WriteAt([]byte, int64) (int, error) { return 0, errors.New("no") }

func TestLogWithoutRoomAhead(t *testing.T) {
	fs := noAhead{vfs.NewMem()}
	_, log := newLog(t, fs) // which fails the test if the store is failed
	p := []byte("a record")
	write(t, log, p)
	write(t, log, p)
	if got := content(t, fs, "store/000007.log"); string(got) != "a recorda record" {
		t.Errorf("%q", got)
	}
}

// A backup copies the log while it is written: it must not find zeros and then what came meanwhile.
func TestLogIsReadAsFarAsItWasWritten(t *testing.T) {
	f, log := newLog(t, vfs.NewMem())
	write(t, log, []byte("before"))
	r, err := f.Open("store/000007.log")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(t, log, []byte("after"))
	if got, err := io.ReadAll(r); err != nil || string(got) != "before" {
		t.Errorf("%q, %v", got, err)
	}
}
