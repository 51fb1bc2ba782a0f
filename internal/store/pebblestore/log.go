package pebblestore

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleLog is Pebble's way to tell. Its Fatalf must not end the process: it fails the store and parks the caller.
type pebbleLog struct{ d *DB }

func (l pebbleLog) Infof(string, ...any) {}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.d.opt.Log.Warn("store: trouble inside the engine", "what", fmt.Sprintf(format, args...))
}

func (l pebbleLog) Fatalf(format string, args ...any) {
	l.d.fail("run", l.d.dir, fmt.Errorf(format, args...))
	<-l.d.fs.forever
}

func (d *DB) events() *pebble.EventListener {
	e := &pebble.EventListener{
		BackgroundError: func(err error) {
			d.opt.Log.Warn("store: background work failed, it will be tried again", "err", err)
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			d.opt.Log.Error("store: a file is damaged", "path", info.Path, "err", info.Details)
		},
	}
	e.EnsureDefaults(nil)
	return e
}
