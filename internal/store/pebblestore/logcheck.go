package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The form of Pebble's logs (its package record): blocks in which chunks follow each other, each with a header of checksum (4 bytes),
// length (2), kind (1), number of the log (4) and the offset up to which the log was synced when the chunk was written (8). The first log
// of a new store is without the offsets.
const (
	logBlock       = 32 << 10
	logHeader      = 19
	logTrailer     = 11 // of a log closed in order: a header without an offset, with the next log's number
	kindFirst      = 5
	kindSync       = 9 // from here on with an offset
	kindEnd        = 13
	checksumOffset = 0xa282ead8
)

// checkLogs looks for damage in the logs that Pebble takes for the end of a log: it drops what follows, silently, if the damage
// lies in the last blocks. It is damage, and not what a crash leaves, if something later tells that this place was synced. The mark
// of a log closed in order is no such proof: it is written before the sync that closes the log, and a crash in between may keep the mark
// and lose what is before it. Logs before oldest hold nothing that is needed.
func (d *DB) checkLogs(oldest uint64) error {
	names, err := d.opt.FS.List(d.dir)
	if err != nil {
		return nil //nolint:nilerr // a store that is not there yet; Pebble tells of anything else
	}
	for _, name := range names {
		n, isLog := logNumber(name)
		if !isLog || n < oldest {
			continue
		}
		if err := checkLog(d.opt.FS, d.opt.FS.PathJoin(d.dir, name), uint32(n)); err != nil { //nolint:gosec // the log holds the low bits
			return fmt.Errorf("the log file %s, which holds the latest changes, is damaged (the rest of the store may be whole): %w", name, err)
		}
	}
	return nil
}

func checkLog(fs vfs.FS, path string, number uint32) (err error) {
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := make([]byte, logBlock)
	bad := int64(-1) // where the log ends or is damaged
	for base := int64(0); ; base += logBlock {
		n, err := io.ReadFull(f, buf)
		if n == 0 || (err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)) {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		block, at := buf[:n], 0
		for bad < 0 && at+logTrailer <= n && !isTrailer(block[at:], number) {
			size, _ := logChunk(block[at:], number)
			if size == 0 && at+logHeader > logBlock {
				break // no chunk fits into the rest of a whole block
			}
			if size == 0 {
				bad = base + int64(at)
			}
			at += size
		}
		if bad < 0 {
			continue
		}
		// Inside of what can be read nothing is looked for: what strangers send stands there, and it could look like a chunk.
		for at+logTrailer <= n {
			size, synced := logChunk(block[at:], number)
			if size > 0 && synced > bad && synced <= base+int64(at) {
				return fmt.Errorf("byte %d was synced and cannot be read", bad)
			}
			at += max(size, 1)
		}
	}
}

// logChunk gives the size of the valid chunk at the start of b and the offset it tells as synced; 0 if there is none.
func logChunk(b []byte, number uint32) (size int, synced int64) {
	if len(b) < logTrailer || b[6] < kindFirst || b[6] >= kindEnd || binary.LittleEndian.Uint32(b[7:]) != number {
		return 0, 0
	}
	header := logTrailer
	if b[6] >= kindSync {
		header = logHeader
	}
	size = header + int(binary.LittleEndian.Uint16(b[4:]))
	if size > len(b) {
		return 0, 0
	}
	if !sumFits(b[6:size], binary.LittleEndian.Uint32(b)) {
		return 0, 0
	}
	if header == logTrailer {
		return size, 0
	}
	return size, int64(binary.LittleEndian.Uint64(b[logTrailer:])) //nolint:gosec // an offset in a file
}

func isTrailer(b []byte, number uint32) bool {
	return len(b) >= logTrailer && binary.LittleEndian.Uint32(b) == 0 && binary.LittleEndian.Uint16(b[4:]) == 0 &&
		b[6] == kindFirst && binary.LittleEndian.Uint32(b[7:]) == number+1
}

// nameFile names the file that Pebble could not read when it opened the store, and says what it means.
func (d *DB) nameFile(err error, list manifest) error {
	last := d.fs.lastRead.Load()
	switch {
	case last != nil && strings.Contains(err.Error(), "replaying WAL"):
		return fmt.Errorf("the log file %s, which holds the latest changes, is damaged (the rest of the store may be whole): %w", *last, err)
	case list.torn:
		return fmt.Errorf("the last entry of the file %s, which lists the store's files, cannot be read, and the store does not fit what is before it: %w",
			list.name, err)
	case last != nil:
		return fmt.Errorf("the file %s was read last: %w", *last, err)
	}
	return err
}
