package queue

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// office is a queue with everything around it under the test's hand: the disk, the clock, the other servers, the notices.
type office struct {
	t     testing.TB
	fs    *vfs.MemFS
	st    store.Store
	clk   *clock.Fake
	q     *Queue
	jobs  *fakeSender
	bells *fakeNotifier
	js    *journey.Journeys
	stop  func()
	o     Options
}

func newOffice(t testing.TB, o Options) *office {
	t.Helper()
	f := &office{t: t, fs: vfs.NewCrashableMem(), clk: clock.NewFake(start), o: o}
	f.open()
	t.Cleanup(func() { f.close() })
	return f
}

func (f *office) open() {
	f.t.Helper()
	st, err := pebblestore.Open("db", pebblestore.Options{FS: f.fs, Clock: f.clk})
	if err != nil {
		f.t.Fatal(err)
	}
	f.st = st
	f.js = journey.New(st, journey.Options{Clock: f.clk})
	f.bells = &fakeNotifier{st: st, clk: f.clk}
	f.jobs = newFakeSender()
	o := f.o
	o.Clock, o.Journeys, o.Notifier = f.clk, f.js, f.bells
	if f.q, err = Open(context.Background(), st, o); err != nil {
		f.t.Fatal(err)
	}
	f.stop = func() {}
}

func (f *office) close() {
	if f.st == nil {
		return
	}
	f.stop()
	_ = f.js.Close()
	if err := f.st.Close(); err != nil {
		f.t.Error(err)
	}
	f.st = nil
}

// crash throws away what is not on the disk, and opens the rest.
func (f *office) crash() {
	f.t.Helper()
	disk := f.fs.CrashClone(vfs.CrashCloneCfg{})
	f.close()
	f.fs = disk
	f.open()
}

func (f *office) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	q, jobs := f.q, f.jobs
	go func() { done <- q.Run(ctx, jobs) }()
	stopped := false
	f.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		jobs.release()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	}
}

func addr(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func (f *office) message(to ...string) Message {
	m := Message{ID: mail.MessageID{ID: mail.NewID(f.clk.Now())}, From: addr("anna@us.test")}
	for _, s := range to {
		m.Recipients = append(m.Recipients, mail.Recipient{Address: addr(s)})
	}
	return m
}

// add commits messages with a body each, and wakes the queue.
func (f *office) add(ms ...Message) {
	f.t.Helper()
	for i := range ms {
		f.store(&ms[i])
		f.q.Wake(ms[i])
	}
}

// store puts a message into the queue without a word to it.
func (f *office) store(m *Message) {
	f.t.Helper()
	b, body := f.batch()
	m.Blob = body
	f.q.Add(b, *m)
	f.commit(b)
}

// batch makes one with a body.
func (f *office) batch() (*store.Batch, store.BlobRef) {
	f.t.Helper()
	w := f.st.Stage(f.t.Context())
	_, _ = io.WriteString(w, "Subject: x\r\n\r\n")
	staged, err := w.Finish()
	if err != nil {
		f.t.Fatal(err)
	}
	b := store.NewBatch()
	b.AddBlob(staged)
	return b, staged.Ref()
}

func (f *office) commit(b *store.Batch) {
	f.t.Helper()
	if err := store.Commit(f.t.Context(), f.st, b); err != nil {
		f.t.Fatal(err)
	}
}

// expectRows checks how many messages are in the queue, and that an empty queue has left nothing behind.
func (f *office) expectRows(n int) {
	f.t.Helper()
	if got, err := f.q.count(f.t.Context()); err != nil || got != n {
		f.t.Fatalf("%d messages in the queue, want %d, %v", got, n, err)
	}
	if n > 0 {
		return
	}
	v, err := f.st.View(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	defer v.Close()
	for p := range Partitions {
		_ = v.Scan(f.t.Context(), store.PrefixRange(partitionAt(p).Key()), func(key, _ []byte) (bool, error) {
			f.t.Errorf("left behind: %q", key[store.PrefixLen:])
			return true, nil
		})
	}
}

func (f *office) kinds(id mail.MessageID) []journey.Kind {
	f.t.Helper()
	s, err := f.js.Read(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	var out []journey.Kind
	for _, e := range s.Events {
		out = append(out, e.Kind)
	}
	return out
}

// atRest reports whether no attempt is going on, and the loop is asleep.
func (f *office) atRest() bool {
	f.q.mu.Lock()
	defer f.q.mu.Unlock()
	return len(f.q.win.known) == f.q.win.waiting() && f.q.asleep && f.q.until.After(f.clk.Now())
}

// settled waits until the queue is at rest.
func (f *office) settled() {
	f.t.Helper()
	until := time.Now().Add(30 * time.Second)
	for {
		if f.atRest() {
			return
		}
		if time.Now().After(until) {
			f.t.Fatal("the queue does not come to rest: " + f.restless())
		}
		time.Sleep(100 * time.Microsecond) // polls; nothing depends on how long it takes
	}
}

// restless says what the queue is at.
func (f *office) restless() string {
	f.q.mu.Lock()
	defer f.q.mu.Unlock()
	w := &f.q.win
	return fmt.Sprintf("%d known, %d waiting, %d busy, asleep %v until %v, now %v, kicks %d, next %v, lap %v, %d sleepers",
		len(w.known), w.waiting(), w.busy, f.q.asleep, f.q.until, f.clk.Now(), len(f.q.kick), w.next, w.lap, len(w.sleepy))
}

// waiting is how many legs in memory are not being tried.
func (w *window) waiting() int {
	n := 0
	for _, d := range w.dests {
		n += len(d.ready)
	}
	return n
}

// advance moves the clock in steps, letting the queue come to rest after each.
func (f *office) advance(d, step time.Duration) {
	f.t.Helper()
	for ; d > 0; d -= step {
		f.clk.Advance(step)
		f.settled()
	}
}

// fakeSender answers attempts as a function says, or holds them until they are released.
type fakeSender struct {
	mu     sync.Mutex
	answer func(Job) Report // guarded by mu
	seen   []string         // guarded by mu: "destination: recipients"
	busy   map[string]int   // guarded by mu
	most   map[string]int   // guarded by mu
	gate   chan struct{}    // attempts wait for it if it is not nil
	closed bool             // guarded by mu
	came   chan string      // every attempt's destination
}

func newFakeSender() *fakeSender {
	return &fakeSender{busy: map[string]int{}, most: map[string]int{}, came: make(chan string, 1<<20), answer: allOK}
}

func all(s Status, reply string) func(Job) Report {
	return func(j Job) Report {
		var r Report
		for range j.Recipients {
			r.Results = append(r.Results, Result{Status: s, Reply: reply, Server: "mx.test", Enhanced: "2.0.0"})
		}
		return r
	}
}

var allOK = all(Delivered, "250 ok")

func dead(j Job) Report {
	r := all(Deferred, "connection refused")(j)
	r.Unreachable = true
	return r
}

func (s *fakeSender) set(f func(Job) Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

func (s *fakeSender) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil && !s.closed {
		close(s.gate)
		s.closed = true
	}
}

func (s *fakeSender) Send(ctx context.Context, j Job) Report {
	s.mu.Lock()
	var to []string
	for _, r := range j.Recipients {
		to = append(to, r.Address.String())
	}
	s.seen = append(s.seen, strings.Join(to, ","))
	s.busy[j.Destination]++
	s.most[j.Destination] = max(s.most[j.Destination], s.busy[j.Destination])
	answer, gate := s.answer, s.gate
	s.mu.Unlock()
	s.came <- j.Destination
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[j.Destination]--
	return answer(j)
}

func (s *fakeSender) attempts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.seen
	s.seen = nil
	slices.Sort(out)
	return out
}

// fakeNotifier commits what it is told to join, as intake does, and remembers what was told.
type fakeNotifier struct {
	st   store.Store
	clk  *clock.Fake
	mu   sync.Mutex
	told []string // guarded by mu
	fail error    // guarded by mu
}

func (n *fakeNotifier) Notify(ctx context.Context, no Notice, join func(*store.Batch, mail.MessageID) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		return n.fail
	}
	b := store.NewBatch()
	if err := join(b, mail.MessageID{ID: mail.NewID(n.clk.Now())}); err != nil {
		return err
	}
	if err := store.Commit(ctx, n.st, b); err != nil {
		return err
	}
	for _, o := range no.About {
		word := map[Action]string{ActionFailed: "failed", ActionDelayed: "delayed", ActionDelivered: "delivered", ActionRelayed: "relayed"}[o.Action]
		if o.Expired {
			word = "expired"
		}
		n.told = append(n.told, word+" "+o.Recipient.Address.String())
	}
	return nil
}

func (n *fakeNotifier) notices() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.told
	n.told = nil
	return out
}

func (n *fakeNotifier) broken(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fail = err
}

func (f *office) expect(what string, got, want []string) {
	f.t.Helper()
	if !slices.Equal(got, want) {
		f.t.Fatalf("%s: %q, want %q", what, got, want)
	}
}

func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); !ok(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(until) {
			t.Fatal("it does not happen")
		}
	}
}
