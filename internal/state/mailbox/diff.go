package mailbox

// differ hears of the differences between two snapshots, in order of the UIDs.
type differ struct {
	gone    func(pos int, e *entry)    // in old only; pos is in old
	fresh   func(pos int, e *entry)    // in new only; pos is in new
	changed func(pos int, o, e *entry) // in both; pos is in new
}

// diff compares two snapshots of a mailbox. Chunks that both share are passed over unseen.
func diff(old, new *snapshot, d differ) {
	o, n := cursor{s: old}, cursor{s: new}
	for {
		o.settle()
		n.settle()
		if o.done() || n.done() {
			break
		}
		if o.j == 0 && n.j == 0 && old.chunks[o.i] == new.chunks[n.i] {
			k := min(len(o.es), len(n.es))
			o.j, n.j = k, k
			continue
		}
		oe, ne := &o.es[o.j], &n.es[n.j]
		switch {
		case oe.uid < ne.uid:
			d.gone(o.pos(), oe)
			o.j++
		case oe.uid > ne.uid:
			d.fresh(n.pos(), ne)
			n.j++
		default:
			if oe.modseq != ne.modseq || oe.marks != ne.marks {
				d.changed(n.pos(), oe, ne)
			}
			o.j++
			n.j++
		}
	}
	for ; !o.done(); o.settle() {
		d.gone(o.pos(), &o.es[o.j])
		o.j++
	}
	for ; !n.done(); n.settle() {
		d.fresh(n.pos(), &n.es[n.j])
		n.j++
	}
}

// unlike is how many of new's places stand in chunks that old has not in the same place of its list: no more can differ, unless places went or came
// in between.
func unlike(old, new *snapshot) int {
	n := 0
	for i, c := range new.chunks {
		if i >= len(old.chunks) || old.chunks[i] != c {
			n += len(new.entries(i))
		}
	}
	return n
}

// cursor walks a snapshot.
type cursor struct {
	s    *snapshot
	i, j int
	es   []entry // of chunk i, once settled
}

// settle moves to the next place if it stands behind a chunk's last.
func (c *cursor) settle() {
	for c.i < len(c.s.chunks) {
		if c.es == nil {
			c.es = c.s.entries(c.i)
		}
		if c.j < len(c.es) {
			return
		}
		c.i, c.j, c.es = c.i+1, 0, nil
	}
}

func (c *cursor) done() bool { return c.i >= len(c.s.chunks) }

func (c *cursor) pos() int { return c.s.starts[c.i] + c.j }
