// Package mail holds the words every other package speaks in: addresses, domains, envelopes, recipients, flags,
// numbers, ids and faults. It does no I/O and imports nothing of Posthorn's.
//
// Names follow RFC 5598 (architecture), RFC 5321 (envelope), RFC 5322 (message) and RFC 9051 (flags, UIDs).
package mail
