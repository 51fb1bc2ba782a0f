package clock

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestFakeFiresInOrderAtDueTimes(t *testing.T) {
	f := NewFake(start)
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, name+" "+f.Now().Sub(start).String()) }
	}
	f.AfterFunc(3*time.Second, note("c"))
	f.AfterFunc(time.Second, note("a"))
	f.AfterFunc(time.Second, note("b"))
	f.AfterFunc(2*time.Second, func() { f.AfterFunc(time.Second/2, note("nested")) })
	f.AfterFunc(time.Minute, note("late"))
	stopped := f.AfterFunc(time.Second, note("stopped"))
	if !stopped.Stop() || stopped.Stop() {
		t.Fatal("Stop must report true once")
	}
	f.Advance(10 * time.Second)
	want := []string{"a 1s", "b 1s", "nested 2.5s", "c 3s"}
	if !slices.Equal(got, want) {
		t.Fatalf("fired %v, want %v", got, want)
	}
	if f.Now() != start.Add(10*time.Second) {
		t.Fatalf("clock stands at %v", f.Now())
	}
	if next, ok := f.Next(); !ok || next != start.Add(time.Minute) {
		t.Fatalf("next is %v %v", next, ok)
	}
}

func TestFakeTimerChannel(t *testing.T) {
	f := NewFake(start)
	tm := f.NewTimer(time.Second)
	f.Advance(999 * time.Millisecond)
	select {
	case <-tm.C():
		t.Fatal("fired too early")
	default:
	}
	f.Advance(time.Millisecond)
	if at := <-tm.C(); at != start.Add(time.Second) {
		t.Fatalf("fired at %v", at)
	}
	tm.Reset(time.Second)
	f.Advance(time.Second)
	tm.Stop() // drops the time that was not received
	select {
	case <-tm.C():
		t.Fatal("stale time after Stop")
	default:
	}
	if at := <-f.NewTimer(0).C(); at != f.Now() {
		t.Fatalf("a timer of no length fired at %v", at)
	}
}

func TestFakeSleepWaitsForAdvanceOrContext(t *testing.T) {
	f := NewFake(start)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sleep := func() chan error {
		done := make(chan error)
		go func() { done <- f.Sleep(ctx, time.Hour) }()
		if err := f.AwaitWaiters(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		return done
	}
	done := sleep()
	f.Advance(time.Hour)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	done = sleep()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if f.Waiters() != 0 {
		t.Fatal("Sleep left its timer armed")
	}
}

func TestRealClock(t *testing.T) {
	c := Real()
	before := c.Now()
	if err := c.Sleep(t.Context(), time.Microsecond); err != nil {
		t.Fatal(err)
	}
	if !c.Now().After(before) {
		t.Fatal("time did not pass")
	}
	called := make(chan struct{})
	c.AfterFunc(0, func() { close(called) })
	<-called
	tm := c.NewTimer(time.Hour)
	if !tm.Stop() {
		t.Fatal("Stop of a waiting timer must report true")
	}
}
