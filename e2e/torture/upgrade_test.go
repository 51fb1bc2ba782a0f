package torture

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/e2e/witness"
	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/interop/node"
)

// written is the store that a build with format 1 has left, what its IMAP server showed of it, and its queue's ids:
// POSTHORN_KEEP=1 go test -run TestUpgrade ./e2e/torture makes it anew. Each landed format keeps its own.
const written = "testdata/format-1"

// TestUpgrade has today's build open the store of an older one and read all of it, at the hour when that was switched off: later, what it
// holds in its queue would rightly have been given back.
func TestUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of -short")
	}
	if os.Getenv("POSTHORN_KEEP") != "" {
		keep(t)
	}
	want, err := os.ReadFile(filepath.Join(written, "mailboxes.txt"))
	must(t, err)
	queue, err := os.ReadFile(filepath.Join(written, "queue.txt"))
	must(t, err)
	ids := strings.Fields(string(queue))
	w, err := witness.New()
	must(t, err)
	w.Sink.Close() // nobody takes what waits
	m := onDisk(t, w, newDisk(vfs.NewMem()))
	copied, err := vfs.Clone(vfs.Default, m.disk.mem, filepath.Join(written, "store"), m.cfg.StoreDir())
	must(t, err)
	if !copied {
		t.Fatal("no store in", written)
	}
	last, err := mail.ParseID(slices.Max(ids))
	must(t, err)
	m.clock = clockAt{Clock: clock.Real(), behind: time.Since(last.Time())}
	must(t, m.start())
	got, err := witness.Dump(m.addr)
	must(t, err)
	if got != string(want) {
		t.Errorf("the mailboxes are not what they were when they were written; now:\n%s", got)
	}
	waiting, err := m.Waiting()
	must(t, err)
	for _, id := range ids {
		if len(waiting[id]) == 0 {
			t.Errorf("message %s is not in the queue any more: %v", id, waiting)
		}
	}
	m.sound()
	must(t, m.stop())
}

// clockAt is a clock that goes as the real one does, and is behind it.
type clockAt struct {
	clock.Clock
	behind time.Duration
}

// Now implements clock.Clock.
func (c clockAt) Now() time.Time { return c.Clock.Now().Add(-c.behind) }

// TestDowngrade has today's build refuse the store of a newer one, in words.
func TestDowngrade(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary; left out of -short")
	}
	n := nodeOn(t)
	dir := filepath.Join(n.Dir, "data", "store")
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join(written, "store"))))
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: silent{}})
	must(t, err)
	must(t, db.Set([]byte{0x01}, binary.BigEndian.AppendUint32(nil, 99), pebble.Sync)) // the row that tells the format
	must(t, db.Close())
	const words = "has format 99, and this build knows formats up to"
	if _, err := n.CLI("", "check"); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("check says %v", err)
	}
	bin, err := node.Binary()
	must(t, err)
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), bin, "--config", filepath.Join(n.Dir, "posthorn.toml"), "--lang", "en", "serve")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err == nil || !strings.Contains(said.String(), words) {
		t.Errorf("serve says %s (%v)", said.String(), err)
	}
}

// silent is a log for nobody.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(f string, a ...any) {
	panic(f)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nodeOn is a real server with no store. Nobody listens where its queue would send.
func nodeOn(t *testing.T) *node.Node {
	t.Helper()
	n, err := node.New(t.TempDir(), node.Options{Hostname: "mx.nord.test", Config: "trusted = [\"127.0.0.1/32\"]\n" +
		"[dns]\nservers = [\"127.0.0.1:1\"]\n[[route]]\ndomains = [\"sink.test\"]\nhost = \"127.0.0.1:1\"\ntls = \"none\"\n"})
	must(t, err)
	return n
}

// keep makes the store anew, by a real server under a short load.
func keep(t *testing.T) {
	t.Helper()
	n := nodeOn(t)
	_, err := n.CLI("", "domain", "add", "nord.test")
	must(t, err)
	for _, p := range witness.People() {
		_, err := n.CLI(witness.Secret+"\n", "account", "add", p)
		must(t, err)
	}
	w, err := witness.New()
	must(t, err)
	defer w.Sink.Close()
	w.Begin()
	must(t, n.Start())
	must(t, w.Prepare(n.Addr))
	round := w.Start(n.Addr, 5, witness.UntilCut)
	must(t, round.Await(40, 0))
	round.Finish()
	must(t, w.Verdict())
	must(t, n.Stop())
	must(t, n.Start()) // moves the log into tables
	dump, err := witness.Dump(n.Addr)
	must(t, err)
	queue, err := n.CLI("", "queue", "list")
	must(t, err)
	must(t, n.Stop())
	must(t, os.RemoveAll(written))
	must(t, os.CopyFS(filepath.Join(written, "store"), os.DirFS(filepath.Join(n.Dir, "data", "store"))))
	must(t, os.WriteFile(filepath.Join(written, "mailboxes.txt"), []byte(dump), 0o600))
	var ids []string
	for line := range strings.Lines(queue) {
		if words := strings.Fields(line); len(words) > 0 && len(words[0]) == 20 {
			ids = append(ids, words[0])
		}
	}
	must(t, os.WriteFile(filepath.Join(written, "queue.txt"), []byte(strings.Join(ids, "\n")+"\n"), 0o600))
}
