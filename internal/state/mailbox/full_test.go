package mailbox

import (
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

// tightFS is a disk on which hardly any room is left when it is told so.
type tightFS struct {
	vfs.FS
	tight atomic.Bool
}

func (f *tightFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	const total = 1 << 30
	avail := uint64(total / 2)
	if f.tight.Load() {
		avail = total / 40
	}
	return vfs.DiskUsage{TotalBytes: total, AvailBytes: avail, UsedBytes: total - avail}, nil
}

// TestPeopleCanClearUp empties a large mailbox on a disk that takes no mail any more: the room comes back.
func TestPeopleCanClearUp(t *testing.T) {
	const n = 3 * deadRun
	w := newWorld(t, Options{})
	w.close()
	disk := &tightFS{FS: w.fs}
	db, err := pebblestore.Open("store", pebblestore.Options{FS: disk})
	ok(t, err)
	w.db, w.svc = db, New(db, w.opt)
	a := w.birth(Quota{})
	for i := range n {
		w.deliver(a, i+1)
	}
	disk.tight.Store(true)
	gone, _, err := a.expungeWhere(t.Context(), w.byPath(a, Inbox).ID, nil, anyPlace)
	if err != nil || len(gone) != n {
		t.Fatalf("%d of %d expunged, %v", len(gone), n, err)
	}
	ok(t, a.buryAll(t.Context()))
	if swept, err := w.db.Sweep(t.Context()); err != nil || swept != n {
		t.Fatalf("%d of %d bodies swept, %v", swept, n, err)
	}
	w.close()
}
