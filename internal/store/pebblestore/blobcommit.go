package pebblestore

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// checkBlobs refuses a batch that adds or references a blob that is gone, and claims those it adds.
func (c *committer) checkBlobs(b *store.Batch) error {
	for _, r := range b.Refs() {
		if r.Drop {
			continue
		}
		if err := c.mustHave(r.Blob, b.Blobs()); err != nil {
			return err
		}
	}
	return c.claim(b.Blobs())
}

// claim makes staged blobs the batch's, all or none. Until it is written nobody can give them up: neither the sweep of forgotten ones nor
// their owner, whose wait has ended.
func (c *committer) claim(blobs []store.StagedBlob) error {
	for i, s := range blobs {
		err := c.claimOne(s.(*stagedBlob)) // inspect has seen to it
		if err == nil {
			continue
		}
		for _, earlier := range blobs[:i] {
			earlier.(*stagedBlob).move(stagedClaimed, stagedOpen)
		}
		return err
	}
	return nil
}

func (c *committer) claimOne(s *stagedBlob) error {
	if s.move(stagedOpen, stagedClaimed) {
		return nil
	}
	switch s.current() {
	case stagedGone:
		return store.ErrNoBlob
	case stagedCommitted:
		return c.mustHave(s.ref.ID, nil)
	}
	return nil // the batch names it twice
}

// mustHave asks for a blob: among those of the batch itself, of the group, and in Pebble.
func (c *committer) mustHave(id store.BlobID, own []store.StagedBlob) error {
	for _, s := range own {
		if s.Ref().ID == id {
			return nil
		}
	}
	if _, ok := c.g.added[id]; ok {
		return nil
	}
	c.key = appendIDKey(c.key[:0], rowBlob, id.ID)
	_, closer, err := c.d.pdb.Get(c.key)
	if errors.Is(err, pebble.ErrNotFound) {
		return store.ErrNoBlob
	}
	if err != nil {
		return fmt.Errorf("look for a blob: %w", err)
	}
	return closer.Close()
}

// takeBlob makes a staged blob the group's, unless it was committed before.
func (c *committer) takeBlob(s *stagedBlob, refs []store.BlobRefChange) {
	if !s.move(stagedClaimed, stagedCommitted) {
		return
	}
	c.g.added[s.ref.ID] = struct{}{}
	c.g.blobs = append(c.g.blobs, madeBlob{s, referenced(s.ref.ID, refs)})
}

// writeRefs writes a batch's changes of references.
func (c *committer) writeRefs(b *store.Batch) error {
	for _, r := range b.Refs() {
		c.key = appendRefKey(c.key[:0], r.Blob, r.Owner)
		if !r.Drop {
			if err := c.g.pb.Set(c.key, nil, nil); err != nil {
				return err
			}
			continue
		}
		if err := c.g.pb.Delete(c.key, nil); err != nil {
			return err
		}
		if err := c.candidate(r.Blob); err != nil {
			return err
		}
	}
	return nil
}

func (c *committer) writeBlob(s madeBlob) error {
	id := s.ref.ID
	if !s.referenced {
		if err := c.candidate(id); err != nil {
			return err
		}
	}
	c.key = appendIDKey(c.key[:0], rowBlob, id.ID)
	if !s.chunked {
		return c.g.pb.Set(c.key, s.row, nil)
	}
	row := blobRow{size: s.ref.Size, chunkSize: int64(c.d.opt.InlineBytes)}
	if err := c.g.pb.Set(c.key, row.appendChunked(nil), nil); err != nil {
		return err
	}
	c.d.unstage(id)
	c.key = appendIDKey(c.key[:0], rowStaged, id.ID)
	return c.g.pb.Delete(c.key, nil)
}

func referenced(id store.BlobID, refs []store.BlobRefChange) bool {
	for _, r := range refs {
		if r.Blob == id && !r.Drop {
			return true
		}
	}
	return false
}

// candidate has the sweep look at the blob.
func (c *committer) candidate(id store.BlobID) error {
	c.key = appendIDKey(c.key[:0], rowCandidate, id.ID)
	return c.g.pb.Set(c.key, nil, nil)
}
