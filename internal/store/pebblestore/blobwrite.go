package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

var errFinished = errors.New("pebblestore: write to a blob that is finished or given up")

// stagedBlob is a blob before its commit: all of its bytes in memory, or chunks in Pebble behind a row that tells of
// them, without which a crash would leave them for ever.
type stagedBlob struct {
	d   *DB
	ref store.BlobRef
	// stored is how many bytes the row of a small blob has; 0 if chunked.
	stored  int
	chunked bool

	mu    sync.Mutex // guards what follows
	state stagedState
	// row is all of a small blob, as it will be stored; nil if chunked, or stored and given back. The committer, which alone writes it and
	// whose writing comes before the giving back, reads it without the lock.
	row []byte
	// lent is the memory of row, if it was lent.
	lent *[]byte
	// touched is when bytes last arrived.
	touched time.Time
}

type stagedState uint8

const (
	stagedOpen    stagedState = iota // chunks may be there
	stagedClaimed                    // by the batch that the committer decides
	stagedCommitted
	stagedGone
)

func (s *stagedBlob) Ref() store.BlobRef { return s.ref }

// Open reads the staged bytes before the commit, and the stored ones after it.
func (s *stagedBlob) Open(ctx context.Context) (store.Blob, error) {
	if s.current() == stagedGone {
		return nil, store.ErrNoBlob
	}
	if !s.chunked {
		return s.openSmall(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	row := blobRow{size: s.ref.Size, chunkSize: int64(s.d.opt.InlineBytes)}
	return &chunkedBlob{id: s.ref.ID, row: row, r: s.d.pdb, cached: noChunk}, nil
}

// openSmall opens a small blob in its row, or the stored one if the row's memory has been given back.
func (s *stagedBlob) openSmall(ctx context.Context) (store.Blob, error) {
	s.mu.Lock()
	if s.row == nil {
		s.mu.Unlock()
		return s.d.OpenBlob(ctx, s.ref.ID)
	}
	defer s.mu.Unlock()
	row, _ := parseBlobRow(s.row) // our own
	b, err := row.bytes()
	return &inlineBlob{bytes: b, size: int64(len(b))}, err
}

// settled gives the row's memory back once the blob is stored and can be read from there.
func (s *stagedBlob) settled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lent == nil || s.state != stagedCommitted {
		return
	}
	s.d.rows.Put(s.lent)
	s.lent, s.row = nil, nil
}

// saved is by how many bytes a small blob's row is smaller than the blob.
func (s *stagedBlob) saved() int64 {
	if s.chunked {
		return 0
	}
	return s.ref.Size - int64(s.stored)
}

func (s *stagedBlob) current() stagedState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// move goes from one state to another; it is false if the blob is in a third.
func (s *stagedBlob) move(from, to stagedState) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != from {
		return false
	}
	s.state = to
	return true
}

func (s *stagedBlob) touch(c clock.Clock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched = c.Now()
}

// blobWriter takes a blob's bytes. It holds one chunk at most.
type blobWriter struct {
	s     *stagedBlob
	buf   []byte
	lent  *lent  // what buf is from; nil before the first byte
	next  uint32 // index of the next chunk
	total int64
	err   error
	ended bool
}

// Stage starts a new blob.
func (d *DB) Stage(context.Context) store.BlobWriter {
	id := store.BlobID{ID: mail.NewID(d.opt.Clock.Now())}
	return &blobWriter{s: &stagedBlob{d: d, ref: store.BlobRef{ID: id}}}
}

// Write implements io.Writer.
func (w *blobWriter) Write(p []byte) (int, error) {
	if w.err == nil && w.ended {
		w.err = errFinished
	}
	taken := 0
	for len(p) > 0 && w.err == nil {
		room := w.s.d.opt.InlineBytes - len(w.buf)
		if room == 0 {
			w.err = w.flush()
			continue
		}
		n := min(room, len(p))
		w.grow(n)
		w.buf = append(w.buf, p[:n]...)
		p = p[n:]
		taken += n
		w.total += int64(n)
	}
	return taken, w.err
}

// grow keeps the buffer from growing past a chunk.
func (w *blobWriter) grow(n int) {
	if w.lent == nil {
		if w.lent, _ = w.s.d.lend.Get().(*lent); w.lent == nil {
			w.lent = new(lent)
		}
		w.buf = w.lent.buf
	}
	need := len(w.buf) + n
	if need <= cap(w.buf) {
		return
	}
	bigger := make([]byte, len(w.buf), min(max(2*cap(w.buf), need), w.s.d.opt.InlineBytes))
	copy(bigger, w.buf)
	w.buf = bigger
}

// flush hands the buffered chunk to the committer and waits until it is applied, so that the buffer is free again.
func (w *blobWriter) flush() error {
	s, d := w.s, w.s.d
	if !s.chunked {
		s.chunked = true
		s.touch(d.opt.Clock)
		d.stageMu.Lock()
		d.staged[s.ref.ID] = s
		d.stageMu.Unlock()
	}
	index, chunk := w.next, w.buf
	err := d.do(context.Background(), len(chunk), together, func(g *group) error {
		if s.current() == stagedGone { // swept: its chunks are removed, and no further one may come
			return store.ErrNoBlob
		}
		if d.com.full != roomy {
			return store.ErrFull
		}
		if index == 0 {
			if err := g.pb.Set(appendIDKey(nil, rowStaged, s.ref.ID.ID), nil, nil); err != nil {
				return err
			}
		}
		op := g.pb.SetDeferred(1+idLen+4, len(chunk))
		appendChunkKey(op.Key[:0], s.ref.ID, index)
		copy(op.Value, chunk)
		d.com.chunks += len(chunk)
		return op.Finish()
	})
	if err != nil {
		return fmt.Errorf("stage a chunk: %w", err)
	}
	s.touch(d.opt.Clock)
	w.next++
	w.buf = w.buf[:0]
	return nil
}

// Finish implements store.BlobWriter.
func (w *blobWriter) Finish() (store.StagedBlob, error) {
	if w.err == nil && w.ended {
		w.err = errFinished
	}
	if w.err == nil && w.s.chunked && len(w.buf) > 0 {
		w.err = w.flush()
	}
	if w.err != nil {
		return nil, w.err
	}
	w.ended = true
	w.s.ref.Size = w.total
	if !w.s.chunked {
		w.pack()
	}
	w.giveBack()
	return w.s, nil
}

// mostLentRow is the largest body whose row stays in lent memory until it is stored. Larger ones get a row of their size: there may be
// many that wait for the disk, and what is lent may be much larger than what is in it.
const mostLentRow = 48 << 10

// pack makes the row of a small blob, on the submitter's time and not the committer's.
func (w *blobWriter) pack() {
	s := w.s
	if len(w.buf) > mostLentRow {
		row := inlineRow(w.buf, w.lent.scratch)
		w.lent.scratch = row
		s.row, s.stored = bytes.Clone(row), len(row)
		return
	}
	if s.lent, _ = s.d.rows.Get().(*[]byte); s.lent == nil {
		s.lent = new([]byte)
	}
	*s.lent = inlineRow(w.buf, *s.lent)
	s.row, s.stored = *s.lent, len(*s.lent)
}

// giveBack lends the writer's memory to others.
func (w *blobWriter) giveBack() {
	if w.lent != nil {
		w.lent.buf = w.buf[:0]
		w.s.d.lend.Put(w.lent)
	}
	w.lent, w.buf = nil, nil
}

// lent is memory that a blob is collected and compressed in.
type lent struct{ buf, scratch []byte }

// Abort implements store.BlobWriter. The chunks are removed in the background.
func (w *blobWriter) Abort() {
	w.ended = true
	w.buf = nil
	if w.s.move(stagedOpen, stagedGone) && w.s.chunked {
		w.s.d.dropChunks(w.s, w.next)
	}
}

// dropChunks removes a given up blob's chunks, without waiting for it. Should that not happen, the sweep does it.
func (d *DB) dropChunks(s *stagedBlob, chunks uint32) {
	j := d.newJob(0)
	j.run = func(g *group) error {
		d.unstage(s.ref.ID)
		return removeChunks(g, s.ref.ID, chunks)
	}
	if _, err := d.queue.tryAdd(j); err != nil {
		return
	}
}

// unstage forgets a blob that was on its way.
func (d *DB) unstage(id store.BlobID) {
	d.stageMu.Lock()
	defer d.stageMu.Unlock()
	delete(d.staged, id)
}

// removeChunks removes a blob's chunks and the row that tells of them being on their way.
func removeChunks(g *group, id store.BlobID, chunks uint32) error {
	if err := g.pb.Delete(appendIDKey(nil, rowStaged, id.ID), nil); err != nil {
		return err
	}
	// One more than counted: a chunk whose outcome the writer never heard may be there.
	return g.pb.DeleteRange(appendChunkKey(nil, id, 0), appendChunkKey(nil, id, chunks+1), nil)
}
