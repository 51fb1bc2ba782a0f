// Package limit holds back those who ask too much: token buckets for rates, gates for concurrency, and a guard against guessing
// passwords.
//
// Laws: memory is bounded (what was least recently used is forgotten first); time comes from a clock; nothing here waits but Guard.Wait,
// so the caller decides whether to sleep or to refuse. Everything is safe for many goroutines.
package limit
