package limit

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestWorkHoldsHalfOfTheProcessors(t *testing.T) {
	g := NewWork()
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 100 {
				g.Do(func() {
					n := inside.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					inside.Add(-1)
				})
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n < 1 || n > int64(cap(g.slots)) {
		t.Errorf("%d were inside at a time, and %d may", n, cap(g.slots))
	}
}

func TestWorkOpensAfterAPanic(t *testing.T) {
	g := &Work{slots: make(chan struct{}, 1)}
	func() {
		defer func() { _ = recover() }()
		g.Do(func() { panic("a session's own") })
	}()
	done := false
	g.Do(func() { done = true })
	if !done {
		t.Error("the next one waits for ever")
	}
}

func BenchmarkWork(b *testing.B) {
	b.ReportAllocs()
	g := NewWork()
	for b.Loop() {
		g.Do(func() {})
	}
}
