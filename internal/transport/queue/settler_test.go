package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// gatedDisk holds the first commit back until it is opened, and counts them. It may fail once.
type gatedDisk struct {
	store.Store
	gate chan struct{}
	mu   sync.Mutex
	n    int   // guarded by mu
	most int   // guarded by mu: bytes of the largest
	fail error // guarded by mu: of the next
}

func (d *gatedDisk) Submit(ctx context.Context, b *store.Batch) (store.Pending, error) {
	<-d.gate
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	d.most = max(d.most, b.Size())
	if err := d.fail; err != nil {
		d.fail = nil
		return nil, err
	}
	return d.Store.Submit(ctx, b)
}

// ended opens the gate when so many attempts are over and wait to be written down.
func (d *gatedDisk) ended(f *office, n int) {
	f.t.Helper()
	waitFor(f.t, func() bool { return len(f.q.settling) == n })
	close(d.gate)
}

// gated is an office on a gated disk with messages in its queue, which are being tried.
func gated(t *testing.T, ms func(f *office) []Message) (*office, *gatedDisk) {
	t.Helper()
	f := newOffice(t, Options{})
	d := &gatedDisk{Store: f.st, gate: make(chan struct{})}
	for _, m := range ms(f) {
		f.store(&m)
	}
	f.q.st, f.bells.st = d, d
	f.run()
	return f, d
}

func toMany(n int) func(*office) []Message {
	return func(f *office) (ms []Message) {
		for i := range n {
			ms = append(ms, f.message(fmt.Sprintf("a@d%d.test", i)))
		}
		return ms
	}
}

// TestOneCommitSettlesAllThatWait has many attempts end while the disk is busy with the first.
func TestOneCommitSettlesAllThatWait(t *testing.T) {
	const n = 50
	f, d := gated(t, toMany(n))
	d.ended(f, n)
	f.settled()
	f.expectRows(0)
	// The first, and one for all that waited; an attempt is counted a moment before it waits, so a few may come by themselves.
	if d.n > n/10 {
		t.Errorf("%d commits", d.n)
	}
}

// TestLegsThatEndTogether are of one message: the last of them takes its row away.
func TestLegsThatEndTogether(t *testing.T) {
	f, d := gated(t, func(f *office) []Message { return []Message{f.message("a@x.test", "b@y.test", "c@z.test")} })
	d.ended(f, 3)
	f.settled()
	f.expectRows(0)
}

// TestFullDiskWhileManyAreSettled refuses the commit that many share: each goes on alone, and nothing is sent twice.
func TestFullDiskWhileManyAreSettled(t *testing.T) {
	const n = 20
	f, d := gated(t, toMany(n))
	d.fail = store.ErrFull
	d.ended(f, n)
	f.settled()
	f.expectRows(0)
	if got := len(f.jobs.attempts()); got != n {
		t.Errorf("%d attempts", got)
	}
}

// TestFailedCommitLeavesTheMessages fails the commit that many share: they are tried again.
func TestFailedCommitLeavesTheMessages(t *testing.T) {
	const n = 5
	f, d := gated(t, toMany(n))
	d.fail = errors.New("disk on fire")
	d.ended(f, n)
	f.settled()
	f.advance(2*lapEvery, lapEvery)
	f.expectRows(0)
	if got := len(f.jobs.attempts()); got <= n {
		t.Errorf("%d attempts", got)
	}
}

// TestSomeAreToldOf settles together those that were delivered and those whose senders get a notice.
func TestSomeAreToldOf(t *testing.T) {
	const n = 20
	f, d := gated(t, func(f *office) []Message {
		f.jobs.set(func(j Job) Report {
			if j.Destination == "d7.test" {
				return all(Failed, "550 no")(j)
			}
			return allOK(j)
		})
		return toMany(n)(f)
	})
	d.ended(f, n)
	f.settled()
	f.expectRows(0)
	f.expect("notices", f.bells.notices(), []string{"failed a@d7.test"})
}

// TestACommitSettlesNoMoreThanTheStoreTakes has servers say much about each of very many recipients.
func TestACommitSettlesNoMoreThanTheStoreTakes(t *testing.T) {
	const n = 50
	f, d := gated(t, func(f *office) (ms []Message) {
		f.jobs.set(all(Deferred, "450 "+strings.Repeat("x", maxReply)))
		for i := range n {
			var to []string
			for k := range maxLeg {
				to = append(to, fmt.Sprintf("r%d@d%d.test", k, i))
			}
			ms = append(ms, f.message(to...))
		}
		return ms
	})
	d.ended(f, n)
	f.settled()
	f.expectRows(n)
	if most := maxGroup + 300<<10; d.most < maxGroup/2 || d.most > most {
		t.Errorf("a commit of %d bytes, at most %d are wanted", d.most, most)
	}
	if got := len(f.jobs.attempts()); got != n {
		t.Errorf("%d attempts", got)
	}
}
