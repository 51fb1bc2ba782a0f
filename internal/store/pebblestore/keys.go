package pebblestore

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// The first bytes of the engine's own rows; see the package comment.
const (
	rowFormat    = 0x01
	rowPartition = 0x02
	rowBatch     = 0x03
	rowBlob      = 0x04
	rowChunk     = 0x05
	rowRef       = 0x06
	rowCandidate = 0x07
	rowStaged    = 0x08

	// firstKey is where partitions' keys start.
	firstKey = 'a'
	// endKey is the first byte no partition's key starts with.
	endKey = 'z' + 1
)

const idLen = len(mail.ID{})

func appendPartitionKey(dst []byte, p store.Partition) []byte {
	return p.AppendPrefix(append(dst, rowPartition))
}

// appendIDKey makes the key of a row named by an id.
func appendIDKey(dst []byte, row byte, id mail.ID) []byte {
	return append(append(dst, row), id[:]...)
}

func appendChunkKey(dst []byte, blob store.BlobID, index uint32) []byte {
	return binary.BigEndian.AppendUint32(appendIDKey(dst, rowChunk, blob.ID), index)
}

func appendRefKey(dst []byte, blob store.BlobID, owner []byte) []byte {
	return append(appendIDKey(dst, rowRef, blob.ID), owner...)
}

// partitionRow is what a partition's row holds.
type partitionRow struct {
	number uint64
	by     mail.ID // the batch that left the number
}

func (r partitionRow) append(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint64(dst, r.number), r.by[:]...)
}

func parsePartitionRow(b []byte) (partitionRow, bool) {
	if len(b) != 8+idLen {
		return partitionRow{}, false
	}
	r := partitionRow{number: binary.BigEndian.Uint64(b)}
	copy(r.by[:], b[8:])
	return r, true
}

// The first byte of a blob's row.
const (
	blobInline  = 0x01
	blobChunked = 0x02
	blobPacked  = 0x03

	// chunkedRowLen is the length of a large blob's row.
	chunkedRowLen = 1 + 8 + 4
)

// blobRow is what a blob's row holds. Inline bytes are lent from the row.
type blobRow struct {
	inline    []byte
	packed    bool // inline is an S2 block
	size      int64
	chunkSize int64 // 0 if inline
}

func (r blobRow) appendChunked(dst []byte) []byte {
	dst = append(dst, blobChunked)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.size))
	return binary.BigEndian.AppendUint32(dst, uint32(r.chunkSize))
}

// packFrom is the size from which a small blob is compressed, and packGain by which part of it that must make it smaller.
const (
	packFrom = 256
	packGain = 8
)

// inlineRow makes the row of a small blob in memory, or in new memory if that is too small: compressed, if that is worth while (base64 is
// not).
func inlineRow(blob, memory []byte) []byte {
	if len(blob) >= packFrom {
		if most := 1 + s2.MaxEncodedLen(len(blob)); cap(memory) < most {
			memory = make([]byte, most)
		}
		memory = memory[:cap(memory)]
		if packed := s2.Encode(memory[1:], blob); len(packed) <= len(blob)-len(blob)/packGain {
			memory[0] = blobPacked
			return memory[:1+len(packed)]
		}
	}
	return append(append(memory[:0], blobInline), blob...)
}

// bytes gives a small blob's bytes in memory of their own. What was packed wrongly or is damaged is an error.
func (r blobRow) bytes() ([]byte, error) { return r.into(nil) }

// into is bytes, in the memory of dst if there is enough.
func (r blobRow) into(dst []byte) ([]byte, error) { return r.headInto(dst, r.size) }

// headInto is into for the first n bytes, or all if there are fewer.
func (r blobRow) headInto(dst []byte, n int64) ([]byte, error) {
	if !r.packed {
		return append(dst[:0], r.inline[:min(n, int64(len(r.inline)))]...), nil
	}
	b, err := unpackHead(dst, r.inline, int(min(n, r.size)))
	if err != nil {
		return nil, fmt.Errorf("unpack a blob: %w", err)
	}
	return b, nil
}

func (r blobRow) chunks() uint32 {
	if r.chunkSize == 0 {
		return 0
	}
	return uint32((r.size + r.chunkSize - 1) / r.chunkSize)
}

func parseBlobRow(b []byte) (blobRow, bool) {
	if len(b) > 0 && b[0] == blobInline {
		return blobRow{inline: b[1:], size: int64(len(b) - 1)}, true
	}
	if len(b) > 0 && b[0] == blobPacked {
		size, err := s2.DecodedLen(b[1:])
		return blobRow{inline: b[1:], packed: true, size: int64(size)}, err == nil && size <= maxBatchBytes
	}
	if len(b) != chunkedRowLen || b[0] != blobChunked {
		return blobRow{}, false
	}
	r := blobRow{size: int64(binary.BigEndian.Uint64(b[1:])), chunkSize: int64(binary.BigEndian.Uint32(b[9:]))}
	return r, r.size >= 0 && r.chunkSize > 0
}
