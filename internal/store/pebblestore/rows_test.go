package pebblestore

import (
	"bytes"
	"testing"
)

// FuzzRows reads rows as a damaged store may hold them; what is taken for whole writes back as it was.
func FuzzRows(f *testing.F) {
	f.Add(blobRow{size: 300_000, chunkSize: 128 << 10}.appendChunked(nil))
	f.Add([]byte{blobInline, 'x'})
	packed := inlineRow(bytes.Repeat([]byte("packed "), 100), nil)
	f.Add(packed)
	f.Add(partitionRow{number: 7}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := parsePartitionRow(b); ok && !bytes.Equal(r.append(nil), b) {
			t.Errorf("a partition's row changed: %x", b)
		}
		r, ok := parseBlobRow(b)
		if !ok {
			return
		}
		if r.size < 0 || (r.chunkSize > 0) == (r.inline != nil) {
			t.Errorf("row %x is %v", b, r)
		}
		if whole, err := r.bytes(); r.chunkSize == 0 && err == nil {
			if int64(len(whole)) != r.size {
				t.Errorf("row %x has %d bytes and says %d", b, len(whole), r.size)
			}
			again := inlineRow(whole, nil)
			if s, ok := parseBlobRow(again); !ok || s.size != r.size {
				t.Errorf("a blob's row changed: %x", b)
			}
		}
		if r.chunkSize > 0 && !bytes.Equal(r.appendChunked(nil), b) {
			t.Errorf("a blob's row changed: %x", b)
		}
	})
}
