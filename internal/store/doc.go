// Package store is the contract between Posthorn's state and whatever keeps it: an ordered key-value space cut into
// partitions, one atomic durable commit, and bodies (blobs). State is written once against it; engines
// (pebblestore, later pgstore) implement it; storetest holds every engine to the laws.
//
// The laws:
//
//  1. A commit is all or nothing, across a crash too.
//  2. When Pending.Wait (or Commit) returns nil, the commit survives power loss.
//  3. Every partition a commit touches rises by exactly one. If a partition that the batch expects at a number has moved on,
//     the commit fails with ErrConflict and writes nothing. Keys live in partitions: a key starts with a letter, the
//     engine's own rows are out of reach.
//  4. A View is one consistent snapshot of durable state: nothing that a crash could still forget is ever read.
//     Scans are in byte order. After Wait returns nil, every View opened later shows the commit.
//  5. A Watcher hears of every later commit to its partition within a second, on any node; hearing is a hint, the
//     partition's number is the truth.
//  6. Batches of one submitter are decided in the order of their Submit calls, so a batch may expect the number that the
//     one before it, not durable yet, will leave. It names that one (Batch.ExpectAfter): if it fails, so does this one,
//     even if somebody else has left the same number.
//  7. A blob is readable from the commit that first references it until the commit that drops its last reference, and
//     gone some time after. A commit that references a blob already gone fails with ErrNoBlob and writes nothing.
//  8. A commit whose outcome is unknown (Wait's ctx ended, the process died) can be looked up by its batch's ID for an hour.
//  9. After a failed write or sync the engine says yes to nothing more (ErrFailed) until it is opened again.
package store
