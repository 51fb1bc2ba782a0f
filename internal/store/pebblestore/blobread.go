package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/posthorn-mail/posthorn/internal/store"
)

var errOffset = errors.New("pebblestore: read at a negative offset")

// OpenBlob opens a durable blob for reading.
func (d *DB) OpenBlob(ctx context.Context, id store.BlobID) (store.Blob, error) {
	return d.OpenHead(ctx, id, maxBatchBytes)
}

// OpenHead is OpenBlob for who reads no more than the first n bytes: no more of a small blob is unpacked.
func (d *DB) OpenHead(ctx context.Context, id store.BlobID, n int64) (store.Blob, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := d.acquire()
	if err != nil {
		return nil, err
	}
	b, err := s.openBlob(id, n)
	if err != nil {
		s.release()
	}
	return b, err
}

// openBlob takes over the caller's hold on the snapshot if it gives no error.
func (s *snapshot) openBlob(id store.BlobID, n int64) (store.Blob, error) {
	value, closer, err := s.ps.Get(appendIDKey(nil, rowBlob, id.ID))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, store.ErrNoBlob
	}
	if err != nil {
		return nil, fmt.Errorf("open a blob: %w", err)
	}
	defer closer.Close()
	row, ok := parseBlobRow(value)
	if !ok {
		return nil, fmt.Errorf("open a blob: the row of blob %s is damaged", id)
	}
	if row.chunkSize > 0 {
		return &chunkedBlob{id: id, row: row, r: s.ps, snap: s, cached: noChunk}, nil
	}
	// A copy, so that a slow reader holds its own few bytes and not a memtable or a block.
	lent, _ := s.d.bodies.Get().(*[]byte)
	if lent == nil {
		lent = new([]byte)
	}
	if *lent, err = row.headInto(*lent, n); err != nil {
		return nil, fmt.Errorf("open blob %s: %w", id, err)
	}
	blob := &inlineBlob{bytes: *lent, size: row.size, lent: lent, from: &s.d.bodies}
	s.release()
	return blob, nil
}

// inlineBlob is a small blob's bytes, or the first of them.
type inlineBlob struct {
	size int64
	from *sync.Pool // where lent goes back to with Close; nil if the bytes are the blob's own

	mu    sync.RWMutex // guards what follows: nobody may read what another blob has been lent
	bytes []byte
	lent  *[]byte
}

func (b *inlineBlob) Size() int64 { return b.size }

func (b *inlineBlob) Close() error {
	if b.from == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lent != nil {
		b.from.Put(b.lent)
		b.lent, b.bytes = nil, nil
	}
	return nil
}

func (b *inlineBlob) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.from != nil && b.lent == nil {
		return 0, store.ErrClosed
	}
	if off < 0 {
		return 0, errOffset
	}
	if off >= b.size {
		return 0, io.EOF
	}
	n := copy(p, b.bytes[min(off, int64(len(b.bytes))):])
	switch {
	case n == len(p):
		return n, nil
	case off+int64(n) < b.size:
		return n, store.ErrHead
	}
	return n, io.EOF
}

// noChunk marks that no chunk is cached.
const noChunk = ^uint32(0)

// chunkedBlob reads a large blob chunk by chunk, of which it keeps the last.
type chunkedBlob struct {
	id   store.BlobID
	row  blobRow
	r    pebble.Reader
	snap *snapshot // held until Close; nil for a staged blob

	mu     sync.Mutex // guards what follows
	cached uint32
	chunk  []byte
	closed bool
}

func (b *chunkedBlob) Size() int64 { return b.row.size }

func (b *chunkedBlob) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.chunk = nil
	if b.snap != nil {
		b.snap.release()
	}
	return nil
}

func (b *chunkedBlob) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errOffset
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, store.ErrClosed
	}
	n := 0
	for n < len(p) && off < b.row.size {
		if err := b.load(uint32(off / b.row.chunkSize)); err != nil {
			return n, err
		}
		m := copy(p[n:], b.chunk[off%b.row.chunkSize:])
		n += m
		off += int64(m)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// load brings one chunk into b.chunk.
func (b *chunkedBlob) load(index uint32) error {
	if index == b.cached {
		return nil
	}
	value, closer, err := b.r.Get(appendChunkKey(nil, b.id, index))
	if errors.Is(err, pebble.ErrNotFound) && b.snap == nil {
		return store.ErrNoBlob
	}
	if err != nil {
		return fmt.Errorf("read chunk %d of blob %s: %w", index, b.id, err)
	}
	defer closer.Close()
	want := min(b.row.chunkSize, b.row.size-int64(index)*b.row.chunkSize)
	if int64(len(value)) != want {
		return fmt.Errorf("read chunk %d of blob %s: %d bytes where %d belong", index, b.id, len(value), want)
	}
	b.chunk = append(b.chunk[:0], value...)
	b.cached = index
	return nil
}
