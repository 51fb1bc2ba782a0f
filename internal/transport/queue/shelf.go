package queue

import (
	"math"
	"time"
)

// shelfShare bounds the legs on shelves, as a multiple of the window: one costs 24 octets, a tenth of what one in the window does.
const shelfShare = 4

// shelved is a leg that a lap over the disk came by and that had no room in the window. Its row may have changed since: who tries it
// reads it.
type shelved struct {
	ref    ref
	urgent uint32 // in seconds, rounded down
}

// shelve remembers a leg of a destination that has its share of the window, so that it need not be looked for on disk when the destination
// turns out to live. It reports whether there was room.
func (w *window) shelve(d *destination, r ref, urgent time.Time) bool {
	if w.shelved >= w.size*shelfShare {
		return false
	}
	d.shelf = append(d.shelf, shelved{r, uint32(min(max(urgent.Unix(), 0), math.MaxUint32))})
	w.shelved++
	return true
}

// clear forgets what is on a destination's shelf.
func (w *window) clear(d *destination) {
	w.shelved -= len(d.shelf)
	d.shelf = nil
}

// refill takes a streak of legs off the shelf of a destination that answers and has nothing left in the window.
func (w *window) refill(d *destination) {
	if !d.proven || len(d.ready) > 0 {
		return
	}
	for len(d.shelf) > 0 && len(d.ready) < streak && len(w.known) < w.size {
		s := d.shelf[0]
		d.shelf = d.shelf[1:]
		w.shelved--
		if w.known[s.ref] {
			continue
		}
		w.known[s.ref] = true
		d.ready = append(d.ready, queued{s.ref, time.Unix(int64(s.urgent), 0)})
	}
	if len(d.shelf) == 0 {
		d.shelf = nil
	}
	if len(d.ready) == 0 && (d.skipped || len(d.shelf) > 0) {
		w.lap = true
	}
}
