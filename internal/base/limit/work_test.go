package limit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWorkHoldsHalfOfTheProcessors(t *testing.T) {
	w := NewWork()
	places := w.free
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 100 {
				w.Do(Key(rune('a'+i%5)), func() {
					n := inside.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					inside.Add(-1)
				})
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n < 1 || n > int64(places) {
		t.Errorf("%d were inside at a time, and %d may", n, places)
	}
	if w.free != places || len(w.waiting) != 0 || len(w.round) != 0 {
		t.Errorf("%d of %d places are free, %d wait", w.free, places, len(w.waiting))
	}
}

// line has pieces wait behind one that is being done, one after the other, and gives the order in which they are done once it ends.
func line(t *testing.T, w *Work, keys ...Key) []Key {
	t.Helper()
	var wg sync.WaitGroup
	var order []Key // guarded by the one place that there is
	w.Do("first", func() {
		for i, k := range keys {
			wg.Go(func() { w.Do(k, func() { order = append(order, k) }) })
			for waits(w) <= i {
			}
		}
	})
	wg.Wait()
	return order
}

// waits is how many wait.
func waits(w *Work) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, q := range w.round {
		n += len(q.turns)
	}
	return n
}

// TestWorkTakesTurns: who has little to do does not wait until those before him have done all of theirs.
func TestWorkTakesTurns(t *testing.T) {
	if got, want := line(t, NewWorkOf(1), "a", "a", "a", "b", "a", "c", "b"), []Key{"a", "b", "c", "a", "b", "a", "a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWorkIsGivenUp(t *testing.T) {
	w := NewWorkOf(1)
	over, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	w.Do("a", func() {
		go func() { gaveUp <- w.DoUnless(over, "b", func() { t.Error("it was done") }) }()
		for waits(w) == 0 {
		}
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("it failed with %v", err)
		}
	})
	done := false
	if err := w.DoUnless(t.Context(), "c", func() { done = true }); err != nil || !done {
		t.Errorf("the next one: %v, %v", done, err)
	}
	if w.free != 1 || len(w.waiting) != 0 || len(w.round) != 0 {
		t.Errorf("%d places are free, %d wait", w.free, len(w.waiting))
	}
}

func TestWorkOpensAfterAPanic(t *testing.T) {
	w := NewWorkOf(1)
	func() {
		defer func() { _ = recover() }()
		w.Do("a", func() { panic("a session's own") })
	}()
	done := false
	w.Do("b", func() { done = true })
	if !done {
		t.Error("the next one waits for ever")
	}
}

func BenchmarkWork(b *testing.B) {
	b.ReportAllocs()
	w := NewWork()
	for b.Loop() {
		w.Do("a", func() {})
	}
}

// BenchmarkWorkInTurns is what a piece costs that has to wait.
func BenchmarkWorkInTurns(b *testing.B) {
	b.ReportAllocs()
	w := NewWorkOf(1)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w.Do("a", func() {})
		}
	})
}
