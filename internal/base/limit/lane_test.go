package limit

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// came is one who waits for a lane.
type came struct {
	name   string
	effort Effort
}

// pass has them come, one after the other, while somebody is in, and gives the order in which they are let in.
func pass(t *testing.T, all ...came) []string {
	t.Helper()
	l := NewLaneOf(1)
	first := l.Place()
	first.Enter(0)
	var wg sync.WaitGroup
	var order []string // guarded by the one place that there is
	for i, c := range all {
		wg.Go(func() {
			p := l.Place()
			p.Enter(c.effort)
			order = append(order, c.name)
			p.Leave()
		})
		for l.Waiting() <= i {
		}
	}
	first.Leave()
	wg.Wait()
	if l.free != 1 || l.Waiting() != 0 {
		t.Errorf("%d places are free, %d wait", l.free, l.Waiting())
	}
	return order
}

// TestLaneLetsInWhoHasHadLeast: but every fourth is the one who has waited longest, whatever he has had.
func TestLaneLetsInWhoHasHadLeast(t *testing.T) {
	got := pass(t, came{"much", 5}, came{"a", 0}, came{"b", 0}, came{"more", 1}, came{"c", 0}, came{"d", 0}, came{"last", 1})
	if want := []string{"d", "c", "b", "much", "a", "last", "more"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLaneStarvesNobody: one who has had much is let in while others who have had little come without end.
func TestLaneStarvesNobody(t *testing.T) {
	l := NewLaneOf(1)
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for p := l.Place(); !over.Load(); p.Leave() {
				p.Enter(0)
			}
		})
	}
	for range 100 {
		p := l.Place()
		p.Enter(efforts - 1)
		p.Leave()
	}
	over.Store(true)
	wg.Wait()
}

func TestLaneHoldsAsManyAsThereArePlaces(t *testing.T) {
	l := NewLaneOf(2)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			p := l.Place()
			for range 100 {
				p.Enter(Effort(i % efforts))
				p.Enter(0) // it is in
				p.Yield(0)
				n := inside.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				inside.Add(-1)
				p.Leave()
				p.Leave() // it is out
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > 2 {
		t.Errorf("%d were inside at a time", n)
	}
	if l.free != 2 || l.Waiting() != 0 {
		t.Errorf("%d places are free, %d wait", l.free, l.Waiting())
	}
}

func TestNoLaneLetsEverybodyIn(t *testing.T) {
	var p Place
	p.Enter(0)
	p.Yield(0)
	p.Leave()
}

func TestEffort(t *testing.T) {
	for n, want := range map[int64]Effort{0: 0, 1: 0, 4096: 0, 4097: 1, 8192: 1, 8193: 2, 16384: 2, 40_000: 4, 1 << 40: efforts - 1} {
		if got := EffortOf(n, 4096); got != want {
			t.Errorf("%d bytes are %d, want %d", n, got, want)
		}
	}
}

// BenchmarkLane is what it costs who is alone.
func BenchmarkLane(b *testing.B) {
	p := NewLane().Place()
	b.ReportAllocs()
	for b.Loop() {
		p.Enter(0)
		p.Leave()
	}
}
