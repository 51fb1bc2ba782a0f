package pebblestore

import (
	"github.com/posthorn-mail/posthorn/internal/store"
)

// fullness is how little room the disk has.
type fullness uint8

const (
	roomy fullness = iota
	tight          // no bodies any more; people can still delete
	full
)

// smallBytes is what a commit may add while the disk is tight: as much as an expunge of very many messages does, which has to write down
// what it takes away.
const smallBytes = 512 << 10

// fullness asks the file system. One that cannot tell has room.
func (d *DB) fullness() fullness {
	if d.opt.ReserveBytes < 0 {
		return roomy
	}
	use, err := d.opt.FS.GetDiskUsage(d.dir)
	if err != nil {
		return roomy
	}
	reserve := min(uint64(d.opt.ReserveBytes), use.TotalBytes/20)
	if use.AvailBytes < reserve/4 {
		return full
	}
	if use.AvailBytes < reserve {
		return tight
	}
	return roomy
}

// refuses says why a batch cannot be taken, if so.
func (f fullness) refuses(j *job) error {
	if f == full || (f == tight && (len(j.batch.Blobs()) > 0 || j.adds > smallBytes)) {
		return store.ErrFull
	}
	return nil
}
