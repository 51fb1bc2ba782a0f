package pebblestore

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// Options are an engine's settings; the zero value of each means its default.
type Options struct {
	// FS is the file system; the real one by default.
	FS vfs.FS
	// Log is where disk trouble is told.
	Log *slog.Logger
	// Clock measures syncs and ages forgotten staged blobs.
	Clock clock.Clock
	// CacheBytes is the memory for blocks read; 8 MiB.
	CacheBytes int64
	// MemTableBytes is the memory that collects writes before they are sorted to disk; 24 MiB. They grow to that from a quarter
	// of a MiB; under load up to four are in memory. In a store with much mail each halving of them costs half as many bytes
	// written again (docs/performance.md).
	MemTableBytes int
	// InlineBytes is the largest blob that travels in its commit, and the size of a larger blob's chunks; 128 KiB. A
	// staging writer holds this much at most.
	InlineBytes int
	// ReserveBytes is the room on disk that is kept free: below it commits with bodies fail with ErrFull, below a quarter of
	// it all do. 128 MiB, but at most a twentieth of the disk. Negative means none.
	ReserveBytes int64
	// SlowSync is how long a sync may take before a line in the log tells of it; a second.
	SlowSync time.Duration
	// Forgotten is the age at which a staged blob that nobody committed or wrote to is swept; two hours.
	Forgotten time.Duration
}

const (
	defaultCacheBytes    = 8 << 20
	defaultMemTableBytes = 24 << 20
	defaultInlineBytes   = 128 << 10
	defaultReserveBytes  = 128 << 20
	defaultSlowSync      = time.Second
	defaultForgotten     = 2 * time.Hour

	// chunkFlushBytes is how much of large blobs is collected before it goes to disk: their chunks are written once and gain nothing
	// from waiting in memory, which they would fill.
	chunkFlushBytes = 8 << 20
	// baseBytes is the size of the level that flushed tables are merged into; about that of the tables that trigger it.
	baseBytes = 192 << 20

	// separateBytes is the size from which a value lives in a blob file, written once at flush and not again in compactions.
	separateBytes = 1 << 10
	// remember is how long a batch's ID is kept after its commit; trimEvery is how often old ones are dropped.
	remember  = time.Hour
	trimEvery = 5 * time.Minute
)

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = defaultMemTableBytes
	}
	if o.InlineBytes == 0 {
		o.InlineBytes = defaultInlineBytes
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = defaultReserveBytes
	}
	if o.SlowSync == 0 {
		o.SlowSync = defaultSlowSync
	}
	if o.Forgotten == 0 {
		o.Forgotten = defaultForgotten
	}
	return o
}

// pebbleOptions are Pebble's settings; docs/decisions has the measurements.
func (d *DB) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          d.fs,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		MemTableSize:                uint64(d.opt.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		// Pebble takes the memtables' memory out of the cache: without room for them here nothing read would ever stay.
		CacheSize:                  d.opt.CacheBytes + 2*int64(d.opt.MemTableBytes),
		MaxOpenFiles:               1000,
		L0CompactionThreshold:      8,
		L0StopWritesThreshold:      64,
		LBaseMaxBytes:              baseBytes,
		BytesPerSync:               1 << 20,
		MaxManifestFileSize:        4 << 20,
		Logger:                     pebbleLog{d},
		EventListener:              d.events(),
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
	}
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled: true, MinimumSize: separateBytes, MaxBlobReferenceDepth: 10,
			RewriteMinimumAge: 10 * time.Minute, TargetGarbageRatio: 0.25,
		}
	}
	o.Experimental.FileCacheShards = 2
	// The fast way on all levels: zstd on the lowest took a twentieth of a delivery's time for rows that are a tenth of the store.
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings {
		return pebble.UniformDBCompressionSettings(sstable.FastCompression)
	})
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].IndexBlockSize = 64 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.TargetFileSizes[i] = 8 << 20
	}
	return o
}
