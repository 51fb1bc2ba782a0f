package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// Bounds of what waits for the committer. A single batch may be as large as maxBatchBytes.
const (
	maxQueued      = 4096
	maxQueuedBytes = 16 << 20
	maxBatchBytes  = 64 << 20
)

var (
	errKey   = errors.New("pebblestore: a key outside of every partition")
	errBig   = errors.New("pebblestore: batch too large")
	errBlob  = errors.New("pebblestore: a staged blob of another engine")
	errRange = errors.New("pebblestore: a range to delete without an end")
)

// job is one thing the committer is to do: a batch to decide, or engine's work to run.
type job struct {
	batch *store.Batch
	// run, if batch is nil, adds to the group's writes. It runs in the committer.
	run func(g *group) error
	// alone jobs are a group of their own: they see everything before them applied, and so does what comes after.
	alone  bool
	size   int
	adds   int        // bytes of the keys and values that it sets, without bodies
	done   chan error // capacity 1: written once, when the outcome is durable
	err    error      // the outcome, set by the committer
	failed <-chan struct{}
	d      *DB
}

// Wait implements store.Pending.
func (j *job) Wait(ctx context.Context) error {
	select {
	case err := <-j.done:
		j.done <- err // Wait may be called again
		return err
	default:
	}
	select {
	case err := <-j.done:
		j.done <- err
		return err
	case <-j.failed:
		return j.d.failure
	case <-ctx.Done():
		return fmt.Errorf("wait for the commit, outcome unknown: %w", ctx.Err())
	}
}

// Submit hands a batch over to be committed.
func (d *DB) Submit(ctx context.Context, b *store.Batch) (store.Pending, error) {
	size, adds, err := d.inspect(b)
	if err != nil {
		return nil, err
	}
	j := d.newJob(size)
	j.batch, j.adds = b, adds
	if err := d.queue.add(ctx, j); err != nil {
		return nil, err
	}
	return j, nil
}

// do runs engine's work in the committer and waits for it to be applied (not to be synced).
func (d *DB) do(ctx context.Context, size int, alone alone, run func(g *group) error) error {
	j := d.newJob(size)
	j.run, j.alone = run, bool(alone)
	if err := d.queue.add(ctx, j); err != nil {
		return err
	}
	return j.Wait(ctx)
}

// alone says whether work needs a group of its own.
type alone bool

const (
	together alone = false
	byItself alone = true
)

func (d *DB) newJob(size int) *job {
	return &job{d: d, size: size, done: make(chan error, 1), failed: d.failed}
}

// inspect checks all of a batch that does not depend on the store's state, so that the committer need not, and measures it.
func (d *DB) inspect(b *store.Batch) (size, adds int, err error) {
	if err := d.trouble(); err != nil {
		return 0, 0, err
	}
	err = b.Ops(func(kind store.OpKind, key, value []byte) error {
		if len(key) == 0 || key[0] < firstKey || key[0] >= endKey {
			return errKey
		}
		if kind == store.OpDeleteRange && (len(value) == 0 || bytes.Compare(value, []byte{endKey}) > 0) {
			return errRange
		}
		if kind == store.OpSet {
			adds += len(key) + len(value)
		}
		return nil
	})
	size = b.Size()
	for _, s := range b.Blobs() {
		staged, ok := s.(*stagedBlob)
		if !ok || staged.d != d {
			return 0, 0, errBlob
		}
		size += staged.stored
	}
	if err == nil && size > maxBatchBytes {
		err = errBig
	}
	return size, adds, err
}

// queue is what waits for the committer, in order.
type queue struct {
	mu    sync.Mutex // guards all
	jobs  []*job
	bytes int
	shut  bool
	wake  chan struct{} // capacity 1: there are jobs, or the queue is shut
	room  chan struct{} // closed when jobs were taken, if somebody waits for room
}

func (q *queue) init() { q.wake = make(chan struct{}, 1) }

// add puts a job in, or waits for room.
func (q *queue) add(ctx context.Context, j *job) error {
	for {
		room, err := q.tryAdd(j)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-j.failed:
			return j.d.failure
		case <-ctx.Done():
			return fmt.Errorf("wait for room to commit: %w", ctx.Err())
		}
	}
}

// tryAdd gives a channel to wait on if there is no room.
func (q *queue) tryAdd(j *job) (room <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.shut {
		return nil, store.ErrClosed
	}
	if len(q.jobs) > 0 && (len(q.jobs) >= maxQueued || q.bytes+j.size > maxQueuedBytes) {
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room, nil
	}
	q.jobs = append(q.jobs, j)
	q.bytes += j.size
	q.signal()
	return nil, nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// yields bounds how often the committer lets others run before it takes a group.
const yields = 4

// gather lets submitters that are about to run put their jobs in too, as long as more come: on a busy machine the group, and so
// the sync, is shared by more of them. It waits for nobody who is not ready to run.
func (q *queue) gather() {
	before := 0
	for range yields {
		q.mu.Lock()
		n := len(q.jobs)
		q.mu.Unlock()
		if n == before {
			return
		}
		before = n
		runtime.Gosched()
	}
}

// take moves the next group's jobs into dst. It waits for jobs, and gives none when the queue is shut and empty.
func (q *queue) take(dst []*job) []*job {
	for {
		q.gather()
		q.mu.Lock()
		dst = q.takeLocked(dst)
		shut := q.shut
		q.mu.Unlock()
		if len(dst) > 0 || shut {
			return dst
		}
		<-q.wake
	}
}

func (q *queue) takeLocked(dst []*job) []*job {
	n, size := 0, 0
	for n < len(q.jobs) && n < maxGroup {
		j := q.jobs[n]
		if n > 0 && (size+j.size > maxGroupBytes || j.alone) {
			break
		}
		size += j.size
		n++
		if j.alone {
			break
		}
	}
	dst = append(dst, q.jobs[:n]...)
	rest := copy(q.jobs, q.jobs[n:])
	clear(q.jobs[rest:])
	q.jobs = q.jobs[:rest]
	q.bytes -= size
	if n > 0 && q.room != nil {
		close(q.room)
		q.room = nil
	}
	return dst
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shut = true
	q.signal()
}
