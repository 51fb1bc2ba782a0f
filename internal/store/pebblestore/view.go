package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// snapshot is durable state at one moment, shared by Views and closed with the last of them.
type snapshot struct {
	d    *DB
	ps   *pebble.Snapshot
	refs atomic.Int32
}

// newSnapshot takes what is applied now. The committer calls it between groups, so it holds whole groups.
func (d *DB) newSnapshot() *snapshot {
	s := &snapshot{d: d, ps: d.pdb.NewSnapshot()}
	s.refs.Store(1)
	return s
}

func (s *snapshot) release() {
	if s.refs.Add(-1) > 0 {
		return
	}
	if s.d.fs.failed.Load() {
		return // Pebble's locks may be held for ever
	}
	if err := s.ps.Close(); err != nil {
		s.d.opt.Log.Warn("store: close a snapshot", "err", err)
	}
}

// publish makes a snapshot the one that Views read from.
func (d *DB) publish(s *snapshot) {
	d.snapMu.Lock()
	old := d.snap
	d.snap = s
	d.snapMu.Unlock()
	old.release()
}

func (d *DB) acquire() (*snapshot, error) {
	d.snapMu.Lock()
	defer d.snapMu.Unlock()
	if d.snap == nil {
		return nil, store.ErrClosed
	}
	d.snap.refs.Add(1)
	return d.snap, nil
}

// View opens a snapshot of everything durable now. It works after a failure of the disk too.
func (d *DB) View(ctx context.Context) (store.View, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return d.view()
}

func (d *DB) view() (*view, error) {
	s, err := d.acquire()
	if err != nil {
		return nil, err
	}
	return &view{s: s}, nil
}

type view struct {
	s      *snapshot
	closed atomic.Bool
}

func (v *view) Close() {
	if !v.closed.Swap(true) {
		v.s.release()
	}
}

func (v *view) usable(ctx context.Context) error {
	if v.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

func (v *view) Get(ctx context.Context, key []byte) ([]byte, error) {
	if err := v.usable(ctx); err != nil {
		return nil, err
	}
	value, closer, err := v.s.ps.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read a key: %w", err)
	}
	owned := bytes.Clone(value)
	if owned == nil {
		owned = []byte{}
	}
	return owned, closer.Close()
}

func (v *view) Number(ctx context.Context, p store.Partition) (uint64, error) {
	if err := v.usable(ctx); err != nil {
		return 0, err
	}
	key := make([]byte, 0, 1+store.PrefixLen)
	row, err := readPartition(v.s.ps, p, &key)
	return row.number, err
}

// checkEvery is how many rows a scan reads between two looks at its context.
const checkEvery = 256

func (v *view) Scan(ctx context.Context, r store.Range, fn func(key, value []byte) (bool, error)) error {
	return v.scan(ctx, r, fn, (*pebble.Iterator).First, (*pebble.Iterator).Next)
}

func (v *view) ScanBack(ctx context.Context, r store.Range, fn func(key, value []byte) (bool, error)) error {
	return v.scan(ctx, r, fn, (*pebble.Iterator).Last, (*pebble.Iterator).Prev)
}

func (v *view) scan(ctx context.Context, r store.Range, fn func(key, value []byte) (bool, error),
	first, next func(*pebble.Iterator) bool) error {
	if err := v.usable(ctx); err != nil {
		return err
	}
	it, err := v.s.ps.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: lowest(r.Start), UpperBound: highest(r.End)})
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	n := 0
	for ok := first(it); ok; ok = next(it) {
		value, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(fmt.Errorf("scan: %w", err), it.Close())
		}
		more, err := fn(it.Key(), value)
		if n++; err == nil && n%checkEvery == 0 {
			err = ctx.Err()
		}
		if err != nil {
			_ = it.Close() // the first error is the one that counts
			return err
		}
		if !more {
			break
		}
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// lowest and highest keep scans out of the engine's own rows.
func lowest(start []byte) []byte {
	if len(start) == 0 || start[0] < firstKey {
		return []byte{firstKey}
	}
	return start
}

func highest(end []byte) []byte {
	if len(end) == 0 || end[0] >= endKey {
		return []byte{endKey}
	}
	return end
}
