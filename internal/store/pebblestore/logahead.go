package pebblestore

import (
	"io"
	"math"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// How far a log is filled with zeros ahead of what is written to it: as far again as it is long, within these bounds.
const (
	leastAhead = 64 << 10
	mostAhead  = 4 << 20
	// The zeros are written by pages: the kernel would keep larger pieces as one, and count all of it as written with each part.
	zeroBytes = 4 << 10
)

// logFile is one of Pebble's logs. A sync of a file that grows writes the file's inode too (its length, which blocks of it hold data), and with a
// journal that as well; room that is only reserved (fallocate) does not spare it. Over bytes that are there already a
// sync writes these bytes and nothing else, in 60 % of the time. So the log is filled with zeros some way ahead, which Pebble reads as
// the log's end. A log that is used again is as long as it was, and grows no more.
type logFile struct {
	*fencedFile
	at  atomic.Int64 // where the next byte goes; what is before that is written
	end int64        // of the file
}

// logSoFar reads a log that is being written, for a backup, as far as it was written when it was opened: who read on would find zeros, or what is
// left of an older log, and behind them what was written meanwhile, which looks like damage.
type logSoFar struct {
	vfs.File
	left int64
}

// Read implements vfs.File.
func (l *logSoFar) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, io.EOF
	}
	n, err := l.File.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// ahead makes a log of a file that is written from its beginning.
func (f *fence) ahead(file vfs.File) vfs.File {
	fenced, ok := file.(*fencedFile)
	if !ok {
		return file
	}
	l := &logFile{fencedFile: fenced}
	if info, err := fenced.Stat(); err == nil {
		l.end = info.Size()
	}
	f.written.Store(fenced.name, l)
	return l
}

// Close implements vfs.File.
func (l *logFile) Close() error {
	l.f.written.CompareAndDelete(l.name, l)
	return l.fencedFile.Close()
}

// Write implements vfs.File.
func (l *logFile) Write(p []byte) (int, error) {
	n, err := l.fencedFile.Write(p)
	at := l.at.Add(int64(n))
	if err == nil && at > l.end {
		l.fill(at, at+min(max(at, leastAhead), mostAhead))
	}
	return n, err
}

// fill writes zeros behind what is written. If that fails the log is as good without them, and what is written next, or its sync, tells
// whether the disk is.
func (l *logFile) fill(at, to int64) {
	for l.end = at; l.end < to; {
		n, err := l.File.WriteAt(l.f.zeros[:min(int64(len(l.f.zeros)), to-l.end)], l.end)
		l.end += int64(n)
		if err != nil {
			l.end = math.MaxInt64
			return
		}
	}
}
