package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Harness is one empty engine under test.
type Harness struct {
	// Open opens the engine on its data; the first call on none.
	Open func() (store.Store, error)
	// OpenBackup opens an engine on a backup's folder.
	OpenBackup func(dir string) (store.Store, error)
	// BackupDir is a folder that does not exist yet.
	BackupDir string
	// LargeBlob is a size that does not travel in a commit any more.
	LargeBlob int
}

// patience bounds waits that end only when a law is broken.
const patience = 20 * time.Second

// engine is an open engine with the helpers the tests are written in.
type engine struct {
	t  testing.TB
	h  Harness
	st store.Store
}

// Run checks the laws. make gives a new harness for each test.
func Run(t *testing.T, make func(t testing.TB) Harness) {
	for _, law := range laws() {
		t.Run(law.name, func(t *testing.T) {
			e := start(t, make(t))
			law.check(e)
			e.close()
		})
	}
	t.Run("Model", func(t *testing.T) { checkModel(t, make) })
}

type law struct {
	name  string
	check func(e *engine)
}

func laws() []law {
	return slices.Concat(commitLaws(), viewLaws(), blobLaws(), upkeepLaws())
}

func start(t testing.TB, h Harness) *engine {
	t.Helper()
	e := &engine{t: t, h: h}
	e.open()
	return e
}

func (e *engine) open() {
	e.t.Helper()
	st, err := e.h.Open()
	if err != nil {
		e.t.Fatalf("open: %v", err)
	}
	e.st = st
}

func (e *engine) close() {
	e.t.Helper()
	if err := e.st.Close(); err != nil {
		e.t.Fatalf("close: %v", err)
	}
}

func (e *engine) reopen() {
	e.t.Helper()
	e.close()
	e.open()
}

func (e *engine) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// fails checks that err is want.
func (e *engine) fails(err, want error) {
	e.t.Helper()
	if !errors.Is(err, want) {
		e.t.Fatalf("got error %v, want %v", err, want)
	}
}

func ctx() context.Context { return context.Background() }

func waitCtx() (context.Context, context.CancelFunc) { return context.WithTimeout(ctx(), patience) }

// commit commits and waits with patience.
func (e *engine) commit(b *store.Batch) error {
	c, cancel := waitCtx()
	defer cancel()
	return store.Commit(c, e.st, b)
}

func (e *engine) submit(b *store.Batch) store.Pending {
	e.t.Helper()
	p, err := e.st.Submit(ctx(), b)
	e.must(err)
	return p
}

func (e *engine) wait(p store.Pending) error {
	c, cancel := waitCtx()
	defer cancel()
	return p.Wait(c)
}

func (e *engine) view() store.View {
	e.t.Helper()
	v, err := e.st.View(ctx())
	e.must(err)
	return v
}

func (e *engine) number(p store.Partition) uint64 {
	e.t.Helper()
	v := e.view()
	defer v.Close()
	n, err := v.Number(ctx(), p)
	e.must(err)
	return n
}

// holds checks a key's value; an empty want means that it is not there.
func (e *engine) holds(key []byte, want string) {
	e.t.Helper()
	got, err := store.Get(ctx(), e.st, key)
	if want == "" {
		e.fails(err, store.ErrNotFound)
		return
	}
	e.must(err)
	if string(got) != want {
		e.t.Fatalf("key %q holds %q, want %q", key, got, want)
	}
}

// stage stages a blob in odd-sized writes.
func (e *engine) stage(content []byte) store.StagedBlob {
	e.t.Helper()
	s, err := stageIn(e.st, content, 777)
	e.must(err)
	return s
}

func stageIn(st store.Store, content []byte, step int) (store.StagedBlob, error) {
	w := st.Stage(ctx())
	for piece := range slices.Chunk(content, step) {
		if _, err := w.Write(piece); err != nil {
			w.Abort()
			return nil, err
		}
	}
	return w.Finish()
}

// blobHolds checks a durable blob's bytes.
func (e *engine) blobHolds(id store.BlobID, want []byte) {
	e.t.Helper()
	e.must(readBlob(e.st, id, want))
}

func readBlob(st store.Store, id store.BlobID, want []byte) error {
	b, err := st.OpenBlob(ctx(), id)
	if err != nil {
		return err
	}
	return errors.Join(sameBytes(b, want), b.Close())
}

func sameBytes(b store.Blob, want []byte) error {
	if b.Size() != int64(len(want)) {
		return errors.New("a blob's size is wrong")
	}
	got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("a blob's bytes are wrong")
	}
	return nil
}

// blobGone checks that the blob is not there.
func (e *engine) blobGone(id store.BlobID) {
	e.t.Helper()
	b, err := e.st.OpenBlob(ctx(), id)
	if err == nil {
		_ = b.Close()
	}
	e.fails(err, store.ErrNoBlob)
}

func (e *engine) sweep(want int) {
	e.t.Helper()
	n, err := e.st.Sweep(ctx())
	e.must(err)
	if n != want {
		e.t.Fatalf("the sweep removed %d blobs, want %d", n, want)
	}
}

// check runs the engine's own check, which must find nothing.
func (e *engine) check() {
	e.t.Helper()
	e.must(e.st.Check(ctx(), func(problem string) { e.t.Errorf("check: %s", problem) }))
}

// account is the i-th account's partition.
func account(i int) store.Partition {
	p := store.Partition{Kind: store.KindAccount}
	binary.BigEndian.PutUint32(p.ID[:], uint32(i)+1)
	return p
}

// bytesOf makes n bytes that depend on the seed and do not compress much.
func bytesOf(seed, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(seed), 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// batchOf makes a batch that raises a partition and sets keys to values.
func batchOf(p store.Partition, keysAndValues ...string) *store.Batch {
	b := store.NewBatch()
	b.Raise(p)
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		b.Set(p.Key([]byte(keysAndValues[i])...), []byte(keysAndValues[i+1]))
	}
	return b
}

// unknownBlob is a blob that never was.
func unknownBlob() store.BlobID { return store.BlobID{ID: mail.NewID(time.Now())} }
