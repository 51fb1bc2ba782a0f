package queue

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// modelled is a message as the model has it: its recipients who are not settled, and whether it is held.
type modelled struct {
	open map[string]bool
	held bool
}

// model compares the queue with the plainest thing that does the same: a map. Other servers decide by the recipient's name: d… is
// delivered, f… failed, w… put off, and u… not reachable; whatever is put off is delivered once the weather is good.
type model struct {
	*office
	disk     *fullDisk
	good     bool
	messages map[mail.MessageID]*modelled
	taken    map[string]int // how often a recipient was delivered
	failed   map[string]bool
	n        int
}

func (m *model) answer(j Job) Report {
	var r Report
	for _, rc := range j.Recipients {
		res := Result{Status: Delivered, Reply: "250 ok"}
		switch l := rc.Address.Local[0]; {
		case l == 'f':
			res = Result{Status: Failed, Reply: "550 no"}
		case !m.good && l == 'w':
			res = Result{Status: Deferred, Reply: "450 later"}
		case !m.good && l == 'u':
			res = Result{Status: Deferred, Reply: "nobody"}
			r.Unreachable = true
		}
		if res.Status == Delivered {
			m.taken[rc.Address.String()]++
		}
		r.Results = append(r.Results, res)
	}
	return r
}

// happened moves the model on by what the queue must have done with all that is not held and due.
func (m *model) happened() {
	for id, mm := range m.messages {
		for to := range mm.open {
			if m.taken[to] > 0 || to[0] == 'f' && m.failed[to] {
				delete(mm.open, to)
			}
		}
		if len(mm.open) == 0 {
			delete(m.messages, id)
		}
	}
}

func (m *model) check(t *rapid.T) {
	m.settled()
	for _, n := range m.bells.notices() {
		var word, to string
		_, _ = fmt.Sscan(n, &word, &to)
		if word == "failed" {
			if m.failed[to] {
				t.Fatalf("told twice: %s", n)
			}
			m.failed[to] = true
		}
	}
	m.happened()
	if n, err := m.q.Depth(m.t.Context()); err != nil || n != len(m.messages) {
		t.Fatalf("a depth of %d, the model has %d, %v", n, len(m.messages), err)
	}
	items, err := m.q.List(m.t.Context(), Filter{Max: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	if len(items) != len(m.messages) {
		t.Fatalf("%d messages, the model has %d", len(items), len(m.messages))
	}
	for _, it := range items {
		mm := m.messages[it.Message.ID]
		if mm == nil || mm.held != it.Held || len(mm.open) != len(it.Recipients) {
			t.Fatalf("%+v, the model has %+v", it, mm)
		}
		for _, w := range it.Recipients {
			if !mm.open[w.Recipient.Address.String()] {
				t.Fatalf("%s is settled", w.Recipient.Address)
			}
		}
	}
	for to, n := range m.taken {
		if n > 1 {
			t.Fatalf("%s was delivered %d times", to, n)
		}
	}
}

func (m *model) pick(t *rapid.T) (mail.MessageID, *modelled) {
	if len(m.messages) == 0 {
		t.Skip("none there")
	}
	var ids []mail.MessageID
	for id := range m.messages {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b mail.MessageID) int { return a.Compare(b.ID) })
	id := rapid.SampledFrom(ids).Draw(t, "message")
	return id, m.messages[id]
}

// work starts the queue, on a disk that can be full.
func (m *model) work() {
	m.disk = &fullDisk{Store: m.st}
	m.q.st, m.bells.st = m.disk, m.disk
	m.jobs.set(m.answer)
	m.run()
}

// retried waits until all who found the disk full have tried again, for which time has to pass: a second now and then, as mail must not grow
// old by it.
func (m *model) retried() {
	polls := 0
	waitFor(m.t, func() bool {
		if polls++; polls%20 == 0 {
			m.clk.Advance(time.Second)
		}
		return m.atRest()
	})
}

// addTo adds a message to a few recipients.
func (m *model) addTo(t *rapid.T) {
	var to []string
	for range rapid.IntRange(1, 5).Draw(t, "recipients") {
		m.n++
		to = append(to, fmt.Sprintf("%s%d@%s.test", rapid.SampledFrom([]string{"d", "f", "w", "u"}).Draw(t, "fate"), m.n,
			rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "domain")))
	}
	msg := m.message(to...)
	mm := &modelled{open: map[string]bool{}}
	for _, r := range to {
		mm.open[r] = true
	}
	m.messages[msg.ID] = mm
	m.add(msg)
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{office: newOffice(t, Options{Window: 16}), messages: map[mail.MessageID]*modelled{}, taken: map[string]int{}, failed: map[string]bool{}}
		m.work()
		admin := func(do func(mail.MessageID) error, want func(*modelled) bool, then func(mail.MessageID, *modelled)) func(*rapid.T) {
			return func(t *rapid.T) {
				id, mm := m.pick(t)
				err := do(id)
				if ok := want(mm); ok != (err == nil) || err != nil && !mail.IsKind(err, mail.KindNotAllowed) {
					t.Fatalf("%v, the model says %v", err, ok)
				}
				if err == nil {
					then(id, mm)
				}
			}
		}
		always := func(*modelled) bool { return true }
		ctx := t.Context()
		rt.Repeat(map[string]func(*rapid.T){
			"":    m.check,
			"add": m.addTo,
			"time passes": func(t *rapid.T) {
				m.advance(time.Duration(rapid.IntRange(1, 12).Draw(t, "minutes"))*time.Minute, time.Minute)
			},
			"hold":    admin(func(id mail.MessageID) error { return m.q.Hold(ctx, id, "") }, always, func(_ mail.MessageID, mm *modelled) { mm.held = true }),
			"release": admin(func(id mail.MessageID) error { return m.q.Release(ctx, id, "") }, func(mm *modelled) bool { return mm.held }, func(_ mail.MessageID, mm *modelled) { mm.held = false }),
			"retry":   admin(func(id mail.MessageID) error { return m.q.Retry(ctx, id, "") }, func(mm *modelled) bool { return !mm.held }, func(mail.MessageID, *modelled) {}),
			"cancel":  admin(func(id mail.MessageID) error { return m.q.Cancel(ctx, id, "") }, always, func(id mail.MessageID, _ *modelled) { delete(m.messages, id) }),
			"crash": func(*rapid.T) {
				m.settled()
				m.crash()
				m.work()
			},
			"the disk is full for a while": func(t *rapid.T) {
				m.disk.full.Store(true)
				for range rapid.IntRange(1, 8).Draw(t, "messages") {
					m.addTo(t)
				}
				for range rapid.IntRange(0, 20).Draw(t, "seconds") {
					m.clk.Advance(time.Second)
					runtime.Gosched() // so that something may happen; nothing depends on it
				}
				m.disk.full.Store(false)
				m.retried()
			},
			"notices fail for a while": func(*rapid.T) { m.bells.broken(errors.New("broken")) },
			"notices work":             func(*rapid.T) { m.bells.broken(nil) },
		})
		// In good weather all that is not held gets through.
		m.bells.broken(nil)
		m.jobs.mu.Lock()
		m.good = true
		m.jobs.mu.Unlock()
		m.advance(10*time.Hour, 10*time.Minute)
		m.check(rt)
		for _, mm := range m.messages {
			if !mm.held {
				rt.Fatalf("still waiting: %+v", mm)
			}
		}
		m.close()
		*m.office = office{} // of ten thousand runs only the last is to be in memory
	})
}
