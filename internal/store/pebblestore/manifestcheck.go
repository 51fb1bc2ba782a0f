package pebblestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The form of Pebble's manifest (its package record, the old form): blocks in which chunks follow each other, each with a header of
// checksum (4 bytes), length (2) and kind (1). Less than a header at a block's end is zeros. A record is a change of the list of files:
// fields that begin with a tag, of which the first ones are numbers.
const (
	oldHeader     = 7
	oldFull       = 1
	oldFirst      = 2
	oldMiddle     = 3
	oldLast       = 4
	maxManifest   = 256 << 20
	tagComparer   = 1
	tagLogNumber  = 2
	tagNextFile   = 3
	tagPrevLog    = 9
	comparerLimit = 256
)

// manifest is what the list of the store's files says about its logs.
type manifest struct {
	name string // empty: a new store
	// oldestLog is the first log that may hold what is in no table; 0: the list names none.
	oldestLog uint64
	// torn says that the last entry cannot be read.
	torn bool
}

// checkManifest looks for damage in the list of the store's files. Pebble takes a damaged place for the list's end and goes on with
// an older list, silently, and throws away the files that are not in it. What a crash leaves is at most an entry at the end that is not
// whole, for each is synced before the next is written, and before anything is done that follows from it. So it is damage if another
// entry comes after it, or if a log was thrown away that the list still needs (see goneLogs).
func (d *DB) checkManifest() (manifest, error) {
	desc, err := pebble.Peek(d.dir, d.opt.FS)
	if err != nil || !desc.Exists {
		return manifest{}, nil //nolint:nilerr // a store that is not there yet; Pebble tells of anything else
	}
	m := manifest{name: d.opt.FS.PathBase(desc.ManifestFilename)}
	b, err := readWhole(d.opt.FS, d.opt.FS.PathJoin(d.dir, m.name))
	if err == nil {
		err = m.read(b)
	}
	if gone := goneBefore(d.opt.FS, d.dir); err == nil && gone >= max(m.oldestLog, 1) {
		err = fmt.Errorf("it says that the log %06d is needed, and log %06d was thrown away because it was needed no more", m.oldestLog, gone)
	}
	if err != nil {
		return m, fmt.Errorf("the file %s, which lists the store's files, is damaged (the mail may be whole; restore the newest backup, or ask for help): %w",
			m.name, err)
	}
	return m, nil
}

func readWhole(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(b) > maxManifest {
		err = errors.New("it is too large")
	}
	return b, errors.Join(err, f.Close())
}

// read walks through the entries.
func (m *manifest) read(b []byte) error {
	var record []byte
	open := false
	at := 0
	for at < len(b) {
		if left := logBlock - at%logBlock; left < oldHeader {
			if len(bytes.Trim(b[at:min(at+left, len(b))], "\x00")) > 0 {
				return m.end(b, at)
			}
			at += left
			continue
		}
		size, kind := oldChunk(b[at:], at)
		begins := kind == oldFull || kind == oldFirst
		if size == 0 || begins == open {
			return m.end(b, at)
		}
		if begins {
			record = record[:0]
		}
		record = append(record, b[at+oldHeader:at+size]...)
		open = kind == oldFirst || kind == oldMiddle
		if !open {
			m.entry(record)
		}
		at += size
	}
	m.torn = open
	return nil
}

// end judges a place that cannot be read: nothing but the end of the list may come after it.
func (m *manifest) end(b []byte, bad int) error {
	m.torn = true
	for at := bad + 1; at+oldHeader <= len(b); at++ {
		if size, kind := oldChunk(b[at:], at); size > 0 && (kind == oldFull || kind == oldFirst) {
			return fmt.Errorf("byte %d cannot be read, and another entry follows at %d", bad, at)
		}
	}
	return nil
}

// oldChunk gives the size and the kind of the chunk at the start of b, which is at this offset of the file; 0 if there is none.
func oldChunk(b []byte, at int) (size int, kind byte) {
	if len(b) < oldHeader || b[6] < oldFull || b[6] > oldLast {
		return 0, 0
	}
	size = oldHeader + int(binary.LittleEndian.Uint16(b[4:]))
	if size > len(b) || at%logBlock+size > logBlock {
		return 0, 0
	}
	if !sumFits(b[6:size], binary.LittleEndian.Uint32(b)) {
		return 0, 0
	}
	return size, b[6]
}

// sumFits compares the checksum of a chunk.
func sumFits(b []byte, want uint32) bool {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return want == (sum>>15|sum<<17)+checksumOffset
}

// entry notes the log number that an entry gives. It stands before everything that has not the form of a number.
func (m *manifest) entry(b []byte) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		switch tag {
		case tagComparer:
			if value > comparerLimit || value > uint64(len(b)) {
				return
			}
			b = b[value:]
		case tagLogNumber:
			m.oldestLog = value
			return
		case tagNextFile, tagPrevLog:
		default:
			return
		}
	}
}
