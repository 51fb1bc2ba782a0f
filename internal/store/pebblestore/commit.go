package pebblestore

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Bounds of a group, and how many groups may be between the committer and the disk.
const (
	// A group within maxGroupBytes fits the buffer that is kept, whose size is a power of two.
	maxGroup      = 1024
	maxGroupBytes = 900 << 10
	inFlight      = 2
	// keepBytes is the largest buffer a group keeps for the next.
	keepBytes = 1 << 20
	// maxNumbers bounds the partitions whose numbers are in memory.
	maxNumbers = 1 << 16
)

// group is the jobs that share one Pebble batch and one sync.
type group struct {
	pb      *pebble.Batch
	jobs    []*job
	touched []store.Partition
	snap    *snapshot // what Views see once the group is durable; nil if nothing to see changed
	sync    bool
	synced  bool // a sync was asked for and must be waited for
	started time.Time
	added   map[store.BlobID]struct{} // blobs the group's batches made, which Pebble does not show yet
	// What is decided and still to be written; see writeGroup.
	batches []*store.Batch
	blobs   []madeBlob
}

// madeBlob is a blob that a batch of the group has made; the sweep looks at it if nothing refers to it.
type madeBlob struct {
	*stagedBlob
	referenced bool
}

func newGroup(pdb *pebble.DB) *group {
	return &group{pb: newPebbleBatch(pdb), added: make(map[store.BlobID]struct{})}
}

func newPebbleBatch(pdb *pebble.DB) *pebble.Batch {
	return pdb.NewBatch(pebble.WithInitialSizeBytes(64<<10), pebble.WithMaxRetainedSizeBytes(keepBytes))
}

// reset makes the group fit for the next.
func (g *group) reset(pdb *pebble.DB) {
	if len(g.pb.Repr()) > keepBytes {
		g.pb = newPebbleBatch(pdb) // Pebble may still read from the old one's bytes
	}
	g.pb.Reset()
	clear(g.jobs)
	clear(g.added)
	clear(g.batches)
	clear(g.blobs)
	g.jobs, g.touched, g.snap, g.sync, g.synced = g.jobs[:0], g.touched[:0], nil, false, false
	g.batches, g.blobs = g.batches[:0], g.blobs[:0]
}

// committer is the state of the goroutine that decides commits.
type committer struct {
	d *DB
	// numbers are partitions' numbers as they will be when everything decided is durable. Bounded; Pebble's rows, which
	// hold everything applied, are the truth behind it.
	numbers map[store.Partition]*number
	g       *group
	op      func(kind store.OpKind, key, value []byte) error // applyOp, bound once
	key     []byte
	newest  mail.ID   // the newest batch's ID
	trimmed time.Time // when old batches' IDs were dropped, in the time of batches' IDs
	full    fullness
	chunks  int   // bytes of large blobs that were written since they were last sent to disk
	broken  error // the group is half written: nothing of it may be applied
}

type number struct {
	partitionRow
	// used marks what a batch asked for since the last eviction.
	used bool
	// raised says that the group being decided has raised it.
	raised bool
}

func (c *committer) init(d *DB) {
	c.d = d
	c.numbers = make(map[store.Partition]*number)
	c.op = c.applyOp
}

func (d *DB) commitLoop() {
	defer close(d.groups)
	for {
		g := <-d.free
		g.jobs = d.queue.take(g.jobs)
		if len(g.jobs) == 0 {
			return
		}
		if !d.com.commit(g) {
			return
		}
		d.groups <- g
	}
}

// commit decides the group's jobs and applies what they write. It is false if the store failed.
func (c *committer) commit(g *group) bool {
	d := c.d
	c.g = g
	g.started = d.opt.Clock.Now()
	c.evict()
	c.full = d.fullness()
	for _, j := range g.jobs {
		j.err = c.decide(j)
	}
	if c.broken = c.writeGroup(); c.broken == nil && g.sync {
		c.trim()
	}
	if c.broken != nil {
		d.fail("write", d.dir, c.broken)
		return false
	}
	if g.pb.Empty() {
		return true
	}
	if err := d.apply(g); err != nil {
		d.fail("commit", d.dir, err)
		return false
	}
	if d.fs.failed.Load() {
		return false
	}
	if g.sync {
		g.snap = d.newSnapshot()
	}
	return true
}

// apply hands the group's writes to Pebble. Pebble panics on some errors of the log; they become errors.
func (d *DB) apply(g *group) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("apply a group: %v", r)
		}
	}()
	if d.com.chunks >= chunkFlushBytes {
		d.com.chunks = 0
		if _, err := d.pdb.AsyncFlush(); err != nil {
			return fmt.Errorf("flush chunks: %w", err)
		}
	}
	if !g.sync {
		return d.pdb.Apply(g.pb, pebble.NoSync)
	}
	g.synced = true
	return d.pdb.ApplyNoSyncWait(g.pb, pebble.Sync)
}

// decide takes a job into the group, all or nothing.
func (c *committer) decide(j *job) error {
	if j.batch == nil {
		return j.run(c.g)
	}
	if err := c.full.refuses(j); err != nil {
		return err
	}
	if err := c.checkPartitions(j.batch); err != nil {
		return err
	}
	if err := c.checkBlobs(j.batch); err != nil {
		return err
	}
	c.take(j.batch)
	return nil
}

func (c *committer) checkPartitions(b *store.Batch) error {
	for _, w := range b.Partitions() {
		n, err := c.number(w.Partition)
		if err != nil {
			return err
		}
		if !w.Conditional {
			continue
		}
		if n.number != w.Expected || (!w.After.IsZero() && w.After != n.by) {
			return store.ErrConflict
		}
	}
	return nil
}

// number loads a partition's number.
func (c *committer) number(p store.Partition) (*number, error) {
	n := c.numbers[p]
	if n != nil {
		n.used = true
		return n, nil
	}
	row, err := readPartition(c.d.pdb, p, &c.key)
	if err != nil {
		return nil, err
	}
	n = &number{partitionRow: row, used: true}
	c.numbers[p] = n
	return n, nil
}

// evict keeps the numbers bounded. Between groups Pebble has all of them.
func (c *committer) evict() {
	if len(c.numbers) <= maxNumbers {
		return
	}
	for p, n := range c.numbers {
		if !n.used {
			delete(c.numbers, p)
		}
		n.used = false
	}
}

// take makes a batch the group's. Everything that can refuse it has been asked before.
func (c *committer) take(b *store.Batch) {
	g := c.g
	for i, w := range b.Partitions() {
		if touchedBefore(b.Partitions()[:i], w.Partition) {
			continue
		}
		n := c.numbers[w.Partition]
		n.number++
		n.by = b.ID
		if !n.raised {
			n.raised = true
			g.touched = append(g.touched, w.Partition)
		}
	}
	for _, s := range b.Blobs() {
		c.takeBlob(s.(*stagedBlob), b.Refs()) // inspect has seen to it
	}
	if b.ID.Compare(c.newest) > 0 {
		c.newest = b.ID
	}
	g.batches = append(g.batches, b)
	g.sync = true
}

func touchedBefore(earlier []store.PartitionWrite, p store.Partition) bool {
	for _, w := range earlier {
		if w.Partition == p {
			return true
		}
	}
	return false
}

// writeGroup writes what the group's batches write, kind of row by kind of row and each in the order of the batches: rows of a kind whose keys
// are ids of now are then neighbours that ascend, and the memtable finds the place of each beside the last one's. A partition's row is
// written once.
func (c *committer) writeGroup() error {
	g := c.g
	for _, p := range g.touched {
		if err := c.writeNumber(p); err != nil {
			return err
		}
	}
	for _, b := range g.batches {
		c.key = appendIDKey(c.key[:0], rowBatch, b.ID)
		if err := g.pb.Set(c.key, nil, nil); err != nil {
			return err
		}
	}
	for _, s := range g.blobs {
		if err := c.writeBlob(s); err != nil {
			return err
		}
	}
	for _, b := range g.batches {
		if err := c.writeRefs(b); err != nil {
			return err
		}
	}
	for _, b := range g.batches {
		if err := b.Ops(c.op); err != nil {
			return err
		}
	}
	return nil
}

func (c *committer) writeNumber(p store.Partition) error {
	n := c.numbers[p]
	n.raised = false
	c.key = appendPartitionKey(c.key[:0], p)
	op := c.g.pb.SetDeferred(len(c.key), 8+idLen)
	copy(op.Key, c.key)
	n.append(op.Value[:0])
	return op.Finish()
}

func (c *committer) applyOp(kind store.OpKind, key, value []byte) error {
	switch kind {
	case store.OpSet:
		return c.g.pb.Set(key, value, nil)
	case store.OpDelete:
		return c.g.pb.Delete(key, nil)
	default:
		return c.g.pb.DeleteRange(key, value, nil)
	}
}

// trim drops the IDs of batches that are long decided.
func (c *committer) trim() {
	now := c.newest.Time()
	if now.Sub(c.trimmed) < trimEvery {
		return
	}
	c.trimmed = now
	from, to := []byte{rowBatch}, appendIDKey(nil, rowBatch, mail.FirstID(now.Add(-remember)))
	if err := c.g.pb.DeleteRange(from, to, nil); err != nil {
		c.broken = err
	}
}

func readPartition(r pebble.Reader, p store.Partition, key *[]byte) (partitionRow, error) {
	*key = appendPartitionKey((*key)[:0], p)
	value, closer, err := r.Get(*key)
	if errors.Is(err, pebble.ErrNotFound) {
		return partitionRow{}, nil
	}
	if err != nil {
		return partitionRow{}, fmt.Errorf("read a partition's number: %w", err)
	}
	defer closer.Close()
	row, ok := parsePartitionRow(value)
	if !ok {
		return row, fmt.Errorf("read a partition's number: damaged row")
	}
	return row, nil
}
