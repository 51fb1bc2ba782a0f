package queue

import (
	"container/heap"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Bounds of the window beside Options.
const (
	// probes is how many legs of a destination that backs off stay in memory, to try it with, if there is room.
	probes = 8
	// streak is how many attempts in a row a destination gets before others have their turn, and streakFor how long: they share a
	// connection.
	streak    = 32
	streakFor = 10 * time.Second
	// newcomer is how many attempts at once a destination gets before it has answered.
	newcomer = 1
	// maxIdle bounds the destinations that are remembered without legs in memory.
	maxIdle = 20_000
)

// window is the part of the queue that is in memory: legs that are due, by destination. Its owner's lock guards it.
type window struct {
	size, perDestination, concurrency int // limits

	key   func(mail.Domain) string
	dests map[string]*destination
	known map[ref]bool // legs in memory, waiting or being tried
	// shelved is how many legs are on the destinations' shelves.
	shelved int
	turns   turns
	// busy is how many attempts go on: many dead destinations must not keep the living waiting.
	busy   [classes]int
	young  []*place                // newcomers' attempts in the order of their beginning, and some that are over
	held   []*place                // those with a place in the order in which they got it, and some that are over
	rings  [classes][]*destination // those that could start an attempt if there is room, in turn
	warm   []*destination          // those that have just been spoken with, whose connection is open: they come before the rings
	sleepy sleepers                // those that back off and have legs in memory or on disk
	// lap means that legs that are due were left on disk and there may be room for them now.
	lap bool
	// at is the partition where the lap over the disk goes on, and left how many it has not looked at yet.
	at, left int
	// dry is how many destinations that answer have hardly anything left in memory, and more on disk.
	dry int
	// closed means that no attempt starts any more.
	closed bool
	// next is the due time of the earliest leg on disk that is not due yet, as far as is known; zero: unknown.
	next time.Time
}

// destination is what is known of one.
type destination struct {
	key      string
	ready    []queued
	shelf    []shelved // those beyond its share of the window
	busy     int
	failures int // in a row that found nobody
	until    time.Time
	asleep   int  // its place in sleepy, from 1; 0: none
	skipped  bool // legs were left on disk
	dry      bool // it is counted as dry
	proven   bool // the last attempt spoke with a server
	inRing   bool
	ring     class     // which, if inRing
	entered  time.Time // into the ring
	streak   int       // attempts since its last turn began
	turn     time.Time
}

type queued struct {
	ref    ref
	urgent time.Time
}

func newWindow(o *Options) window {
	return window{
		size: o.Window, perDestination: o.PerDestination, concurrency: o.Concurrency, key: o.Destination,
		dests: make(map[string]*destination), known: make(map[ref]bool), turns: newTurns(),
	}
}

// offer takes a leg into memory if it is due and there is room, and otherwise remembers that it is on disk. It reports whether a scan
// may go on.
func (w *window) offer(d dueRow, now time.Time) (more bool) {
	if d.due.IsZero() {
		return true
	}
	if d.due.After(now) {
		if !w.known[d.ref] {
			w.expect(d.due)
		}
		return true
	}
	if len(w.known) >= w.size {
		w.lap = w.lap || !w.known[d.ref]
		return false
	}
	dest := w.dest(d.domain)
	if len(dest.ready) >= w.share(dest, now) && d.urgent.After(now) { // a lap comes by here for each row of the dead
		if dest.until.After(now) || !w.known[d.ref] && !w.shelve(dest, d.ref, d.urgent) {
			dest.skipped = dest.skipped || !w.known[d.ref]
		}
		return true
	}
	if w.known[d.ref] {
		return true
	}
	w.known[d.ref] = true
	q := queued{d.ref, d.urgent}
	if d.urgent.After(now) {
		dest.ready = append(dest.ready, q)
	} else {
		dest.ready = slices.Insert(dest.ready, 0, q)
	}
	w.enter(dest, now)
	return true
}

// expect hears of a leg on disk that will be due.
func (w *window) expect(due time.Time) {
	if w.next.IsZero() || due.Before(w.next) {
		w.next = due
	}
}

// share is how many legs of a destination may wait in memory. One that has not answered yet gets fewer if the window fills: else those
// of dead destinations would keep out the living's.
func (w *window) share(d *destination, now time.Time) int {
	switch {
	case d.until.After(now), !d.proven && len(w.known) >= w.size/2:
		return w.probes()
	case !d.proven && len(w.known) >= w.size/8:
		return max(w.probes(), w.size/2/max(len(w.dests), 1))
	}
	return max(w.size/4, probes)
}

// probes is fewer if there are so many destinations that theirs would fill the window.
func (w *window) probes() int { return max(1, min(probes, w.size/4/max(len(w.dests), 1))) }

func (w *window) dest(domain mail.Domain) *destination {
	key := w.key(domain)
	d := w.dests[key]
	if d == nil {
		if len(w.dests) > maxIdle+len(w.known) {
			w.forget()
		}
		d = &destination{key: key}
		w.dests[key] = d
	}
	return d
}

// forget drops what is known of destinations without legs in memory.
func (w *window) forget() {
	for key, d := range w.dests {
		if d.busy == 0 && len(d.ready) == 0 {
			if d.skipped || len(d.shelf) > 0 {
				w.lap = true
			}
			w.clear(d)
			w.wakeUp(d)
			delete(w.dests, key)
		}
	}
}

func (w *window) limit(d *destination) int {
	switch {
	case d.failures > 0:
		return 1
	case !d.proven:
		return min(newcomer, w.perDestination)
	}
	return w.perDestination
}

// enter puts a destination into the ring if it could start an attempt, or among the sleepers if it backs off.
func (w *window) enter(d *destination, now time.Time) {
	c := d.class()
	if len(d.ready) == 0 || d.inRing && d.ring == c {
		return
	}
	if d.until.After(now) && d.ready[0].urgent.After(now) {
		w.sleep(d)
		return
	}
	if d.busy < w.limit(d) {
		d.inRing, d.ring, d.entered = true, c, now
		w.rings[c] = append(w.rings[c], d)
	}
}

// slot is an attempt that may start.
type slot struct {
	ref   ref
	dest  *destination
	place *place
}

// take chooses the next leg to try; false if nothing can start now.
func (w *window) take(now time.Time) (slot, bool) {
	w.yield(now)
	w.hurryUp(now)
	if d := w.takeWarm(now); d != nil {
		return w.begin(d, now), true
	}
	for _, c := range w.order(now) {
		for len(w.rings[c]) > 0 && w.room(c) {
			d := w.rings[c][0]
			w.rings[c] = w.rings[c][1:]
			if !d.inRing || d.ring != c {
				continue // it has gone on to another ring
			}
			d.inRing, d.streak, d.turn = false, 0, now
			if !w.startable(d, now) {
				w.enter(d, now)
				continue
			}
			return w.begin(d, now), true
		}
	}
	return slot{}, false
}

// startable reports whether an attempt at the destination could start, if there is room.
func (w *window) startable(d *destination, now time.Time) bool {
	return len(d.ready) > 0 && d.busy < w.limit(d) && (!d.until.After(now) || !d.ready[0].urgent.After(now))
}

// begin starts an attempt.
func (w *window) begin(d *destination, now time.Time) slot {
	q := d.ready[0]
	d.ready = d.ready[1:]
	w.refill(d)
	p := &place{class: d.class(), since: now, dest: d}
	d.busy++
	w.busy[p.class]++
	if p.class == newcomers {
		w.young = append(w.young, p)
	}
	if p.class != aside {
		w.hold(p)
	}
	w.enter(d, now)
	return slot{q.ref, d, p}
}

// outcome is what an attempt says about its destination.
type outcome byte

const (
	notTried    outcome = iota // nothing was sent
	spoken                     // a server was spoken with, whatever it said
	unreachable                // nobody was found
)

// finish frees the place of an attempt and learns from it. The leg itself leaves the memory with done.
func (w *window) finish(s slot, o outcome, now time.Time) {
	d := s.dest
	d.busy--
	w.busy[s.place.class]--
	s.place.over = true
	switch o {
	case spoken:
		d.proven, d.failures, d.until = true, 0, time.Time{}
		w.wakeUp(d)
		w.refill(d)
		if d.streak++; d.streak < streak && now.Before(d.turn.Add(streakFor)) && len(d.ready) > 0 {
			w.warm = append(w.warm, d)
		}
	case unreachable:
		d.proven = false
		if !d.until.After(now) { // attempts that began before the first failure count once
			d.failures++
			d.until = now.Add(backOff(d.failures))
		}
		w.drop(d, now)
	}
	w.enter(d, now)
}

// drop leaves the legs of a destination that backs off to the disk, but for the probes and what is urgent.
func (w *window) drop(d *destination, now time.Time) {
	d.skipped = d.skipped || len(d.shelf) > 0
	w.clear(d)
	kept, probes := d.ready[:0:0], w.probes()
	for i, q := range d.ready {
		if i < probes || !q.urgent.After(now) {
			kept = append(kept, q)
			continue
		}
		delete(w.known, q.ref)
		w.turns.forget(q.ref.id)
		d.skipped = true
	}
	d.ready = kept
	if d.skipped && len(kept) == 0 {
		w.sleep(d)
	}
}

// sleep puts a destination among the sleepers, to be looked at when it has backed off.
func (w *window) sleep(d *destination) {
	if d.asleep == 0 {
		heap.Push(&w.sleepy, d)
		return
	}
	heap.Fix(&w.sleepy, d.asleep-1)
}

func (w *window) wakeUp(d *destination) {
	if d.asleep != 0 {
		heap.Remove(&w.sleepy, d.asleep-1)
	}
}

// rouse wakes the destinations that have backed off.
func (w *window) rouse(now time.Time) {
	for len(w.sleepy) > 0 && !w.sleepy[0].wakes().After(now) {
		d := w.sleepy[0]
		heap.Pop(&w.sleepy)
		if d.skipped && len(d.ready) == 0 {
			w.lap = true
		}
		w.enter(d, now)
	}
}

// hurry ends a destination's back-off.
func (w *window) hurry(domain mail.Domain, now time.Time) {
	d := w.dests[w.key(domain)]
	if d == nil {
		return
	}
	d.until, d.failures = time.Time{}, 0
	w.wakeUp(d)
	w.lap = true
	w.enter(d, now)
}

// sleepers is a heap by the time to wake.
type sleepers []*destination

func (d *destination) wakes() time.Time {
	if len(d.ready) > 0 && d.ready[0].urgent.Before(d.until) {
		return d.ready[0].urgent
	}
	return d.until
}

func (s sleepers) Len() int           { return len(s) }
func (s sleepers) Less(i, j int) bool { return s[i].wakes().Before(s[j].wakes()) }
func (s sleepers) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].asleep, s[j].asleep = i+1, j+1
}

// Push implements heap.Interface.
func (s *sleepers) Push(x any) {
	d := x.(*destination)
	*s = append(*s, d)
	d.asleep = len(*s)
}

// Pop implements heap.Interface.
func (s *sleepers) Pop() any {
	old := *s
	d := old[len(old)-1]
	*s = old[:len(old)-1]
	d.asleep = 0
	return d
}
