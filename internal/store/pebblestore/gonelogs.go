package pebblestore

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// goneLogs remembers, in the name of an empty file of the store's folder, the highest log that Pebble has thrown away or used again: the list
// of the store's files said then, durably, that this log is not needed. A list that later needs it has lost its end. The file is
// written before the log goes, but not synced: without it nothing is lost but this proof.
type goneLogs struct {
	fs  vfs.FS
	dir string
	mu  sync.Mutex // guards highest
	// highest is the log that the file names; 0 before the first.
	highest uint64
}

const gonePrefix = "log-gone."

func logNumber(base string) (uint64, bool) {
	number, isLog := strings.CutSuffix(base, ".log")
	n, err := strconv.ParseUint(number, 10, 64)
	return n, isLog && err == nil
}

// goneBefore is the highest log that the folder's files say was thrown away; 0 if none does.
func goneBefore(fs vfs.FS, dir string) (highest uint64) {
	names, err := fs.List(dir)
	if err != nil {
		return 0 // a store that is not there yet
	}
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, gonePrefix)
		if n, err := strconv.ParseUint(rest, 10, 64); ok && err == nil {
			highest = max(highest, n)
		}
	}
	return highest
}

// goes notes that the file of this name is about to go, if it is a log.
func (g *goneLogs) goes(base string) {
	n, isLog := logNumber(base)
	if !isLog {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.highest == 0 {
		g.highest = goneBefore(g.fs, g.dir)
	}
	if n <= g.highest {
		return
	}
	name := func(n uint64) string { return g.fs.PathJoin(g.dir, fmt.Sprintf("%s%06d", gonePrefix, n)) }
	f, err := g.fs.Create(name(n), vfs.WriteCategoryUnspecified)
	if err != nil {
		return // only a proof is lost
	}
	_ = f.Close()
	if g.highest != 0 {
		_ = g.fs.Remove(name(g.highest))
	}
	g.highest = n
}
