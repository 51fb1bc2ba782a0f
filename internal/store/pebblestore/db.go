package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// formatVersion is this layout's version. A store of a newer one is refused.
const formatVersion = 1

// DB is one open store. It implements store.Store.
type DB struct {
	dir  string
	opt  Options
	fs   *fence
	lock io.Closer
	pdb  *pebble.DB

	queue queue

	// failed is closed when the disk has failed; failure, set before, says how.
	failed   chan struct{}
	failure  error
	failOnce sync.Once
	closed   atomic.Bool

	// Owned by the committer.
	com committer
	// groups carries applied groups from the committer to the syncer, in order; free carries them back.
	groups chan *group
	free   chan *group
	ended  chan struct{} // closed when the syncer has ended

	// snapMu guards snap, the durable snapshot that Views read from.
	snapMu sync.Mutex
	snap   *snapshot

	bodies sync.Pool // *[]byte, for small blobs that are open

	// watchMu guards watchers.
	watchMu  sync.Mutex
	watchers map[store.Partition][]*watcher

	// stageMu guards staged: large blobs whose chunks are on their way, not committed yet.
	stageMu sync.Mutex
	staged  map[store.BlobID]*stagedBlob

	lend sync.Pool // of *lent
	rows sync.Pool // of *[]byte, for rows of small blobs that are on their way

	count counters

	// copyMu lets one backup run at a time.
	copyMu sync.Mutex
}

var _ store.Store = (*DB)(nil)

// Open opens the store in a folder, and makes it if it is not there. One process may have it open.
func Open(dir string, o Options) (*DB, error) {
	o = o.withDefaults()
	if o.FS == vfs.Default {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("find the store's folder: %w", err)
		}
		dir = abs
	}
	d := &DB{
		dir: dir, opt: o, fs: newFence(o.FS, dir),
		failed:   make(chan struct{}),
		ended:    make(chan struct{}),
		groups:   make(chan *group),
		free:     make(chan *group, inFlight+1),
		watchers: make(map[store.Partition][]*watcher),
		staged:   make(map[store.BlobID]*stagedBlob),
	}
	d.fs.onFail = d.fail
	d.queue.init()
	if err := makeFolder(o.FS, dir); err != nil {
		return nil, fmt.Errorf("make the store's folder: %w", err)
	}
	lock, err := o.FS.Lock(o.FS.PathJoin(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("lock the store %s (is another server running on it?): %w", dir, err)
	}
	d.lock = lock
	if err := d.start(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// start prepares Pebble in a goroutine of its own, because a disk that fails parks it, and then starts the engine's own.
func (d *DB) start() error {
	prepared := make(chan error, 1)
	go func() { prepared <- d.prepare() }()
	select {
	case err := <-prepared:
		if err != nil {
			return fmt.Errorf("open the store %s: %w", d.dir, err)
		}
	case <-d.failed:
		return fmt.Errorf("open the store %s: %w", d.dir, d.failure)
	}
	d.com.init(d)
	for range cap(d.free) {
		d.free <- newGroup(d.pdb)
	}
	d.snap = d.newSnapshot()
	go d.commitLoop()
	go d.syncLoop()
	return nil
}

// prepare opens Pebble, checks the format and forgets staged chunks of the last run. Pebble's panics become errors.
func (d *DB) prepare() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine gave up: %v", r)
		}
	}()
	list, err := d.checkManifest()
	if err != nil {
		return err
	}
	if err = d.checkLogs(list.oldestLog); err != nil {
		return err
	}
	if d.pdb, err = pebble.Open(d.dir, d.pebbleOptions()); err != nil {
		return d.nameFile(err, list)
	}
	if err = d.checkFormat(); err == nil {
		err = d.forgetStaged()
	}
	if err != nil {
		return errors.Join(err, d.pdb.Close())
	}
	return nil
}

// checkFormat refuses a store that a newer build has written, and marks a new one.
func (d *DB) checkFormat() error {
	key := []byte{rowFormat}
	value, closer, err := d.pdb.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		err = d.pdb.Set(key, binary.BigEndian.AppendUint32(nil, formatVersion), pebble.Sync)
		// The first log of a new store has no proofs of what was synced. The one after the flush has.
		return errors.Join(err, d.pdb.Flush())
	}
	if err != nil {
		return fmt.Errorf("read the store's format: %w", err)
	}
	defer closer.Close()
	if len(value) != 4 {
		return fmt.Errorf("the store %s has a damaged format row", d.dir)
	}
	if v := binary.BigEndian.Uint32(value); v > formatVersion {
		return fmt.Errorf("the store %s has format %d, and this build knows formats up to %d: "+
			"run the newer version of Posthorn that wrote it", d.dir, v, formatVersion)
	}
	return nil
}

// fail makes every later commit fail. It does not wait for anything.
func (d *DB) fail(op, path string, err error) {
	d.failOnce.Do(func() {
		d.fs.failed.Store(true)
		d.failure = fmt.Errorf("%w: %s %s: %w", store.ErrFailed, op, filepath.Base(path), err)
		close(d.failed)
		d.opt.Log.Error("store: the disk failed, no further commits until the server is started again",
			"op", op, "path", path, "err", err)
	})
}

// trouble is why nothing can be committed now, or nil.
func (d *DB) trouble() error {
	select {
	case <-d.failed:
		return d.failure
	default:
	}
	if d.closed.Load() {
		return store.ErrClosed
	}
	return nil
}

// Close ends the engine after the commits handed over. After a failure of the disk it leaves Pebble as it stands and
// gives the folder free.
func (d *DB) Close() error {
	if d.closed.Swap(true) {
		return store.ErrClosed
	}
	d.queue.close()
	select {
	case <-d.ended:
	case <-d.failed:
		return errors.Join(d.failure, d.lock.Close())
	}
	closed := make(chan error, 1)
	go func() { closed <- d.closePebble() }()
	select {
	case err := <-closed:
		if err = errors.Join(err, d.lock.Close()); err != nil {
			return fmt.Errorf("close the store: %w", err)
		}
		return nil
	case <-d.failed:
		return errors.Join(d.failure, d.lock.Close())
	}
}

func (d *DB) closePebble() error {
	d.snapMu.Lock()
	last := d.snap
	d.snap = nil
	d.snapMu.Unlock()
	last.release()
	// An orderly end leaves nothing in the log: whatever becomes of it later, no mail is lost.
	return errors.Join(d.pdb.Flush(), d.pdb.Close())
}

// Watch hears of commits to the partition from now on.
func (d *DB) Watch(p store.Partition) store.Watcher {
	w := &watcher{d: d, p: p, c: make(chan struct{}, 1)}
	d.watchMu.Lock()
	defer d.watchMu.Unlock()
	d.watchers[p] = append(d.watchers[p], w)
	return w
}

type watcher struct {
	d *DB
	p store.Partition
	c chan struct{}
}

func (w *watcher) C() <-chan struct{} { return w.c }

func (w *watcher) Close() {
	w.d.watchMu.Lock()
	defer w.d.watchMu.Unlock()
	list := w.d.watchers[w.p]
	for i, other := range list {
		if other == w {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(w.d.watchers, w.p)
		return
	}
	w.d.watchers[w.p] = list
}

// notify tells the partitions' watchers.
func (d *DB) notify(touched []store.Partition) {
	d.watchMu.Lock()
	defer d.watchMu.Unlock()
	if len(d.watchers) == 0 {
		return
	}
	for _, p := range touched {
		for _, w := range d.watchers[p] {
			select {
			case w.c <- struct{}{}:
			default:
			}
		}
	}
}

// Committed reports whether the batch with this ID was committed.
func (d *DB) Committed(ctx context.Context, batch mail.ID) (bool, error) {
	v, err := d.view()
	if err != nil {
		return false, err
	}
	defer v.Close()
	_, err = v.Get(ctx, appendIDKey(nil, rowBatch, batch))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
