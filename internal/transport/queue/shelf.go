package queue

import (
	"math"
	"time"
)

// shelfShare bounds the legs on shelves, as a multiple of the window: one costs 24 octets, a tenth of what one in the window does. What
// finds no room there is looked for by lap after lap, each of which brings only what the few that have answered since have on disk.
const shelfShare = 16

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
	if !d.proven {
		return
	}
	if len(d.ready) > 0 {
		w.ebbs(d)
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
	w.ebbs(d)
}

// ebbs hears that a destination which answers has fewer legs in memory. When hardly any is left and there are more on disk, or the window
// is too full to take them off the shelf, it counts as dry until the next lap.
func (w *window) ebbs(d *destination) {
	low := d.skipped && len(d.ready)+len(d.shelf) < streak
	stuck := len(d.ready) == 0 && len(d.shelf) > 0
	if d.dry || !low && !stuck {
		return
	}
	d.dry, w.lap = true, true
	w.dry++
}
