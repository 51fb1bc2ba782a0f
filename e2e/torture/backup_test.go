package torture

import (
	"errors"
	"net/smtp"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/e2e/witness"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

// TestBackup copies the store under load, and restores the copy on an empty machine: it holds everything that had been acknowledged when
// the backup began. A copy made in peace gives the same mailboxes byte for byte.
func TestBackup(t *testing.T) {
	m := newMachine(t)
	m.w.Begin()
	m.must(m.start())
	round := m.w.Start(m.addr, rig.Seed(t), witness.Bearing)
	m.must(round.Await(200, 0))
	// From now on nothing the clients are told counts; what they have under way, and a stranger's mail, goes on.
	m.w.End(nil)
	enough := make(chan struct{})
	ended := make(chan error, 1)
	addr := m.addr("smtp")
	go func() {
		for {
			select {
			case <-enough:
				ended <- nil
				return
			default:
			}
			if err := makeNoise(addr); err != nil {
				ended <- err
				return
			}
		}
	}()
	first := filepath.Join(t.TempDir(), "backup")
	m.backup(first)
	close(enough)
	m.must(<-ended)
	round.Finish()
	m.w.Sink.Drained()

	second := filepath.Join(t.TempDir(), "backup")
	m.backup(second)
	before, err := witness.Dump(m.addr)
	m.must(err)
	m.must(m.stop())

	other := m.restored(t, second)
	m.must(other.start())
	after, err := witness.Dump(other.addr)
	m.must(err)
	m.must(other.stop())
	if before != after {
		t.Errorf("the restored mailboxes are not the same: %d bytes, and were %d", len(after), len(before))
	}
	m.restored(t, first).whole()
}

// makeNoise sends a letter to somebody whose mail is not looked at.
func makeNoise(addr string) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := errors.Join(c.Mail("a@elsewhere.test"), c.Rcpt("noise@nord.test")); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, err = w.Write([]byte("Subject: noise\r\n\r\nnoise\r\n"))
	return errors.Join(err, w.Close(), c.Quit())
}

func (m *machine) backup(dir string) {
	m.t.Helper()
	_, err := m.app.Admin().Backup(m.t.Context(), adminapi.BackupTo{Dir: dir}, func(adminapi.Progress) error { return nil })
	m.must(err)
}

// restored is an empty machine on which a backup was put in the place of the store.
func (m *machine) restored(t *testing.T, backup string) *machine {
	t.Helper()
	empty := newDisk(vfs.NewCrashableMem())
	o := onDisk(t, m.w, empty)
	m.must(empty.MkdirAll(o.cfg.StoreDir(), 0o700))
	ok, err := vfs.Clone(m.disk.mem, empty.mem, backup, o.cfg.StoreDir())
	if err != nil || !ok {
		t.Fatalf("copy the backup: %v, %v", ok, err)
	}
	return o
}
