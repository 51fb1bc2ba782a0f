package message

import "encoding/binary"

// StoredText gives the bytes of an envelope's text in a stored summary, without a copy: "subject", "message-id" or "in-reply-to", as
// Envelope has it. It is false for other fields, and for bytes that it does not understand.
func StoredText(b []byte, field string) ([]byte, bool) {
	w := enterEnvelope(b)
	subject := w.bytes()
	if field == "subject" {
		return subject, !w.bad
	}
	for range len((&Envelope{}).lists()) {
		w.skipAddresses()
	}
	inReplyTo := w.bytes()
	if field == "in-reply-to" {
		return inReplyTo, !w.bad
	}
	for range 2 { // In-Reply-To's ids and References
		for n := w.number(); n > 0 && !w.bad; n-- {
			w.bytes()
		}
	}
	id := w.bytes()
	return id, !w.bad && field == "message-id"
}

// StoredAddresses gives the bytes of one list of an envelope's addresses in a stored summary, without a copy: "from", "to", "cc" or "bcc".
// All that the addresses are made of stands in them as it is; DecodeAddresses reads them.
func StoredAddresses(b []byte, field string) ([]byte, bool) {
	w := enterEnvelope(b)
	w.bytes() // subject
	for _, name := range [...]string{"from", "sender", "reply-to", "to", "cc", "bcc"} {
		list := w.b
		w.skipAddresses()
		if w.bad {
			return nil, false
		}
		if name == field {
			return list[:len(list)-len(w.b)], true
		}
	}
	return nil, false
}

// DecodeAddresses reads what StoredAddresses gives.
func DecodeAddresses(b []byte) ([]Address, error) {
	d := summaryDecoder{s: string(b)}
	list := d.addresses()
	if d.bad || d.s != "" {
		return nil, ErrSummary
	}
	return list, nil
}

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
