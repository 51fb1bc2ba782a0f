// Package journey keeps each message's story: accepted from whom and how, what was checked, where it was stored, every attempt
// to hand it on with the other server's own words, and how it ended; in plain words for the sender and the admin.
//
// Laws:
//
//   - An event is recorded with the very commit that makes it true (Record). Only what changes nothing else, such as the first
//     fetch of a message, has a commit of its own, and these are gathered (Append).
//   - A story is kept until its last event is older than the time to keep, and never lost while its message is queued.
//   - Watch hears of events after they are durable, as they are published; it may miss some when the reader is slow, for Read is the truth.
//
// Layout, in the journey partition: e messageID(12) microseconds(8) kind(1) index(1) random(4) → event, and more of
// the same moment that the same commit recorded; the order of kinds is the order of a journey, so events of one instant sort as
// they happened. a accountID(12) messageID(12) → nothing: the index by account.
package journey
