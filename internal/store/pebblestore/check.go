package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Check reads everything once: every file's every byte with its checksum, and whether the engine's own rows agree with
// each other. It tells each problem in words and gives an error only if it could not look.
func (d *DB) Check(ctx context.Context, report func(problem string)) error {
	s, err := d.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	c := &checker{ctx: ctx, s: s, report: report}
	if err := c.files(); err != nil {
		return err
	}
	return c.blobs()
}

type checker struct {
	ctx    context.Context
	s      *snapshot
	report func(string)
}

// files reads the key range of every table, so that one damaged block hides no other table's.
func (c *checker) files() error {
	levels, err := c.s.d.pdb.SSTables()
	if err != nil {
		return fmt.Errorf("list the store's files: %w", err)
	}
	bad := 0
	for level, tables := range levels {
		for _, t := range tables {
			if err := c.ctx.Err(); err != nil {
				return err
			}
			err := c.read(t.Smallest.UserKey, append(append([]byte(nil), t.Largest.UserKey...), 0))
			if err != nil {
				bad++
				c.report(fmt.Sprintf("the part of the store around file %s (level %d) cannot be read: %v",
					t.BackingSSTNum, level, err))
			}
		}
	}
	if bad > 0 {
		return nil
	}
	// What is in memory and in the log only.
	if err := c.read(nil, nil); err != nil {
		c.report(fmt.Sprintf("the store cannot be read: %v", err))
	}
	return c.ctx.Err()
}

// read reads every key and value of a range.
func (c *checker) read(lower, upper []byte) error {
	return c.each(lower, upper, func(_, _ []byte) error { return nil })
}

func (c *checker) each(lower, upper []byte, fn func(key, value []byte) error) error {
	it, err := c.s.ps.NewIterWithContext(c.ctx, &pebble.IterOptions{LowerBound: lower, UpperBound: upper})
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
			err = c.ctx.Err()
		}
	}
	return errors.Join(err, it.Close())
}

// blobs compares blobs, chunks and references.
func (c *checker) blobs() error {
	err := c.rows(rowBlob, func(id store.BlobID, _, value []byte) error {
		row, ok := parseBlobRow(value)
		if !ok {
			c.report(fmt.Sprintf("the row of blob %s is damaged", id))
			return nil
		}
		return c.chunks(id, row)
	})
	if err != nil {
		return c.soften(err)
	}
	if err := c.orphans(); err != nil {
		return c.soften(err)
	}
	var last store.BlobID
	err = c.rows(rowRef, func(id store.BlobID, key, _ []byte) error {
		if id == last {
			return nil
		}
		last = id
		_, closer, err := c.s.ps.Get(appendIDKey(nil, rowBlob, id.ID))
		if errors.Is(err, pebble.ErrNotFound) {
			c.report(fmt.Sprintf("blob %s is missing, but %x refers to it", id, key[1+idLen:]))
			return nil
		}
		if err != nil {
			return err
		}
		return closer.Close()
	})
	if err != nil {
		return c.soften(err)
	}
	return c.soften(c.each([]byte{rowPartition}, []byte{rowPartition + 1}, func(key, value []byte) error {
		if _, ok := parsePartitionRow(value); !ok {
			c.report(fmt.Sprintf("the number of partition %x is damaged", key[1:]))
		}
		return nil
	}))
}

// soften reports what cannot be read and passes on only that the caller gave up.
func (c *checker) soften(err error) error {
	if err == nil || c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	c.report(fmt.Sprintf("the store's own rows cannot be read: %v", err))
	return nil
}

func (c *checker) rows(row byte, fn func(id store.BlobID, key, value []byte) error) error {
	return c.each([]byte{row}, []byte{row + 1}, func(key, value []byte) error {
		if len(key) < 1+idLen {
			c.report(fmt.Sprintf("the key %x is damaged", key))
			return nil
		}
		id, err := mail.IDFromBytes(key[1 : 1+idLen])
		if err != nil {
			return err
		}
		return fn(store.BlobID{ID: id}, key, value)
	})
}

// chunks checks that all of a large blob's bytes are there.
func (c *checker) chunks(id store.BlobID, row blobRow) error {
	if row.chunkSize == 0 {
		return nil
	}
	var index uint32
	var size int64
	err := c.each(appendChunkKey(nil, id, 0), appendChunkKey(nil, id, noChunk), func(key, value []byte) error {
		if string(key) == string(appendChunkKey(nil, id, index)) {
			index++
			size += int64(len(value))
		}
		return nil
	})
	if err == nil && (index != row.chunks() || size != row.size) {
		c.report(fmt.Sprintf("blob %s has %d bytes in %d chunks where %d bytes in %d belong",
			id, size, index, row.size, row.chunks()))
	}
	return err
}

// orphans finds chunks that belong to no blob, stored or on its way: bytes that nothing would ever remove.
func (c *checker) orphans() error {
	var last store.BlobID
	return c.rows(rowChunk, func(id store.BlobID, _, _ []byte) error {
		if id == last {
			return nil
		}
		last = id
		for _, row := range []byte{rowBlob, rowStaged} {
			_, closer, err := c.s.ps.Get(appendIDKey(nil, row, id.ID))
			if err == nil {
				return closer.Close()
			}
			if !errors.Is(err, pebble.ErrNotFound) {
				return err
			}
		}
		c.report(fmt.Sprintf("there are chunks of blob %s, which is not there", id))
		return nil
	})
}
