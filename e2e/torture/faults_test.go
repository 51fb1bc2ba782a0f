package torture

import (
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/e2e/witness"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

// TestFailingDisk has the disk fail in the middle of the load. The server must say yes to nothing more, tell why in the log, and end;
// the next one on the same disk, healthy again, and the one after a loss of power at that moment must have everything.
func TestFailingDisk(t *testing.T) {
	from := rig.Seed(t)
	for i, c := range []struct {
		name string
		op   string // which operation fails; empty: all
		err  error
	}{
		{"EIO on write", "write", syscall.EIO},
		{"EIO on sync", "sync", syscall.EIO},
		{"full at once", "write", syscall.ENOSPC},
		{"read-only", "", syscall.EROFS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			r := rand.New(rand.NewPCG(from, uint64(i)))
			for range 2 {
				m.fail(r, c.op, c.err)
			}
			m.whole()
		})
	}
}

// fail is one life of the server that ends with the disk's failure.
func (m *machine) fail(r *rand.Rand, op string, disease error) {
	m.t.Helper()
	m.w.Begin()
	m.must(m.start())
	m.must(m.w.Audit(m.addr, witness.Quick))
	round := m.w.Start(m.addr, r.Uint64(), witness.Bearing)
	m.must(round.Await(20+r.IntN(60), 0))
	n := int64(1 + r.IntN(20))
	var seen atomic.Int64
	m.disk.set(nil, func(what string) error {
		if (op == "" || what == op) && seen.Add(1) >= n {
			return disease
		}
		return nil
	})
	err := m.ended()
	m.cancel()
	m.cancel = nil
	round.Cut()
	if !errors.Is(err, store.ErrFailed) {
		m.t.Errorf("the server ended with %v", err)
	}
	log := m.log.String()
	if !strings.Contains(log, "the disk failed") || !strings.Contains(log, disease.Error()) {
		m.t.Errorf("the log does not say that the disk failed and how (%v)", disease)
	}
	left := m.disk.mem
	if r.IntN(2) == 0 {
		left = left.CrashClone(vfs.CrashCloneCfg{})
	}
	m.w.Sink.Drained()
	m.w.End(nil)
	m.must(m.w.Verdict())
	m.disk = newDisk(left)
}

// TestFullDisk takes the room away and gives it back: refusals meanwhile, and life goes on by itself.
func TestFullDisk(t *testing.T) {
	m := newMachine(t)
	m.w.Begin()
	m.must(m.start())
	round := m.w.Start(m.addr, rig.Seed(t), witness.Bearing)
	for range 3 {
		m.must(round.Await(40, 0))
		m.disk.avail.Store(0)
		m.must(round.Await(0, 30))
		m.disk.avail.Store(1 << 39)
	}
	m.must(round.Await(100, 0))
	round.Finish()
	m.must(m.w.Verdict())
	if m.w.Figures().Refused == 0 {
		t.Error("no letter was refused while the disk was full")
	}
	if !strings.Contains(m.log.String(), "full") {
		t.Error("the log does not say that the disk is full")
	}
	m.must(m.w.Audit(m.addr, witness.Thorough))
	m.must(m.stop())
	m.w.End(nil)
	m.whole()
}

// TestSlowDisk has every sync take long: clients wait, nobody is refused, nothing is lost.
func TestSlowDisk(t *testing.T) {
	m := newMachine(t)
	slow := 100 * time.Millisecond
	if s := os.Getenv("POSTHORN_SYNC"); s != "" {
		var err error
		slow, err = time.ParseDuration(s)
		m.must(err)
	}
	m.w.Begin()
	m.must(m.start())
	m.disk.set(func() { time.Sleep(slow) }, nil)
	round := m.w.Start(m.addr, rig.Seed(t), witness.Bearing)
	m.must(round.Await(60, 0))
	round.Finish()
	m.must(m.w.Verdict())
	if n := m.w.Figures().Refused; n > 0 {
		t.Errorf("%d letters were refused because the disk is slow", n)
	}
	m.disk.set(nil, nil)
	m.must(m.stop())
	m.w.End(nil)
	m.whole()
}

// TestDamage flips a byte in each file of the store, one at a time and at random places (POSTHORN_FLIPS of them in each, 2 otherwise): the
// server does not start and names the file, or check tells what is affected, or the byte was one that nothing needs any more, and then
// everything is there, byte for byte. The server was stopped in order before.
func TestDamage(t *testing.T) {
	m := newMachine(t)
	from := rig.Seed(t)
	for i := range 3 { // each start moves what is in the log into tables
		m.w.Begin()
		m.must(m.start())
		round := m.w.Start(m.addr, from+uint64(i), witness.Bearing)
		m.must(round.Await(100, 0))
		round.Finish()
		m.must(m.stop())
		m.w.Sink.Drained()
		m.w.End(nil)
	}
	m.must(m.start())
	mailboxes, err := witness.Dump(m.addr)
	m.must(err)
	m.must(m.stop())
	whole := m.disk.mem
	dir := m.cfg.StoreDir()
	names, err := whole.List(dir)
	m.must(err)
	told, harmless := 0, 0
	r := rand.New(rand.NewPCG(from, 9))
	digits := regexp.MustCompile(`[0-9]+`)
	for _, name := range names {
		for range rig.Setting(t, "POSTHORN_FLIPS", 2) {
			at, said := m.damage(whole, dir, name, mailboxes, r)
			if said == "" {
				harmless++
				continue
			}
			told++
			first, _, _ := strings.Cut(said, "\n")
			t.Logf("byte %d of %s, %d findings, for %d accounts: %s", at, name, strings.Count(said, "\n")+1, accountsIn(said), first)
			if number := digits.FindString(name); !strings.Contains(said, number) {
				t.Errorf("the damage at byte %d of %s is told without its name: %s", at, name, said)
			}
		}
	}
	t.Logf("told: %d, harmless: %d", told, harmless)
	if told == 0 {
		t.Errorf("no damage mattered in %v", names)
	}
}

// damage flips a byte somewhere in a file of a copy of the disk and gives where, and what the program says of it: nothing if it did no harm.
func (m *machine) damage(whole *vfs.MemFS, dir, name, mailboxes string, r *rand.Rand) (at int64, said string) {
	m.t.Helper()
	fs := whole.CrashClone(vfs.CrashCloneCfg{})
	path := fs.PathJoin(dir, name)
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	m.must(err)
	info, err := f.Stat()
	m.must(err)
	if info.Size() == 0 {
		return 0, ""
	}
	at = r.Int64N(info.Size())
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	m.must(err)
	_, err = f.WriteAt([]byte{b[0] ^ 0x55}, at)
	m.must(err)
	m.must(f.Sync())
	m.must(f.Close())
	m.disk = newDisk(fs)
	if err := m.start(); err != nil {
		return at, err.Error()
	}
	defer func() { _ = m.stop() }()
	found := m.findings()
	if len(found) == 0 {
		if now, err := witness.Dump(m.addr); err != nil || now != mailboxes {
			m.t.Errorf("check finds no damage at byte %d of %s, but the mailboxes are not what they were (error %v)", at, name, err)
		}
	}
	return at, strings.Join(found, "\n")
}

// accountsIn counts the accounts that findings name.
func accountsIn(said string) (n int) {
	for _, p := range witness.People() {
		if strings.Contains(said, p) {
			n++
		}
	}
	return n
}
