package message

// StoredText gives the bytes of an envelope's text in a stored summary, without a copy: "subject", "message-id" or "in-reply-to", as
// Envelope has it. It is false for other fields, and for bytes that it does not understand.
func StoredText(b []byte, field string) ([]byte, bool) {
	w := enterEnvelope(b)
	subject := w.bytes()
	if field == "subject" {
		return subject, !w.bad
	}
	for range addressLists {
		w.skipAddresses()
	}
	inReplyTo := w.bytes()
	if field == "in-reply-to" {
		return inReplyTo, !w.bad
	}
	w.skip(w.number()) // In-Reply-To's ids
	w.skip(w.number()) // References
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
