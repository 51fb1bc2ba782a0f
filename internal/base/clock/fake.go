package clock

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Fake is a clock that stands still until it is told to move. It is safe for use by many goroutines; Advance and Set are
// meant for one at a time.
type Fake struct {
	mu      sync.Mutex
	now     time.Time     // guarded by mu
	timers  []*fakeTimer  // guarded by mu; sorted by due time, then by birth
	births  uint64        // guarded by mu
	changed chan struct{} // guarded by mu; closed and replaced when a timer is armed
}

// NewFake gives a clock that stands at now.
func NewFake(now time.Time) *Fake {
	return &Fake{now: now, changed: make(chan struct{})}
}

// Now is where the clock stands.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// NewTimer gives a timer that fires when Advance reaches its due time.
func (f *Fake) NewTimer(d time.Duration) Timer {
	t := &fakeTimer{clock: f, c: make(chan time.Time, 1)}
	t.Reset(d)
	return t
}

// AfterFunc calls fn inside the Advance that reaches its due time; at once, on a goroutine of its own, if d is not positive.
func (f *Fake) AfterFunc(d time.Duration, fn func()) Timer {
	t := &fakeTimer{clock: f, fn: fn}
	t.Reset(d)
	return t
}

// Sleep waits until Advance has moved the clock by d.
func (f *Fake) Sleep(ctx context.Context, d time.Duration) error { return sleep(ctx, f, d) }

// Advance moves the clock by d and fires every timer that falls due on the way, also those armed by the ones that fire.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	to := f.now.Add(d)
	f.mu.Unlock()
	f.Set(to)
}

// Set moves the clock to a time, firing what falls due on the way. A time in the past moves it back and fires nothing, as
// when somebody sets a system's clock.
func (f *Fake) Set(to time.Time) {
	for {
		t := f.nextDue(to)
		if t == nil {
			return
		}
		t.fire()
	}
}

// nextDue takes the first timer due by to and moves the clock there; if there is none it moves the clock to its goal.
func (f *Fake) nextDue(to time.Time) *fakeTimer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.timers) == 0 || f.timers[0].due.After(to) {
		f.now = to
		return nil
	}
	t := f.timers[0]
	f.timers = f.timers[1:]
	t.armed = false
	if t.due.After(f.now) {
		f.now = t.due
	}
	return t
}

// Next is when the next timer falls due; false if none is armed.
func (f *Fake) Next() (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.timers) == 0 {
		return time.Time{}, false
	}
	return f.timers[0].due, true
}

// Waiters is how many timers are armed.
func (f *Fake) Waiters() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.timers)
}

// AwaitWaiters returns when at least n timers are armed, so that a test knows that the goroutine under test has reached its wait.
func (f *Fake) AwaitWaiters(ctx context.Context, n int) error {
	for {
		f.mu.Lock()
		enough, changed := len(f.timers) >= n, f.changed
		f.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type fakeTimer struct {
	clock *Fake
	c     chan time.Time
	fn    func()

	armed bool      // guarded by clock.mu
	due   time.Time // guarded by clock.mu
	birth uint64    // guarded by clock.mu
}

func (t *fakeTimer) C() <-chan time.Time { return t.c }

func (t *fakeTimer) fire() {
	if t.fn != nil {
		t.fn()
		return
	}
	select {
	case t.c <- t.clock.Now():
	default:
	}
}

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.disarm()
}

// disarm wants clock.mu held.
func (t *fakeTimer) disarm() bool {
	was := t.armed
	if was {
		i := slices.Index(t.clock.timers, t)
		t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
		t.armed = false
	}
	if t.c != nil {
		select {
		case <-t.c:
		default:
		}
	}
	return was
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	f := t.clock
	f.mu.Lock()
	was := t.disarm()
	if d > 0 {
		t.arm(d)
		f.mu.Unlock()
		return was
	}
	f.mu.Unlock()
	if t.fn != nil {
		go t.fn()
		return was
	}
	t.fire()
	return was
}

// arm wants clock.mu held.
func (t *fakeTimer) arm(d time.Duration) {
	f := t.clock
	f.births++
	t.due, t.birth, t.armed = f.now.Add(d), f.births, true
	i, _ := slices.BinarySearchFunc(f.timers, t, func(a, b *fakeTimer) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		if a.birth < b.birth {
			return -1
		}
		return 1
	})
	f.timers = slices.Insert(f.timers, i, t)
	close(f.changed)
	f.changed = make(chan struct{})
}
