package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/e2e/witness"
	"github.com/posthorn-mail/posthorn/internal/app"
	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

// patience bounds every wait in real time.
const patience = time.Minute

// machine is a computer with a disk and our program.
type machine struct {
	t    *testing.T
	w    *witness.Witness
	cfg  config.Config
	disk *disk
	log  *logBuffer
	// clock is the program's; nil for the real one.
	clock clock.Clock

	app    *app.App
	cancel context.CancelFunc
	done   chan error
}

// logBuffer is the program's log.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newMachine is a machine with an empty disk, and the first life of the server on it, in peace.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if testing.Short() {
		t.Skip("left out of -short")
	}
	w, err := witness.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Sink.Close)
	m := onDisk(t, w, newDisk(vfs.NewCrashableMem()))
	w.Begin()
	m.must(m.start())
	m.must(m.people())
	m.must(w.Prepare(m.addr))
	m.must(m.stop())
	w.End(nil)
	return m
}

// onDisk is a machine with this disk that is switched off.
func onDisk(t *testing.T, w *witness.Witness, d *disk) *machine {
	t.Helper()
	conf := fmt.Sprintf("hostname = %q\ndata = %q\n[listen]\ntrusted = [\"127.0.0.1/32\"]\n", "mx.nord.test", t.TempDir())
	for _, name := range []string{"smtp", "submissions", "imaps", "pop3s"} {
		conf += name + " = [\"127.0.0.1:0\"]\n"
	}
	conf += fmt.Sprintf("submission = []\nlmtp = []\nimap = []\npop3 = []\nmetrics = []\n"+
		"[[route]]\ndomains = [\"sink.test\"]\nhost = %q\ntls = \"none\"\n", w.Sink.Addr())
	cfg, err := config.Parse("posthorn.toml", []byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, w: w, cfg: cfg, disk: d, log: &logBuffer{}}
	t.Cleanup(func() {
		if m.cancel != nil {
			_ = m.stop()
		}
		if t.Failed() {
			log := m.log.String()
			t.Logf("the end of the log:\n%s", log[max(0, len(log)-3000):])
		}
	})
	return m
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) people() error {
	ctx := m.t.Context()
	if _, err := m.app.Admin().AddDomain(ctx, adminapi.NewDomain{Name: "nord.test"}); err != nil {
		return err
	}
	for _, p := range append(witness.People(), "noise@nord.test") {
		a, err := mail.ParseAddress(p)
		if err != nil {
			return err
		}
		_, err = m.app.Admin().AddAccount(ctx, adminapi.NewAccount{
			Addresses: []mail.Address{a}, Password: witness.Secret, Lang: text.EN,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// start starts the program; an error means that it does not come up.
func (m *machine) start() error {
	zone, err := resolve.ParseZone("nord.test. 300 IN MX 10 mx.nord.test.\n", "")
	if err != nil {
		return err
	}
	a, err := app.New(m.cfg, app.World{
		FS: m.disk, Clock: m.clock, Resolver: zone, Log: slog.New(slog.NewTextHandler(m.log, nil)),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	select {
	case <-a.Ready():
	case err := <-done:
		cancel()
		return fmt.Errorf("run: %w", err)
	}
	m.app, m.cancel, m.done = a, cancel, done
	return nil
}

// stop ends the program in order.
func (m *machine) stop() error {
	m.cancel()
	m.cancel = nil
	return m.ended()
}

// ended waits for the program's end.
func (m *machine) ended() error {
	select {
	case err := <-m.done:
		return err
	case <-time.After(2 * patience):
		return errors.New("the program does not stop")
	}
}

func (m *machine) addr(listener string) string {
	a := m.app.Addr(listener)
	if a == nil {
		return ""
	}
	return a.String()
}

// Waiting implements witness.Office.
func (m *machine) Waiting() (map[string][]string, error) {
	waiting := map[string][]string{}
	var q adminapi.QueueFilter
	for {
		items, err := m.app.Admin().QueueList(m.t.Context(), q)
		if err != nil || len(items) == 0 {
			return waiting, err
		}
		for i := range items {
			id := items[i].Message.ID.String()
			for _, r := range items[i].Recipients {
				waiting[id] = append(waiting[id], r.Recipient.Address.String())
			}
			q.After = items[i].Message.ID
		}
	}
}

// Stories implements witness.Office.
func (m *machine) Stories(most int) (map[string][]string, error) {
	stories := map[string][]string{}
	for q := (adminapi.Recent{Max: most}); q.Max > 0; q.Max = most - len(stories) {
		page, err := m.app.Admin().RecentJourneys(m.t.Context(), q)
		if err != nil || len(page) == 0 {
			return stories, err
		}
		for _, j := range page {
			var told []string
			for _, e := range j.Events {
				told = append(told, e.Say(text.EN))
			}
			stories[j.ID.String()] = told
		}
		q.Before = page[len(page)-1].ID
	}
	return stories, nil
}

// Retry implements witness.Office.
func (m *machine) Retry(ids []string) error {
	var errs []error
	for _, s := range ids {
		id, err := mail.ParseID(s)
		if err == nil {
			_, err = m.app.Admin().QueueRetry(m.t.Context(), adminapi.MessageName{ID: mail.MessageID{ID: id}})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// whole starts a server that is switched off and compares everything with what was told, up to what the sink must have.
func (m *machine) whole() {
	m.t.Helper()
	m.w.Begin()
	m.must(m.start())
	m.must(m.w.Audit(m.addr, witness.Thorough))
	m.must(m.w.Settle(m))
	m.sound()
	m.must(m.stop())
	m.w.End(nil)
	m.t.Log(m.w.Figures())
}

// sound has the program check its store.
func (m *machine) sound() {
	m.t.Helper()
	for _, f := range m.findings() {
		m.t.Errorf("check says %q", f)
	}
}

// findings is what check finds bad in the store.
func (m *machine) findings() []string {
	m.t.Helper()
	var out []string
	_, err := m.app.Admin().Check(m.t.Context(), adminapi.CheckWhat{Depth: adminapi.Full}, func(f adminapi.Finding) error {
		if f.Key == text.CheckStoreDamaged {
			out = append(out, f.Say(text.EN))
		}
		return nil
	})
	if err != nil {
		out = append(out, err.Error())
	}
	return out
}
