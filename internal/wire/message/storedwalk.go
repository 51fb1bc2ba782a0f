package message

import "encoding/binary"

// summaryWalker walks over a stored summary without making anything of it. After the first mistake everything is empty.
type summaryWalker struct {
	b   []byte
	bad bool
}

// enterEnvelope walks to an envelope's subject.
func enterEnvelope(b []byte) summaryWalker {
	if len(b) == 0 || b[0] != summaryVersion {
		return summaryWalker{bad: true}
	}
	w := summaryWalker{b: b[1:]}
	w.number() // size
	w.number() // traits
	w.bytes()  // preview
	w.bytes()  // the date as it was written
	if w.number() == 1 {
		w.number()
		w.number()
	}
	return w
}

// leaveEnvelope walks from an envelope's subject to what is behind the envelope.
func (w *summaryWalker) leaveEnvelope() {
	w.skip(1) // subject
	for range addressLists {
		w.skipAddresses()
	}
	w.skip(1)          // In-Reply-To as written
	w.skip(w.number()) // its ids
	w.skip(w.number()) // References
	w.skip(1)          // message id
}

func (w *summaryWalker) number() uint64 {
	v, n := binary.Uvarint(w.b)
	if n <= 0 {
		w.b, w.bad = nil, true
		return 0
	}
	w.b = w.b[n:]
	return v
}

func (w *summaryWalker) bytes() []byte {
	n := w.number()
	if n > uint64(len(w.b)) {
		w.b, w.bad = nil, true
		return nil
	}
	s := w.b[:n]
	w.b = w.b[n:]
	return s
}

// skip passes over so many pieces of bytes.
func (w *summaryWalker) skip(count uint64) {
	for ; count > 0 && !w.bad; count-- {
		w.bytes()
	}
}

func (w *summaryWalker) skipAddresses() {
	for n := w.number(); n > 0 && !w.bad; n-- {
		mark := Mark(w.number())
		w.bytes()
		if mark == MarkNone {
			w.bytes()
			w.bytes()
		}
	}
}
