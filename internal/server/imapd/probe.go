package imapd

import (
	"bytes"
	"encoding/binary"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// probe is a piece of a search text that, whatever unfolding and quoting do to a field, stands in its raw bytes if the text is in
// its value: the longest run of letters and digits. It tells most messages that do not match without any decoding.
type probe struct {
	word []byte // in lower case; empty: no telling
	text []byte // all of the search text
	m    *matcher
}

// probe makes the probe of a key's text, once.
func (m *matcher) probe(k imap.SearchKey) probe {
	p, ok := m.probes[k.Text]
	if ok {
		return p
	}
	if m.probes == nil {
		m.probes = map[string]probe{}
	}
	p = probe{word: longestWord(k.Text), text: []byte(k.Text), m: m}
	m.probes[k.Text] = p
	return p
}

func longestWord(s string) []byte {
	best, start := "", 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9') {
			continue
		}
		if i-start > len(best) {
			best = s[start:i]
		}
		start = i + 1
	}
	return []byte(best)
}

// mayBeIn reports whether a field in raw, a stored summary, may hold the text. No means no.
func (p probe) mayBeIn(raw []byte) bool {
	if len(p.word) == 0 || bytes.Contains(raw, encodedWord) {
		return true
	}
	for _, odd := range oddLetters {
		if bytes.Contains(raw, odd) {
			return true
		}
	}
	p.m.lower, _ = appendLower(p.m.lower[:0], raw)
	return bytes.Contains(p.m.lower, p.word)
}

// mayBeInHeader is mayBeIn for a header as it was sent.
func (p probe) mayBeInHeader(raw []byte) bool {
	alone := bytes.Count(raw, cr) - bytes.Count(raw, crlf) // unfolding takes a CR out of the middle of a word too
	return alone > 0 || p.mayBeIn(raw)
}

var (
	encodedWord = []byte("=?")
	cr, crlf    = []byte("\r"), []byte("\r\n")
	// oddLetters become ASCII letters in lower case: the Kelvin sign and the I with a dot.
	oddLetters = [...][]byte{[]byte("\u212a"), []byte("\u0130")}
)

// appendLower appends src with ASCII's capitals made small, eight bytes at a time, and reports whether all of it is ASCII.
func appendLower(dst, src []byte) (out []byte, ascii bool) {
	const (
		ones = 0x0101010101010101
		tops = 0x80 * ones
	)
	n := len(dst)
	out = append(dst, src...)
	rest := out[n:]
	var seen uint64
	for len(rest) >= 8 {
		w := binary.LittleEndian.Uint64(rest)
		low := w &^ tops
		capital := (low + (0x80-'A')*ones) ^ (low + (0x7f-'Z')*ones) // the top bit of each byte from A to Z
		binary.LittleEndian.PutUint64(rest, w|(capital&^w&tops)>>2)
		seen |= w
		rest = rest[8:]
	}
	for i, c := range rest {
		seen |= uint64(c)
		if c >= 'A' && c <= 'Z' {
			rest[i] = c | 0x20
		}
	}
	return out, seen&tops == 0
}
