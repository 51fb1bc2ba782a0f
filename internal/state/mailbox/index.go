package mailbox

import (
	"slices"
	"sort"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

const (
	maxChunk   = 512
	firstChunk = 8
	// entryBytes and chunkBytes are for the cache's account of memory.
	entryBytes = 48
	chunkBytes = 64
)

// chunk holds places in order of their UIDs. Slots that a snapshot can see are never written again unless gen says that no
// snapshot can see the chunk; slots behind those are filled by appends.
type chunk struct {
	slots []entry
	gen   uint64 // the index's generation when the chunk was made
}

// snapshot is a list of places in order of their UIDs that never changes. Copying one is cheap: it shares everything.
type snapshot struct {
	chunks []*chunk
	starts []int // starts[i] is the position of chunk i's first place
	n      int
}

// entries are the places of chunk i.
func (s *snapshot) entries(i int) []entry {
	end := s.n
	if i+1 < len(s.starts) {
		end = s.starts[i+1]
	}
	return s.chunks[i].slots[:end-s.starts[i]]
}

// at is the place at a position, 0 to n-1.
func (s *snapshot) at(pos int) *entry {
	i := s.chunkOf(pos)
	return &s.chunks[i].slots[pos-s.starts[i]]
}

func (s *snapshot) chunkOf(pos int) int {
	return sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > pos }) - 1
}

// find is the position of the first place whose UID is at least uid; n if there is none.
func (s *snapshot) find(uid mail.UID) int {
	i := sort.Search(len(s.chunks), func(i int) bool { return s.chunks[i].slots[0].uid > uid }) - 1
	if i < 0 {
		return 0
	}
	e := s.entries(i)
	return s.starts[i] + sort.Search(len(e), func(j int) bool { return e[j].uid >= uid })
}

// each calls fn for all places from a position on until it returns false.
func (s *snapshot) each(from int, fn func(pos int, e *entry) bool) {
	if from >= s.n {
		return
	}
	for i := s.chunkOf(from); i < len(s.chunks); i++ {
		es := s.entries(i)
		for j := max(from-s.starts[i], 0); j < len(es); j++ {
			if !fn(s.starts[i]+j, &es[j]) {
				return
			}
		}
	}
}

// pick calls fn for the places of these UIDs, which ascend; others are passed over.
func (s *snapshot) pick(uids []mail.UID, fn func(e *entry)) {
	c := -1
	var es []entry
	for _, uid := range uids {
		if c < 0 || len(es) == 0 || es[len(es)-1].uid < uid {
			pos := s.find(uid)
			if pos == s.n {
				return
			}
			if i := s.chunkOf(pos); i != c {
				c, es = i, s.entries(i)
			}
		}
		j := firstFrom(es, uid)
		if j < len(es) && es[j].uid == uid {
			fn(&es[j])
		}
		es = es[j:]
	}
}

// firstFrom is where the first place stands whose UID is at least uid; as a rule it is the first or the second.
func firstFrom(es []entry, uid mail.UID) int {
	for j := range min(len(es), 2) {
		if es[j].uid >= uid {
			return j
		}
	}
	return sort.Search(len(es), func(j int) bool { return es[j].uid >= uid })
}

// index is a mailbox's places, as they are now. Its account's show lock guards it.
type index struct {
	snapshot
	gen    uint64 // raised by each snapshot taken
	number uint64 // of the last commit in it
	// listGen is the generation in which the lists of chunks and starts were last made: they may be changed in place, other
	// than by appending, only while it equals gen.
	listGen uint64
	slots   int // in all chunks, for the memory's account
}

// take gives a snapshot of the index.
func (x *index) take() snapshot {
	x.gen++
	return x.snapshot
}

func (x *index) bytes() int64 {
	return int64(x.slots)*entryBytes + int64(len(x.chunks))*chunkBytes
}

// push adds a place behind all others.
func (x *index) push(e entry) {
	last := len(x.chunks) - 1
	if last < 0 || x.n-x.starts[last] == maxChunk {
		x.chunks = append(x.chunks, &chunk{slots: make([]entry, firstChunk), gen: x.gen})
		x.starts = append(x.starts, x.n)
		x.slots += firstChunk
		last++
	}
	c, used := x.chunks[last], x.n-x.starts[last]
	if used == len(c.slots) {
		grown := &chunk{slots: make([]entry, min(2*used, maxChunk)), gen: x.gen}
		copy(grown.slots, c.slots)
		x.slots += len(grown.slots) - used
		x.ownLists()
		x.chunks[last] = grown
		c = grown
	}
	c.slots[used] = e
	x.n++
}

// ownLists makes the lists changeable.
func (x *index) ownLists() {
	if x.listGen == x.gen {
		return
	}
	x.chunks, x.starts = slices.Clone(x.chunks), slices.Clone(x.starts)
	x.listGen = x.gen
}

// own makes chunk i changeable.
func (x *index) own(i int) []entry {
	if c := x.chunks[i]; c.gen != x.gen {
		x.ownLists()
		x.chunks[i] = &chunk{slots: slices.Clone(c.slots), gen: x.gen}
	}
	return x.entries(i)
}

// remark is a place's new marks.
type remark struct {
	uid   mail.UID
	marks marks
	// quiet keeps the place's modseq: only what is internal changed.
	quiet bool
}

// remarkAll gives places new marks and the number as their modseq. changes ascend.
func (x *index) remarkAll(changes []remark, number uint64) {
	i := -1
	var es []entry
	for _, ch := range changes {
		if i < 0 || es[len(es)-1].uid < ch.uid {
			pos := x.find(ch.uid)
			if pos == x.n {
				return
			}
			i = x.chunkOf(pos)
			es = x.own(i)
		}
		j := firstFrom(es, ch.uid)
		if es = es[j:]; es[0].uid != ch.uid {
			continue
		}
		es[0].marks = ch.marks
		if !ch.quiet {
			es[0].modseq = number
		}
	}
}

// remove takes places out. uids ascend.
func (x *index) remove(uids []mail.UID) {
	if len(uids) == 0 || x.n == 0 {
		return
	}
	chunks, starts := make([]*chunk, 0, len(x.chunks)), make([]int, 0, len(x.starts))
	n, slots := 0, 0
	for i, c := range x.chunks {
		es := x.entries(i)
		for len(uids) > 0 && uids[0] < es[0].uid {
			uids = uids[1:]
		}
		if len(uids) > 0 && uids[0] <= es[len(es)-1].uid {
			kept, rest := without(es, uids)
			uids = rest
			if len(kept) == 0 {
				continue
			}
			c, es = &chunk{slots: kept, gen: x.gen}, kept
		}
		if k := len(chunks) - 1; k >= 0 && n-starts[k]+len(es) <= maxChunk/4 { // join small neighbours
			joined := make([]entry, 0, maxChunk/2)
			joined = append(append(joined, chunks[k].slots[:n-starts[k]]...), es...)
			slots += len(joined) - len(chunks[k].slots)
			chunks[k] = &chunk{slots: joined, gen: x.gen}
			n += len(es)
			continue
		}
		chunks, starts = append(chunks, c), append(starts, n)
		n += len(es)
		slots += len(c.slots)
	}
	x.chunks, x.starts, x.n, x.listGen, x.slots = chunks, starts, n, x.gen, slots
}

// without copies es without the places of uids, and gives the rest of uids.
func without(es []entry, uids []mail.UID) ([]entry, []mail.UID) {
	kept := make([]entry, 0, len(es))
	for j := range es {
		for len(uids) > 0 && uids[0] < es[j].uid {
			uids = uids[1:]
		}
		if len(uids) > 0 && uids[0] == es[j].uid {
			continue
		}
		kept = append(kept, es[j])
	}
	return kept, uids
}

// insert puts places in between others, for a view's placeholders. adds ascend and are not there yet.
func (x *index) insert(adds []entry) {
	all := index{}
	old := x.snapshot
	for i := range old.chunks {
		es := old.entries(i)
		last := i+1 == len(old.chunks)
		if len(adds) == 0 || !last && adds[0].uid > es[len(es)-1].uid {
			all.adopt(old.chunks[i], len(es))
			continue
		}
		merged := make([]entry, 0, len(es)+len(adds))
		for j := range es {
			for len(adds) > 0 && adds[0].uid < es[j].uid {
				merged, adds = append(merged, adds[0]), adds[1:]
			}
			merged = append(merged, es[j])
		}
		if last {
			merged, adds = append(merged, adds...), nil
		}
		all.adopt(&chunk{slots: merged}, len(merged))
	}
	if len(adds) > 0 {
		all.adopt(&chunk{slots: slices.Clone(adds)}, len(adds))
	}
	x.snapshot = all.snapshot
}

// join puts another index's places behind, which have higher UIDs. The other is not used any more.
func (x *index) join(o *index) {
	for i := range o.chunks {
		x.adopt(o.chunks[i], len(o.entries(i)))
	}
	x.slots += o.slots
}

// adopt adds a whole chunk at the end.
func (x *index) adopt(c *chunk, n int) {
	x.chunks, x.starts = append(x.chunks, c), append(x.starts, x.n)
	x.n += n
}
