// Package pebblestore is the embedded engine of the store contract: one folder, one Pebble database, bodies included.
//
// How a commit goes: Submit checks the batch and queues it. One goroutine, the committer, takes all that wait, decides
// them in order against the partitions' numbers, writes those that may go into one Pebble batch and applies it with one
// sync. A second goroutine, the syncer, waits for the disk; only then does it move the durable snapshot that every View
// reads from, and wake submitters and watchers. So nothing is visible before it is durable (law 4), while the committer
// already knows the numbers that pending batches will leave (law 6) and prepares the next group during the sync.
//
// All writes, chunks of large bodies and the sweep's deletions too, go through the committer. The order of the
// write-ahead log is therefore the order of decisions, a crash forgets a suffix of it, and a sweep cannot race a commit
// that references the blob again.
//
// A disk that fails a write or a sync is never written to again (see fence): every commit gets ErrFailed at once, reads go
// on from the last durable snapshot, and the goroutines that were inside Pebble are left parked until the process ends.
//
// Layout on disk (Pebble's key space; numbers big endian):
//
//	0x01                                 format version of this layout
//	0x02 kind id                         a partition: number (8), ID of the batch that left it (12)
//	0x03 batch                           a batch was committed; kept for an hour
//	0x04 blob                            a blob: 0x01 and the bytes, or 0x02, size (8), bytes of a chunk (4), or 0x03 and the
//	                                     bytes as a block of S2, which says their number
//	0x05 blob index(4)                   a chunk of a large blob
//	0x06 blob owner                      owner refers to the blob
//	0x07 blob                            the blob lost a reference: the sweep looks whether it was the last
//	0x08 blob                            chunks of the blob are on their way; gone with the commit
//	'a' … 'z'                            partitions' own keys
package pebblestore
