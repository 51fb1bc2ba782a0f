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

// Check reads every key and every value once, with their checksums, and whether the engine's own rows agree with each
// other. It tells each problem in words and gives an error only if it could not look. Blocks in the cache are not read
// from the disk again.
func (d *DB) Check(ctx context.Context, report func(problem string)) error {
	s, err := d.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	c := &checker{s: s, report: report}
	c.names, err = s.ps.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: []byte{rowBlob}, UpperBound: []byte{rowBlob + 1}})
	if err != nil {
		return fmt.Errorf("check the store: %w", err)
	}
	err = errors.Join(c.each(ctx, nil, nil, c.row), c.endChunks(), c.names.Close())
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return c.nameFiles(ctx, err)
}

// checker looks at the rows in the order of their keys.
type checker struct {
	s      *snapshot
	report func(string)
	names  *pebble.Iterator // over the blobs' rows, for their keys only

	// The large blob whose chunks are being read: how many are there, and their bytes.
	chunked store.BlobID
	chunks  uint32
	size    int64
	// referred is the last blob a reference was seen to.
	referred store.BlobID
}

// each reads every key and value of a range.
func (c *checker) each(ctx context.Context, lower, upper []byte, fn func(key, value []byte) error) error {
	it, err := c.s.ps.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	n := 0
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err == nil {
			err = fn(it.Key(), value)
		}
		if n++; n%checkEvery == 0 && err == nil {
			err = ctx.Err()
		}
	}
	return errors.Join(err, it.Close())
}

// row looks at one row of the engine's own.
func (c *checker) row(key, value []byte) error {
	switch key[0] {
	case rowPartition:
		if _, ok := parsePartitionRow(value); !ok {
			c.report(fmt.Sprintf("the number of partition %x is damaged", key[1:]))
		}
		return nil
	case rowBlob, rowChunk, rowRef:
	default:
		return nil
	}
	if len(key) < 1+idLen {
		c.report(fmt.Sprintf("the key %x is damaged", key))
		return nil
	}
	id := store.BlobID{ID: mail.ID(key[1 : 1+idLen])}
	switch key[0] {
	case rowBlob:
		return c.blob(id, value)
	case rowChunk:
		return c.chunk(id, key, value)
	default:
		return c.reference(id, key[1+idLen:])
	}
}

// blob looks at a blob's row, and whether a large blob has chunks at all; how many is seen when they come.
func (c *checker) blob(id store.BlobID, value []byte) error {
	row, ok := parseBlobRow(value)
	if !ok {
		c.report(fmt.Sprintf("the row of blob %s is damaged", id))
	}
	if row.chunks() == 0 {
		if _, err := row.bytes(); err != nil {
			c.report(fmt.Sprintf("the bytes of blob %s are damaged", id))
		}
		return nil
	}
	there, err := c.has(appendChunkKey(nil, id, 0))
	if err == nil && !there {
		c.report(fmt.Sprintf("the bytes of blob %s are missing", id))
	}
	return err
}

func (c *checker) chunk(id store.BlobID, key, value []byte) error {
	if id != c.chunked {
		if err := c.endChunks(); err != nil {
			return err
		}
		c.chunked, c.chunks, c.size = id, 0, 0
	}
	if bytes.Equal(key, appendChunkKey(nil, id, c.chunks)) {
		c.chunks++
		c.size += int64(len(value))
	}
	return nil
}

// endChunks compares the chunks read with what their blob's row says.
func (c *checker) endChunks() error {
	id := c.chunked
	if id.IsZero() {
		return nil
	}
	value, closer, err := c.s.ps.Get(appendIDKey(nil, rowBlob, id.ID))
	if errors.Is(err, pebble.ErrNotFound) {
		there, err := c.has(appendIDKey(nil, rowStaged, id.ID))
		if err == nil && !there {
			c.report(fmt.Sprintf("there are chunks of blob %s, which is not there", id))
		}
		return err
	}
	if err != nil {
		return err
	}
	row, _ := parseBlobRow(value)
	if c.chunks != row.chunks() || c.size != row.size {
		c.report(fmt.Sprintf("blob %s has %d bytes in %d chunks where %d bytes in %d belong",
			id, c.size, c.chunks, row.size, row.chunks()))
	}
	return closer.Close()
}

func (c *checker) has(key []byte) (bool, error) {
	_, closer, err := c.s.ps.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, closer.Close()
}

// reference looks whether what is referred to is there.
func (c *checker) reference(id store.BlobID, owner []byte) error {
	if id == c.referred {
		return nil
	}
	c.referred = id
	key := appendIDKey(nil, rowBlob, id.ID)
	if !c.names.SeekGE(key) || !bytes.Equal(c.names.Key(), key) {
		c.report(fmt.Sprintf("blob %s is missing, but %x refers to it", id, owner))
	}
	return c.names.Error()
}

// nameFiles reads the store table by table after something in it could not be read, to tell where.
func (c *checker) nameFiles(ctx context.Context, cause error) error {
	levels, err := c.s.d.pdb.SSTables()
	if err != nil {
		return fmt.Errorf("list the store's files: %w", err)
	}
	named := false
	for level, tables := range levels {
		for _, t := range tables {
			end := append(bytes.Clone(t.Largest.UserKey), 0)
			err := c.each(ctx, t.Smallest.UserKey, end, func(_, _ []byte) error { return nil })
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				named = true
				c.report(fmt.Sprintf("the part of the store around file %s (level %d) cannot be read: %v",
					t.BackingSSTNum, level, err))
			}
		}
	}
	if !named {
		c.report(fmt.Sprintf("the store cannot be read: %v", cause))
	}
	return nil
}
