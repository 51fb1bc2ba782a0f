package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// headroom is how much garbage may gather between two collections while the server is busy. Few bytes of the heap live
	// (bodies only pass through, the store keeps its own memory), so the runtime's own pace, a collection whenever the heap has
	// doubled, would be dozens of collections a second. More room gains little, and shows in the memory of large messages.
	headroom = 8 << 20
	// busyWithin is how soon after the last one a collection comes on a busy server.
	busyWithin = time.Second
	usualPace  = 100 // percent, the runtime's own
	mostPace   = 300 // a bound on what a heap that begins to grow takes before the pace follows
)

// pacer sets the collector's pace after each collection: with headroom while collections come often, the runtime's own at
// rest, so that memory that was needed once goes back to the system. A large heap is collected sooner than usual.
type pacer struct {
	sample  [1]metrics.Sample
	last    time.Time
	percent int
	ended   atomic.Bool
}

// sentinel dies with each collection, and tells the pacer of it.
type sentinel struct{ _ [16]byte }

// paceCollector sets the collector's pace until the function it returns is called. It is the process's, not one App's.
func paceCollector() (end func()) {
	p := &pacer{last: time.Now(), percent: usualPace}
	p.sample[0].Name = "/gc/heap/live:bytes"
	was := debug.SetGCPercent(usualPace)
	p.arm()
	return func() {
		p.ended.Store(true)
		debug.SetGCPercent(was)
	}
}

func (p *pacer) arm() {
	runtime.SetFinalizer(new(sentinel), func(*sentinel) {
		if p.ended.Load() {
			return
		}
		p.adjust(time.Now())
		p.arm()
	})
}

// adjust runs after a collection. Changing the pace stops the world for a moment, so small changes are not made.
func (p *pacer) adjust(now time.Time) {
	metrics.Read(p.sample[:])
	want := pace(p.sample[0].Value.Uint64(), now.Sub(p.last))
	p.last = now
	if change := want - p.percent; change > p.percent/8 || -change > p.percent/8 {
		debug.SetGCPercent(want)
		p.percent = want
	}
}

// pace is by how many percent the heap may grow over what lives, when the last two collections were so far apart: by headroom
// and an eighth of what lives. What lives much are byte arrays (rows of the index, the store's tables in a build without cgo), which
// are collected at little cost; doubling them would cost more memory than it saves time.
func pace(live uint64, apart time.Duration) int {
	percent := int(min((headroom+live/8)*100/max(live, 1), mostPace))
	if apart > busyWithin {
		return min(percent, usualPace)
	}
	return percent
}
