package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Batch is the writes of one commit and the numbers they hold it to. It is built by one goroutine; later writes to a key
// win. Keys and values are copied in.
type Batch struct {
	// ID is minted when the batch is made, so that a commit whose outcome is unknown can be looked up.
	ID mail.ID

	ops        []byte // kind, uvarint-length key, uvarint-length value …
	n          int
	partitions []PartitionWrite
	blobs      []StagedBlob
	refs       []BlobRefChange
}

// PartitionWrite is a partition a batch touches.
type PartitionWrite struct {
	Partition Partition
	// Expected is the number the partition must still have; it holds only if Conditional.
	Expected    uint64
	Conditional bool
	// After, if not zero, is the ID of the batch that must have left Expected.
	After mail.ID
}

// BlobRefChange adds or drops the reference that Owner (any unique byte string, by convention the key of the row
// that holds the reference) has on a blob.
type BlobRefChange struct {
	Blob  BlobID
	Owner []byte
	Drop  bool
}

// OpKind is a write's kind.
type OpKind byte

// The writes.
const (
	OpSet OpKind = iota + 1
	OpDelete
	OpDeleteRange
)

// NewBatch makes an empty batch.
func NewBatch() *Batch { return &Batch{ID: mail.NewID(time.Now())} }

// Grow makes room for so many bytes of keys and values, which spares copies.
func (b *Batch) Grow(bytes int) { b.ops = slices.Grow(b.ops, bytes) }

// Lend gives an empty batch memory to keep its writes in.
func (b *Batch) Lend(memory []byte) { b.ops = memory[:0] }

// TakeBack gives the memory of the writes back, and ends the batch. It is nobody else's once Wait has returned nil, and not before.
func (b *Batch) TakeBack() []byte {
	memory := b.ops
	*b = Batch{}
	return memory
}

// Set writes a value.
func (b *Batch) Set(key, value []byte) { b.add(OpSet, key, value) }

// Delete removes a key; it need not be there.
func (b *Batch) Delete(key []byte) { b.add(OpDelete, key, nil) }

// DeleteRange removes all keys of the range, which needs an End.
func (b *Batch) DeleteRange(r Range) { b.add(OpDeleteRange, r.Start, r.End) }

func (b *Batch) add(kind OpKind, key, value []byte) {
	b.ops = append(b.ops, byte(kind))
	b.ops = binary.AppendUvarint(b.ops, uint64(len(key)))
	b.ops = append(b.ops, key...)
	b.ops = binary.AppendUvarint(b.ops, uint64(len(value)))
	b.ops = append(b.ops, value...)
	b.n++
}

// Expect touches a partition and holds the commit to the number it was read at.
func (b *Batch) Expect(p Partition, number uint64) {
	b.partitions = append(b.partitions, PartitionWrite{Partition: p, Expected: number, Conditional: true})
}

// ExpectAfter is Expect for a batch that builds on one that is not durable yet: the number must have been left by that very
// batch. So if the earlier one fails, this one fails with ErrConflict too, even if somebody else's commit happens to have
// left the same number.
func (b *Batch) ExpectAfter(p Partition, number uint64, earlier mail.ID) {
	b.partitions = append(b.partitions,
		PartitionWrite{Partition: p, Expected: number, Conditional: true, After: earlier})
}

// Raise touches a partition without a condition, for writes that cannot conflict. Touching one twice counts once.
func (b *Batch) Raise(p Partition) {
	for _, w := range b.partitions {
		if w.Partition == p {
			return
		}
	}
	b.partitions = append(b.partitions, PartitionWrite{Partition: p})
}

// AddBlob makes a staged blob durable with this commit. The commit must also reference it.
func (b *Batch) AddBlob(s StagedBlob) { b.blobs = append(b.blobs, s) }

// Ref adds owner's reference to a blob.
func (b *Batch) Ref(blob BlobID, owner []byte) {
	b.refs = append(b.refs, BlobRefChange{Blob: blob, Owner: bytes.Clone(owner)})
}

// Unref drops owner's reference to a blob.
func (b *Batch) Unref(blob BlobID, owner []byte) {
	b.refs = append(b.refs, BlobRefChange{Blob: blob, Owner: bytes.Clone(owner), Drop: true})
}

// Len is the number of writes.
func (b *Batch) Len() int { return b.n }

// Size is how many bytes the writes take, without the bytes of blobs; engines bound what waits by it.
func (b *Batch) Size() int { return len(b.ops) }

// Empty reports whether a commit of the batch would change nothing.
func (b *Batch) Empty() bool {
	return b.n == 0 && len(b.partitions) == 0 && len(b.blobs) == 0 && len(b.refs) == 0
}

// Partitions, Blobs and Refs are for engines.
func (b *Batch) Partitions() []PartitionWrite { return b.partitions }

// Blobs are the staged blobs added.
func (b *Batch) Blobs() []StagedBlob { return b.blobs }

// Refs are the changes of references.
func (b *Batch) Refs() []BlobRefChange { return b.refs }

// Ops calls fn for each write in order until fn gives an error; key and value (a range's end) are lent.
func (b *Batch) Ops(fn func(kind OpKind, key, value []byte) error) error {
	for p := b.ops; len(p) > 0; {
		kind := OpKind(p[0])
		kl, n := binary.Uvarint(p[1:])
		p = p[1+n:]
		key := p[:kl]
		p = p[kl:]
		vl, n := binary.Uvarint(p)
		p = p[n:]
		if err := fn(kind, key, p[:vl]); err != nil {
			return err
		}
		p = p[vl:]
	}
	return nil
}
