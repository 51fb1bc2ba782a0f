package imapd

import (
	"bytes"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// stored answers a key about a kept field from a stored summary, as far as that is possible without decoding the envelope. told is false
// where it is not.
func (m *matcher) stored(k imap.SearchKey, row []byte) (ok, told bool) {
	switch k.Field {
	case "from", "to", "cc", "bcc":
		raw, there := message.StoredAddresses(row, k.Field)
		if !there {
			return false, false
		}
		if !m.probe(k).mayBeIn(raw) {
			return false, true
		}
		list, err := message.DecodeAddresses(raw)
		if err != nil {
			return false, false
		}
		value := addressesText(list)
		return value != "" && strings.Contains(fold(value), k.Text), true
	}
	raw, there := message.StoredText(row, k.Field)
	if !there {
		return false, false
	}
	p := m.probe(k)
	var plain bool
	if m.lower, plain = appendLower(m.lower[:0], raw); plain && printable(m.lower) && !bytes.Contains(raw, encodedWord) {
		return len(raw) > 0 && bytes.Contains(m.lower, p.text), true
	}
	return false, !p.mayBeIn(raw)
}

// printable reports whether ASCII text has no control characters, which people are shown as spaces.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
