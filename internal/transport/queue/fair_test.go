package queue

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

func TestConcurrencyPerDestinationAndInAll(t *testing.T) {
	f := newOffice(t, Options{Concurrency: 20, PerDestination: 5})
	f.run()
	f.add(f.message("warm@x.test")) // a destination that has proven itself gets its full share
	f.settled()
	f.jobs.mu.Lock()
	f.jobs.gate = make(chan struct{})
	f.jobs.mu.Unlock()
	for i := range 30 {
		f.add(f.message(fmt.Sprintf("m%d@x.test", i)))
	}
	for i := range 30 {
		f.add(f.message(fmt.Sprintf("m@new%d.test", i)))
	}
	<-f.jobs.came
	for range 20 {
		<-f.jobs.came
	}
	f.jobs.mu.Lock()
	if f.jobs.most["x.test"] != 5 || f.jobs.most["new0.test"] != 1 {
		t.Error(f.jobs.most)
	}
	f.jobs.mu.Unlock()
	if n := len(f.jobs.came); n != 0 {
		t.Fatalf("%d attempts too many", n)
	}
	f.jobs.release()
	f.settled()
	f.expectRows(0)
}

// TestDeadDestinationsDoNotSlowTheLiving has hundreds of dead destinations that hold every place they get for as long as they
// can, and one that lives.
func TestDeadDestinationsDoNotSlowTheLiving(t *testing.T) {
	f := newOffice(t, Options{Concurrency: 8, PerDestination: 4})
	f.run()
	f.add(f.message("warm@alive.test"))
	f.settled()
	<-f.jobs.came
	gate := make(chan struct{})
	f.jobs.set(func(j Job) Report {
		if j.Destination == "alive.test" {
			return allOK(j)
		}
		f.jobs.mu.Unlock()
		<-gate
		f.jobs.mu.Lock()
		return dead(j)
	})
	for i := range 300 {
		f.add(f.message(fmt.Sprintf("a@dead%d.test", i)))
	}
	for range 6 {
		<-f.jobs.came // three quarters of the places, and no more
	}
	for i := range 50 {
		f.add(f.message(fmt.Sprintf("m%d@alive.test", i)))
	}
	for range 50 {
		if d := <-f.jobs.came; d != "alive.test" {
			t.Fatalf("%s was tried although all its places are taken", d)
		}
	}
	close(gate)
	f.settled()
	f.expectRows(300)
}

// TestSilentDestinationsHoldNoPlace has more silent newcomers than places for newcomers, and living newcomers behind them.
func TestSilentDestinationsHoldNoPlace(t *testing.T) {
	f := newOffice(t, Options{Concurrency: 8})
	gate := make(chan struct{})
	f.jobs.set(func(j Job) Report {
		if !strings.HasPrefix(j.Destination, "dead") {
			return allOK(j)
		}
		f.jobs.mu.Unlock()
		<-gate
		f.jobs.mu.Lock()
		return dead(j)
	})
	f.run()
	const silent = 20
	for i := range silent {
		f.add(f.message(fmt.Sprintf("a@dead%d.test", i)))
	}
	f.add(f.message("a@alive.test"))
	came := map[string]bool{}
	for len(came) < 6 {
		came[<-f.jobs.came] = true // as many as newcomers have places
	}
	if came["alive.test"] {
		t.Fatal("it was to wait")
	}
	waitFor(t, func() bool {
		f.clk.Advance(patienceMost)
		for len(f.jobs.came) > 0 {
			came[<-f.jobs.came] = true
		}
		return came["alive.test"]
	})
	close(gate)
	f.settled()
	f.expectRows(silent)
}

func TestDestinationBacksOffAsAWhole(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.jobs.set(dead)
	const n = 100
	for i := range n {
		f.add(f.message(fmt.Sprintf("m%d@x.test", i)))
	}
	f.settled()
	if got := len(f.jobs.attempts()); got > newcomer {
		t.Fatalf("%d attempts at a dead destination at once", got)
	}
	f.advance(time.Hour, time.Minute)
	if got := len(f.jobs.attempts()); got < 4 || got > 10 {
		t.Fatalf("%d attempts in an hour", got)
	}
	f.jobs.set(allOK)
	f.advance(31*time.Minute, time.Minute)
	if got := len(f.jobs.attempts()); got < n-12 {
		t.Fatalf("%d attempts after it came back", got)
	}
	f.advance(5*time.Hour, 10*time.Minute) // those with attempts of their own wait for their own time
	f.expectRows(0)
}

func TestWaitingForADeadDestinationTellsAndExpires(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.jobs.set(dead)
	const n = 40
	for i := range n {
		f.add(f.message(fmt.Sprintf("m%d@x.test", i)))
	}
	f.advance(5*time.Hour, 5*time.Minute)
	if got := f.bells.notices(); len(got) != n {
		t.Fatalf("%d notices of the delay, want %d", len(got), n)
	}
	f.advance(5*24*time.Hour, 30*time.Minute)
	if got := f.bells.notices(); len(got) != n {
		t.Fatalf("%d notices of the end, want %d", len(got), n)
	}
	f.expectRows(0)
}

func TestPanicInAnAttempt(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.jobs.set(func(j Job) Report {
		if j.Destination == "poison.test" {
			panic("poison")
		}
		return allOK(j)
	})
	f.add(f.message("a@poison.test"), f.message("b@x.test"))
	f.settled()
	f.expectRows(1)
	f.jobs.set(allOK)
	f.advance(2*time.Minute, time.Minute)
	f.expectRows(0)
}

// fill commits many messages, a thousand to a commit, without telling the queue.
func fill(tb testing.TB, f *office, n int, to func(i int) string) {
	tb.Helper()
	w := f.st.Stage(tb.Context())
	staged, err := w.Finish()
	if err != nil {
		tb.Fatal(err)
	}
	b := store.NewBatch()
	b.AddBlob(staged)
	for i := range n {
		m := f.message(to(i))
		m.Blob = staged.Ref()
		f.q.Add(b, m)
		if b.Len() > 20_000 || i == n-1 {
			if err := store.Commit(tb.Context(), f.st, b); err != nil {
				tb.Fatal(err)
			}
			b = store.NewBatch()
		}
	}
}

// TestMemoryIsBounded has fifty thousand messages on disk, nearly all of them for a destination that is dead. The rest gets
// through, and the window never outgrows its bound.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("50,000 messages")
	}
	const n, window = 50_000, 2000
	f := newOffice(t, Options{Window: window, Schedule: Schedule{DelayNotice: -1}})
	fill(t, f, n, func(i int) string {
		if i%25 == 0 {
			return fmt.Sprintf("a@alive%d.test", i%1000)
		}
		return "a@dead.test"
	})
	delivered := 0
	most := 0
	f.jobs.set(func(j Job) Report {
		if j.Destination == "dead.test" {
			return dead(j)
		}
		delivered++
		return allOK(j)
	})
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f.run()
	waitFor(t, func() bool {
		f.q.mu.Lock()
		most = max(most, len(f.q.win.known))
		f.q.mu.Unlock()
		f.clk.Advance(time.Second)
		f.jobs.mu.Lock()
		defer f.jobs.mu.Unlock()
		return delivered == n/25
	})
	if most > window {
		t.Errorf("%d legs in memory", most)
	}
	var after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	f.stop()
}

func BenchmarkAdd(b *testing.B) {
	f := newOffice(b, Options{})
	m := f.message("a@x.test")
	b.ReportAllocs()
	for b.Loop() {
		f.q.Add(store.NewBatch(), m)
	}
}

// BenchmarkThrough is a message from Add through an attempt that succeeds to its end, on a disk in memory.
func BenchmarkThrough(b *testing.B) {
	f := newOffice(b, Options{})
	f.run()
	b.ReportAllocs()
	for b.Loop() {
		f.add(f.message("a@x.test"))
		<-f.jobs.came
	}
	f.settled()
}

// BenchmarkLap looks at 100,000 messages of a destination that backs off.
func BenchmarkLap(b *testing.B) {
	f := newOffice(b, Options{})
	fill(b, f, 100_000, func(int) string { return "a@dead.test" })
	d := f.q.win.dest(mail.Domain("dead.test"))
	d.until = start.Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		f.q.win.startLap()
		if _, err := f.q.load(b.Context(), lap, time.Time{}, f.clk.Now(), func() {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/row")
}

// TestSlowServersDoNotKeepThePlaces has destinations that answer at once and then take for ever over each message: they have all the
// places, and lose them to one that comes later.
func TestSlowServersDoNotKeepThePlaces(t *testing.T) {
	f := newOffice(t, Options{Concurrency: 8, PerDestination: 4})
	f.run()
	gate := make(chan struct{})
	f.jobs.set(func(j Job) Report {
		if !strings.HasPrefix(j.Destination, "slow") {
			return allOK(j)
		}
		if j.Answered != nil {
			j.Answered()
		}
		f.jobs.mu.Unlock()
		<-gate
		f.jobs.mu.Lock()
		return allOK(j)
	})
	const slow = 8
	for i := range slow {
		for k := range 4 {
			f.add(f.message(fmt.Sprintf("m%d@slow%d.test", k, i)))
		}
	}
	for range 8 {
		<-f.jobs.came
	}
	f.add(f.message("a@alive.test"))
	waitFor(t, func() bool {
		f.clk.Advance(slowAfter)
		for len(f.jobs.came) > 0 {
			if <-f.jobs.came == "alive.test" {
				return true
			}
		}
		return false
	})
	close(gate)
	f.settled()
	f.expectRows(0)
}

// TestNewcomerInAnothersPlace has a newcomer whose attempt begins when another's ends, without a turn of the loop: that must come back in
// time to take the place away.
func TestNewcomerInAnothersPlace(t *testing.T) {
	f := newOffice(t, Options{Concurrency: 1})
	f.run()
	f.add(f.message("a@warm.test"))
	f.settled()
	<-f.jobs.came
	gates := map[string]chan struct{}{"warm.test": make(chan struct{}), "new.test": make(chan struct{})}
	f.jobs.set(func(j Job) Report {
		f.jobs.mu.Unlock()
		<-gates[j.Destination]
		f.jobs.mu.Lock()
		return allOK(j)
	})
	f.add(f.message("b@warm.test"))
	<-f.jobs.came
	f.add(f.message("a@new.test"))
	sleepsUntil := func(latest time.Time) func() bool {
		return func() bool {
			f.q.mu.Lock()
			defer f.q.mu.Unlock()
			return f.q.asleep && !f.q.until.After(latest)
		}
	}
	waitFor(t, sleepsUntil(f.clk.Now().Add(time.Hour)))
	close(gates["warm.test"])
	if d := <-f.jobs.came; d != "new.test" {
		t.Fatal(d)
	}
	waitFor(t, sleepsUntil(f.clk.Now().Add(patienceMost)))
	close(gates["new.test"])
	f.settled()
	f.expectRows(0)
}
