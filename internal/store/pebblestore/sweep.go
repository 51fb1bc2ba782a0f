package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// sweepStep is how many blobs one turn of the committer looks at.
const sweepStep = 64

// Sweep removes blobs that nothing references and staged ones that were forgotten.
func (d *DB) Sweep(ctx context.Context) (int, error) {
	forgotten, err := d.sweepStaged(ctx)
	if err != nil {
		return forgotten, fmt.Errorf("sweep staged blobs: %w", err)
	}
	n, err := d.sweepCandidates(ctx)
	if err != nil {
		return forgotten + n, fmt.Errorf("sweep blobs: %w", err)
	}
	return forgotten + n, nil
}

// sweepStaged gives up blobs whose writers or owners have forgotten them.
func (d *DB) sweepStaged(ctx context.Context) (int, error) {
	oldest := d.opt.Clock.Now().Add(-d.opt.Forgotten)
	var old []*stagedBlob
	d.stageMu.Lock()
	for _, s := range d.staged {
		s.mu.Lock()
		if s.touched.Before(oldest) {
			old = append(old, s)
		}
		s.mu.Unlock()
	}
	d.stageMu.Unlock()
	n := 0
	for _, s := range old {
		if !s.move(stagedOpen, stagedGone) && s.current() != stagedGone {
			continue
		}
		err := d.do(ctx, 0, together, func(g *group) error {
			d.unstage(s.ref.ID)
			return removeChunks(g, s.ref.ID, noChunk-1)
		})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// sweepCandidates looks at every blob that has lost a reference, some at a time, so that commits go on in between.
func (d *DB) sweepCandidates(ctx context.Context) (int, error) {
	total := 0
	from := []byte{rowCandidate}
	for {
		ids, err := d.candidates(from)
		if err != nil || len(ids) == 0 {
			return total, err
		}
		removed := 0
		err = d.do(ctx, 0, byItself, func(g *group) error {
			n, err := d.sweepStep(g, ids)
			removed = n
			return err
		})
		if err != nil {
			return total, err
		}
		total += removed
		from = append(appendIDKey(nil, rowCandidate, ids[len(ids)-1].ID), 0)
	}
}

// candidates reads the next durable candidates.
func (d *DB) candidates(from []byte) ([]store.BlobID, error) {
	s, err := d.acquire()
	if err != nil {
		return nil, err
	}
	defer s.release()
	it, err := s.ps.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{rowCandidate + 1}})
	if err != nil {
		return nil, err
	}
	var ids []store.BlobID
	for ok := it.First(); ok && len(ids) < sweepStep; ok = it.Next() {
		if id, err := mail.IDFromBytes(it.Key()[1:]); err == nil {
			ids = append(ids, store.BlobID{ID: id})
		}
	}
	return ids, it.Close()
}

// sweepStep removes those of the blobs, in the order of their ids, that nothing refers to. It runs in the committer, alone in
// its group, so it sees in Pebble everything decided before. If it gives an error, the group may hold some of its writes,
// each whole.
func (d *DB) sweepStep(g *group, ids []store.BlobID) (removed int, err error) {
	refs, err := d.pdb.NewIter(&pebble.IterOptions{LowerBound: []byte{rowRef}, UpperBound: []byte{rowRef + 1}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, refs.Close()) }()
	blobs, err := d.pdb.NewIter(&pebble.IterOptions{LowerBound: []byte{rowBlob}, UpperBound: []byte{rowBlob + 1}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	g.sync = true // so that Views see the blobs gone as soon as commits do
	for _, id := range ids {
		prefix := appendRefKey(nil, id, nil)
		held := refs.SeekGE(prefix) && bytes.HasPrefix(refs.Key(), prefix)
		if err := refs.Error(); err != nil {
			return removed, err
		}
		if !held {
			gone, err := remove(g, blobs, id)
			if err != nil {
				return removed, err
			}
			removed += gone
		}
		if err := g.pb.Delete(appendIDKey(nil, rowCandidate, id.ID), nil); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// remove removes a blob. It does not read the bytes of a small one, and tells Pebble their number, which lets it judge when
// to give the room back.
func remove(g *group, blobs *pebble.Iterator, id store.BlobID) (removed int, err error) {
	key := appendIDKey(nil, rowBlob, id.ID)
	if !blobs.SeekGE(key) || !bytes.Equal(blobs.Key(), key) {
		return 0, blobs.Error()
	}
	lazy := blobs.LazyValue()
	size := lazy.Len()
	if size == chunkedRowLen {
		value, err := blobs.ValueAndErr()
		if err != nil {
			return 0, err
		}
		if row, ok := parseBlobRow(value); ok && row.chunkSize > 0 {
			if err := removeChunks(g, id, row.chunks()); err != nil {
				return 0, err
			}
		}
	}
	return 1, g.pb.DeleteSized(key, uint32(size), nil)
}

// forgetStaged removes the chunks that the last run left without a commit. Nothing else runs yet.
func (d *DB) forgetStaged() error {
	it, err := d.pdb.NewIter(&pebble.IterOptions{LowerBound: []byte{rowStaged}, UpperBound: []byte{rowStaged + 1}})
	if err != nil {
		return fmt.Errorf("look for forgotten chunks: %w", err)
	}
	g := newGroup(d.pdb)
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var id mail.ID
		if id, err = mail.IDFromBytes(it.Key()[1:]); err == nil {
			err = removeChunks(g, store.BlobID{ID: id}, noChunk-1)
		}
	}
	if err = errors.Join(err, it.Close()); err == nil && !g.pb.Empty() {
		err = d.pdb.Apply(g.pb, pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("remove forgotten chunks: %w", err)
	}
	return nil
}
