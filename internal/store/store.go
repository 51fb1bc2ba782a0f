package store

import (
	"context"
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Errors of an engine. They are wrapped; compare with errors.Is.
var (
	// ErrNotFound means the key is not there.
	ErrNotFound = errors.New("store: not found")
	// ErrConflict means a partition has moved on since it was read; read again and retry.
	ErrConflict = errors.New("store: conflict")
	// ErrNoBlob means the blob is not there (any more).
	ErrNoBlob = errors.New("store: no such blob")
	// ErrHead means a blob that was opened for its head was read beyond it.
	ErrHead = errors.New("store: the blob was opened for its head alone")
	// ErrFailed means the disk failed a write or a sync; the engine must be opened again.
	ErrFailed = errors.New("store: disk failed, no further commits")
	// ErrFull means there is no room; the commit wrote nothing and later ones may succeed.
	ErrFull = errors.New("store: disk full")
	// ErrClosed means the store is closed.
	ErrClosed = errors.New("store: closed")
)

// Partition is a part of the key space with one number of its own. The keys of a partition start with Prefix.
type Partition struct {
	Kind PartitionKind
	ID   mail.ID
}

// PartitionKind is the first byte of a key.
type PartitionKind byte

// The kinds of partitions. Blobs and the engine's own rows live outside of them.
const (
	// KindAccount partitions hold one account's mail each; ID is the AccountID.
	KindAccount PartitionKind = 'a'
	// KindDirectory is the one partition of the directory; ID is zero.
	KindDirectory PartitionKind = 'd'
	// KindQueue partitions hold the queue; the ID's last byte is the partition's index, 0 to 63.
	KindQueue PartitionKind = 'q'
	// KindJourney is the journeys' key space; ID is zero. Its number is never raised: rows there are only added.
	KindJourney PartitionKind = 'y'
)

// PrefixLen is the length of a partition's key prefix.
const PrefixLen = 1 + len(mail.ID{})

// AppendPrefix appends the partition's key prefix.
func (p Partition) AppendPrefix(dst []byte) []byte {
	dst = append(dst, byte(p.Kind))
	return append(dst, p.ID[:]...)
}

// Key makes a key of the partition from the rest of it.
func (p Partition) Key(rest ...byte) []byte {
	return append(p.AppendPrefix(make([]byte, 0, PrefixLen+len(rest))), rest...)
}

// Range is the keys from Start up to and without End.
type Range struct{ Start, End []byte }

// PrefixRange is all keys that start with the prefix.
func PrefixRange(prefix []byte) Range {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return Range{Start: prefix, End: end[:i+1]}
		}
	}
	return Range{Start: prefix} // no End: to the last key
}

// View is a consistent snapshot of durable state. It must be closed, soon: an open view keeps old data on the disk.
// A View is safe for use by several goroutines.
type View interface {
	// Get reads one value; ErrNotFound if it is not there. The caller owns the result.
	Get(ctx context.Context, key []byte) ([]byte, error)
	// Scan calls fn for each key of the range in byte order, until fn returns false or an error. Key and value are lent for
	// the call only.
	Scan(ctx context.Context, r Range, fn func(key, value []byte) (more bool, err error)) error
	// ScanBack is Scan in reverse order.
	ScanBack(ctx context.Context, r Range, fn func(key, value []byte) (more bool, err error)) error
	// Number is the partition's number in this view; 0 before its first commit.
	Number(ctx context.Context, p Partition) (uint64, error)
	Close()
}

// Store is one engine.
type Store interface {
	// View opens a snapshot of everything durable now.
	View(ctx context.Context) (View, error)
	// Submit hands a batch over to be committed and returns at once, or when the engine has room again; it fails only if
	// nothing was handed over. The batch belongs to the engine until Wait has returned.
	Submit(ctx context.Context, b *Batch) (Pending, error)
	// Committed reports whether the batch with this ID was committed. It remembers for at least an hour.
	Committed(ctx context.Context, batch mail.ID) (bool, error)
	// Watch hears of commits to the partition from now on. The watcher must be closed.
	Watch(p Partition) Watcher
	// Stage starts a new blob: bytes written to it are on their way, but there only with the commit that references it.
	Stage(ctx context.Context) BlobWriter
	// OpenBlob opens a durable blob for reading; ErrNoBlob if it is not there.
	OpenBlob(ctx context.Context, id BlobID) (Blob, error)
	// OpenHead opens a durable blob of which no more than the first n bytes will be read: reading beyond them may fail with ErrHead. Its
	// Size is the whole blob's.
	OpenHead(ctx context.Context, id BlobID, n int64) (Blob, error)
	// Sweep removes blobs that nothing references (any more) and staged ones that were forgotten. It returns how many.
	// It is safe beside any commit. The owner of the store calls it now and then.
	Sweep(ctx context.Context) (int, error)
	// Backup writes a consistent copy of everything durable into an empty or missing folder, from which an engine opens.
	// It reports progress if progress is not nil.
	Backup(ctx context.Context, dir string, progress func(done, total int64)) error
	// Check reads everything once and reports what is damaged, in words.
	Check(ctx context.Context, report func(problem string)) error
	// Close ends the engine after the commits handed over. No call may follow.
	Close() error
}

// Pending is a batch handed over.
type Pending interface {
	// Wait returns nil once the commit is durable and visible, or why it was not made. If ctx ends first the outcome is
	// unknown to the caller, and the commit may still be made.
	Wait(ctx context.Context) error
}

// Watcher hears of commits.
type Watcher interface {
	// C is signalled (never closed, capacity 1) after commits to the partition; several may be folded into one signal.
	C() <-chan struct{}
	Close()
}

// BlobID names a blob for ever.
type BlobID struct{ mail.ID }

// BlobRef is a staged or stored blob as rows hold it.
type BlobRef struct {
	ID   BlobID
	Size int64 // bytes
}

// BlobWriter takes the bytes of a new blob. Small blobs travel in the commit itself; large ones reach the disk in chunks
// while they are written, so that memory stays bounded.
type BlobWriter interface {
	io.Writer
	// Finish ends the blob. The result must go into a batch with Batch.AddBlob, by the same process, or be dropped
	// with Abort; forgotten ones are swept.
	Finish() (StagedBlob, error)
	// Abort gives the blob up; safe after Finish if the blob was not committed.
	Abort()
}

// StagedBlob is a finished blob that no commit references yet. Ref may go into rows; Body, opened before the commit,
// reads the bytes staged.
type StagedBlob interface {
	Ref() BlobRef
	Open(ctx context.Context) (Blob, error)
}

// Blob reads a body's bytes at any offset. It must be closed.
type Blob interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Commit submits a batch and waits until it is durable.
func Commit(ctx context.Context, s Store, b *Batch) error {
	p, err := s.Submit(ctx, b)
	if err != nil {
		return err
	}
	return p.Wait(ctx)
}

// Get reads one key from a fresh view.
func Get(ctx context.Context, s Store, key []byte) ([]byte, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.Get(ctx, key)
}
