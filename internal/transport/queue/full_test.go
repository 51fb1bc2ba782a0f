package queue

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// fullDisk is a store that can run out of room.
type fullDisk struct {
	store.Store
	full   atomic.Bool
	denied atomic.Int32
}

func (d *fullDisk) Submit(ctx context.Context, b *store.Batch) (store.Pending, error) {
	if d.full.Load() {
		d.denied.Add(1)
		return nil, store.ErrFull
	}
	return d.Store.Submit(ctx, b)
}

// What was sent and cannot be written down for want of room is not sent again.
func TestFullDiskMakesNoDoubles(t *testing.T) {
	f := newOffice(t, Options{})
	d := &fullDisk{Store: f.st}
	f.q.st, f.bells.st = d, d
	f.run()
	f.jobs.set(func(j Job) Report {
		d.full.Store(true)
		return allOK(j)
	})
	m := f.message("a@x.test")
	f.add(m)
	waitFor(t, func() bool { return d.denied.Load() > 0 })
	for range 5 {
		before := d.denied.Load()
		waitFor(t, func() bool { f.clk.Advance(time.Second); return d.denied.Load() > before })
	}
	d.full.Store(false)
	waitFor(t, func() bool {
		f.clk.Advance(time.Second)
		has, err := f.q.Has(t.Context(), m.ID)
		return err == nil && !has
	})
	f.expect("attempts", f.jobs.attempts(), []string{"a@x.test"})
	f.settled()
	f.expectRows(0)
}

// sentToFullDisk is an office with hardly any grace whose disk became full while its message was sent.
func sentToFullDisk(t *testing.T) (*office, *fullDisk) {
	t.Helper()
	f := newOffice(t, Options{Grace: time.Nanosecond})
	d := &fullDisk{Store: f.st}
	f.q.st, f.bells.st = d, d
	f.run()
	f.jobs.set(func(j Job) Report {
		d.full.Store(true)
		return allOK(j)
	})
	f.add(f.message("a@x.test"))
	waitFor(t, func() bool { return d.denied.Load() > 0 })
	return f, d
}

// stopInTime wants the queue to stop as its clock goes on.
func stopInTime(t *testing.T, f *office) {
	t.Helper()
	stopped := make(chan struct{})
	go func() { f.stop(); close(stopped) }()
	waitFor(t, func() bool {
		f.clk.Advance(time.Millisecond)
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	})
}

// A queue that is to stop does not wait for room.
func TestFullDiskDoesNotKeepTheQueueFromStopping(t *testing.T) {
	f, _ := sentToFullDisk(t)
	stopInTime(t, f)
}

// What was sent before a stop is written down if there is room by then, and so not sent again by the next start.
func TestRoomBeforeTheStopMakesNoDoubles(t *testing.T) {
	f, d := sentToFullDisk(t)
	d.full.Store(false)
	stopInTime(t, f)
	f.expectRows(0)
}
