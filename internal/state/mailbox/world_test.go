package mailbox

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// tester is what tests, benchmarks and rapid have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world is a service on a disk that can crash.
type world struct {
	t   tester
	fs  *vfs.MemFS
	db  *pebblestore.DB
	svc *Service
	opt Options

	tune     func(*Service)   // applied to each service opened
	shared   store.StagedBlob // the body of messages that are only many
	sharedIn bool
}

func newWorld(t tester, opt Options) *world {
	w := &world{t: t, fs: vfs.NewCrashableMem(), opt: opt}
	if w.opt.Clock == nil {
		w.opt.Clock = clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	db, err := pebblestore.Open("store", pebblestore.Options{FS: w.fs})
	if err != nil {
		w.t.Fatalf("open store: %v", err)
	}
	w.db, w.svc = db, New(db, w.opt)
	if w.tune != nil {
		w.tune(w.svc)
	}
}

// restart opens everything again. With lose, what was not synced is lost as far as the disk may lose it.
func (w *world) restart(lose bool) {
	w.t.Helper()
	if lose {
		fs := w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
		w.close()
		w.fs = fs
	} else {
		w.close()
	}
	w.open()
}

func (w *world) close() {
	w.t.Helper()
	w.svc.Close()
	if err := w.db.Close(); err != nil {
		w.t.Fatalf("close store: %v", err)
	}
}

func (w *world) birth(limit Quota) *Account {
	w.t.Helper()
	id := mail.AccountID{ID: mail.NewID(w.opt.Clock.Now())}
	b := store.NewBatch()
	w.svc.Birth(b, id, BirthOptions{Quota: limit})
	if err := store.Commit(context.Background(), w.db, b); err != nil {
		w.t.Fatalf("birth: %v", err)
	}
	return w.svc.Account(id)
}

// summaryOf makes the summary of a small message.
func summaryOf(size int64, id, subject string, refs ...string) *message.Summary {
	return &message.Summary{
		Size:     size,
		Envelope: message.Envelope{MessageID: id, Subject: subject, References: refs},
		Root:     message.Part{Type: "text", Subtype: "plain", Encoding: "7bit", BodyStart: min(size, 10), End: size},
	}
}

func (w *world) stage(body string) store.StagedBlob {
	w.t.Helper()
	bw := w.db.Stage(context.Background())
	if _, err := io.WriteString(bw, body); err != nil {
		w.t.Fatalf("stage: %v", err)
	}
	s, err := bw.Finish()
	if err != nil {
		w.t.Fatalf("stage: %v", err)
	}
	return s
}

// message makes an append of a body to an account's inbox.
func (w *world) message(a *Account, n int) (Append, store.StagedBlob) {
	s := w.stage(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", n, n))
	return Append{
		Account: a.ID(), Blob: s.Ref(), Summary: summaryOf(s.Ref().Size, fmt.Sprintf("<%d@test>", n), fmt.Sprint(n)),
	}, s
}

// deliver puts message n into the inbox.
func (w *world) deliver(a *Account, n int) Appended {
	w.t.Helper()
	ap, s := w.message(a, n)
	out, err := w.svc.Deliver(context.Background(), []Append{ap}, func(b *store.Batch) error {
		b.AddBlob(s)
		return nil
	})
	if err != nil {
		w.t.Fatalf("deliver: %v", err)
	}
	return out[0]
}

func (w *world) byPath(a *Account, path string) Mailbox {
	w.t.Helper()
	m, err := a.ByPath(context.Background(), path)
	if err != nil {
		w.t.Fatalf("find %s: %v", path, err)
	}
	return m
}

func (w *world) view(a *Account, id mail.MailboxID) *View {
	w.t.Helper()
	v, err := a.Open(context.Background(), id)
	if err != nil {
		w.t.Fatalf("open mailbox: %v", err)
	}
	return v
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, k mail.Kind) {
	t.Helper()
	if !mail.IsKind(err, k) {
		t.Fatalf("got error %v, want kind %v", err, k)
	}
}
