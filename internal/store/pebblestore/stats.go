package pebblestore

import "sync/atomic"

// Stats are counts for the operator's metrics, since the store was opened.
type Stats struct {
	// Commits is batches committed, Syncs the syncs they shared.
	Commits, Syncs int64
	// AcceptedBytes is what commits and staged chunks carried.
	AcceptedBytes int64
	// WrittenBytes is what was written to disk for it: log, tables, bodies and their compactions.
	WrittenBytes int64
	// DiskBytes is what the store takes on the disk now.
	DiskBytes int64
	// MemoryBytes is the memory for writes not sorted to disk yet and for blocks read.
	MemoryBytes int64
}

// counters are the engine's own part of Stats.
type counters struct {
	commits, syncs, accepted atomic.Int64
}

// Stats counts. It takes some microseconds.
func (d *DB) Stats() Stats {
	m := d.pdb.Metrics()
	written := m.WAL.BytesWritten
	for i := range m.Levels {
		l := &m.Levels[i]
		written += l.TableBytesFlushed + l.TableBytesCompacted + l.BlobBytesFlushed + l.BlobBytesCompacted
	}
	return Stats{
		Commits:       d.count.commits.Load(),
		Syncs:         d.count.syncs.Load(),
		AcceptedBytes: d.count.accepted.Load(),
		WrittenBytes:  int64(written),
		DiskBytes:     int64(m.DiskSpaceUsage()),
		MemoryBytes:   int64(m.MemTable.Size+m.MemTable.ZombieSize) + m.BlockCache.Size,
	}
}
