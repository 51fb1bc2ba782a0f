package clock

import (
	"context"
	"time"
)

// Clock tells and waits for time. Real and Fake implement it.
type Clock interface {
	// Now is the current time. The real clock's carries a monotonic reading.
	Now() time.Time
	// NewTimer gives a timer whose channel receives once, when d has passed; at once if d is not positive.
	NewTimer(d time.Duration) Timer
	// AfterFunc calls f when d has passed. On the real clock f has a goroutine of its own; on a fake one f runs inside
	// Advance, so f must be short and must not wait for the caller of Advance. The timer's channel is nil.
	AfterFunc(d time.Duration, f func()) Timer
	// Sleep waits for d or for the end of ctx, and then gives ctx's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Timer is one wait. It is made by a Clock.
type Timer interface {
	// C receives the time once when the timer fires; nil for AfterFunc. It is buffered: nobody needs to be listening.
	C() <-chan time.Time
	// Stop ends the wait and reports whether it was still going on. After Stop the channel holds no stale time.
	Stop() bool
	// Reset starts the wait anew with d and reports whether it was still going on.
	Reset(d time.Duration) bool
}

// Real is the system's clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) NewTimer(d time.Duration) Timer { return realTimer{time.NewTimer(d)} }

func (realClock) AfterFunc(d time.Duration, f func()) Timer { return realTimer{time.AfterFunc(d, f)} }

func (c realClock) Sleep(ctx context.Context, d time.Duration) error { return sleep(ctx, c, d) }

// realTimer relies on Go 1.23's timers: after Stop and Reset no stale time is received.
type realTimer struct{ *time.Timer }

func (t realTimer) C() <-chan time.Time { return t.Timer.C }

func sleep(ctx context.Context, c Clock, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	t := c.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
