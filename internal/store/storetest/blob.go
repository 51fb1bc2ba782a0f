package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// blobLaws are law 7 and the manners of bodies.
func blobLaws() []law {
	return []law{
		{"Blob/ReadableFromItsCommit", blobReadable},
		{"Blob/ReadAtAnyOffset", blobOffsets},
		{"Blob/HeadAlone", blobHead},
		{"Blob/GoneAfterLastReference", blobGone},
		{"Blob/HeldByAnyReference", blobHeld},
		{"Blob/OpenWhileSwept", blobOpenWhileSwept},
		{"Blob/AbortedIsGone", blobAborted},
		{"Blob/WithoutReferenceIsSwept", blobUnreferenced},
		{"Blob/ReferenceToNone", blobReferenceToNone},
		{"Blob/ForgottenIsGoneAfterReopen", blobForgotten},
		{"Blob/SweepBesideCommits", blobSweepRace},
		{"Blob/Misuse", blobMisuse},
	}
}

// sizes are blobs' sizes around every border.
func (e *engine) sizes() []int {
	l := e.h.LargeBlob
	return []int{0, 1, 500, l - 1, l, l + 1, 2 * l, 3*l + 17}
}

func (e *engine) keep(content []byte, owner []byte) store.BlobID {
	e.t.Helper()
	s := e.stage(content)
	b := store.NewBatch()
	b.AddBlob(s)
	b.Ref(s.Ref().ID, owner)
	e.must(e.commit(b))
	return s.Ref().ID
}

func (e *engine) unref(id store.BlobID, owners ...string) {
	e.t.Helper()
	b := store.NewBatch()
	for _, o := range owners {
		b.Unref(id, []byte(o))
	}
	e.must(e.commit(b))
}

func blobReadable(e *engine) {
	for i, size := range e.sizes() {
		content := bytesOf(i, size)
		s := e.stage(content)
		if s.Ref().Size != int64(size) {
			e.t.Fatalf("a staged blob of %d bytes says %d", size, s.Ref().Size)
		}
		e.blobGone(s.Ref().ID)
		staged, err := s.Open(ctx())
		e.must(err)
		e.must(sameBytes(staged, content))
		e.must(staged.Close())
		b := store.NewBatch()
		b.AddBlob(s)
		b.Ref(s.Ref().ID, []byte("o"))
		e.must(e.commit(b))
		e.blobHolds(s.Ref().ID, content)
		after, err := s.Open(ctx())
		e.must(err)
		e.must(sameBytes(after, content))
		e.must(after.Close())
		e.reopen()
		e.blobHolds(s.Ref().ID, content)
	}
	e.check()
}

func blobOffsets(e *engine) {
	size := 3*e.h.LargeBlob + 17
	for i, size := range []int{300, size} {
		content := bytesOf(i, size)
		b, err := e.st.OpenBlob(ctx(), e.keep(content, []byte("o")))
		e.must(err)
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			off, n := r.IntN(size+10), r.IntN(size/2)
			p := make([]byte, n)
			got, err := b.ReadAt(p, int64(off))
			want := content[min(off, size):min(off+n, size)]
			if !bytes.Equal(p[:got], want) {
				e.t.Fatalf("%d bytes at %d of %d are wrong", n, off, size)
			}
			if (got < n) != errors.Is(err, io.EOF) || (err != nil && !errors.Is(err, io.EOF)) {
				e.t.Fatalf("%d of %d bytes at %d of %d: error %v", got, n, off, size, err)
			}
		}
		if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
			e.t.Fatal("a read at a negative offset went well")
		}
		e.must(b.Close())
	}
}

// blobHead reads the first bytes, of small and large blobs, of such as pack well and of such as do not.
func blobHead(e *engine) {
	for i, size := range []int{0, 1, 300, 20_000, 3*e.h.LargeBlob + 17} {
		content := bytesOf(i, size)
		for _, content := range [][]byte{content, bytes.Repeat([]byte("a line of text\r\n"), size/16)} {
			id := e.keep(content, []byte("o"))
			for _, n := range []int{0, 1, 100, size / 2, size, size + 1} {
				b, err := e.st.OpenHead(ctx(), id, int64(n))
				e.must(err)
				if b.Size() != int64(len(content)) {
					e.t.Fatalf("the head of %d bytes says %d", len(content), b.Size())
				}
				p := make([]byte, min(n, len(content)))
				if got, err := b.ReadAt(p, 0); got < len(p) || err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(p, content[:len(p)]) {
					e.t.Fatalf("the first %d of %d bytes: %d, %v", len(p), len(content), got, err)
				}
				// Beyond the head there is what belongs there, or it is said that it is not here; never an end that is none.
				p = make([]byte, len(content)+1)
				got, err := b.ReadAt(p, 0)
				if !bytes.Equal(p[:got], content[:got]) || errors.Is(err, io.EOF) != (got == len(content)) || !errors.Is(err, io.EOF) && !errors.Is(err, store.ErrHead) {
					e.t.Fatalf("all of %d bytes through a head of %d: %d, %v", len(content), n, got, err)
				}
				e.must(b.Close())
			}
		}
	}
	_, err := e.st.OpenHead(ctx(), store.BlobID{}, 1)
	e.fails(err, store.ErrNoBlob)
}

func blobGone(e *engine) {
	for i, size := range e.sizes() {
		id := e.keep(bytesOf(i, size), []byte("o"))
		e.sweep(0)
		e.unref(id, "o")
		e.sweep(1)
		e.blobGone(id)
		e.sweep(0)
		b := store.NewBatch()
		b.Ref(id, []byte("late"))
		e.fails(e.commit(b), store.ErrNoBlob)
	}
	e.check()
}

func blobHeld(e *engine) {
	content := bytesOf(1, 2*e.h.LargeBlob)
	id := e.keep(content, []byte("a"))
	b := store.NewBatch()
	b.Ref(id, []byte("b"))
	b.Ref(id, []byte("ab"))
	e.must(e.commit(b))
	e.unref(id, "a")
	e.sweep(0)
	e.blobHolds(id, content)
	e.unref(id, "b", "never")
	e.sweep(0)
	e.reopen()
	e.blobHolds(id, content)
	// A reference that comes back before the sweep holds the blob again.
	e.unref(id, "ab")
	back := store.NewBatch()
	back.Ref(id, []byte("c"))
	e.must(e.commit(back))
	e.sweep(0)
	e.blobHolds(id, content)
	e.unref(id, "c")
	e.sweep(1)
	e.blobGone(id)
}

func blobOpenWhileSwept(e *engine) {
	content := bytesOf(1, 3*e.h.LargeBlob)
	id := e.keep(content, []byte("o"))
	open, err := e.st.OpenBlob(ctx(), id)
	e.must(err)
	e.unref(id, "o")
	e.sweep(1)
	e.must(sameBytes(open, content))
	e.must(open.Close())
	e.must(open.Close())
}

func blobAborted(e *engine) {
	for _, size := range e.sizes() {
		w := e.st.Stage(ctx())
		_, err := w.Write(bytesOf(1, size))
		e.must(err)
		s, err := w.Finish()
		e.must(err)
		w.Abort()
		w.Abort()
		b := store.NewBatch()
		b.AddBlob(s)
		b.Ref(s.Ref().ID, []byte("o"))
		e.fails(e.commit(b), store.ErrNoBlob)
	}
	// Abort after the commit does nothing.
	w := e.st.Stage(ctx())
	content := bytesOf(1, 2*e.h.LargeBlob)
	_, err := w.Write(content)
	e.must(err)
	s, err := w.Finish()
	e.must(err)
	b := store.NewBatch()
	b.AddBlob(s)
	b.Ref(s.Ref().ID, []byte("o"))
	e.must(e.commit(b))
	w.Abort()
	e.reopen()
	e.blobHolds(s.Ref().ID, content)
	e.check()
}

func blobUnreferenced(e *engine) {
	s := e.stage(bytesOf(1, 2*e.h.LargeBlob))
	b := store.NewBatch()
	b.AddBlob(s)
	e.must(e.commit(b))
	e.sweep(1)
	e.blobGone(s.Ref().ID)
}

func blobReferenceToNone(e *engine) {
	p := account(1)
	b := batchOf(p, "k", "v")
	b.Ref(unknownBlob(), p.Key('k'))
	e.fails(e.commit(b), store.ErrNoBlob)
	e.holds(p.Key('k'), "")
	// A reference to a blob that another batch of the same moment adds is fine.
	s := e.stage(bytesOf(1, 100))
	first, second := store.NewBatch(), store.NewBatch()
	first.AddBlob(s)
	first.Ref(s.Ref().ID, []byte("a"))
	second.Ref(s.Ref().ID, []byte("b"))
	w1, w2 := e.submit(first), e.submit(second)
	e.must(e.wait(w1))
	e.must(e.wait(w2))
	e.unref(s.Ref().ID, "a")
	e.sweep(0)
}

func blobForgotten(e *engine) {
	s := e.stage(bytesOf(1, 3*e.h.LargeBlob))
	w := e.st.Stage(ctx())
	_, err := w.Write(bytesOf(2, 3*e.h.LargeBlob))
	e.must(err)
	e.reopen()
	e.blobGone(s.Ref().ID)
	b := store.NewBatch()
	b.AddBlob(s)
	b.Ref(s.Ref().ID, []byte("o"))
	if p, err := e.st.Submit(ctx(), b); err == nil && e.wait(p) == nil {
		e.t.Fatal("a blob staged by an earlier run was committed")
	}
	e.check()
}

// blobSweepRace moves references from owner to owner while sweeps run: no blob may be lost, and a commit that comes too
// late must be told.
func blobSweepRace(e *engine) {
	content := bytesOf(1, 2*e.h.LargeBlob)
	var movers, sweeper sync.WaitGroup
	done := make(chan struct{})
	sweeper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := e.st.Sweep(ctx()); err != nil {
				e.t.Error(err)
				return
			}
		}
	})
	for range 4 {
		movers.Go(func() {
			for range 50 {
				if err := e.moveAround(content); err != nil {
					e.t.Error(err)
					return
				}
			}
		})
	}
	movers.Wait()
	close(done)
	sweeper.Wait()
	e.check()
}

// moveAround makes a blob and hands it from owner to owner, leaving it without one in between.
func (e *engine) moveAround(content []byte) error {
	s, err := stageIn(e.st, content, len(content))
	if err != nil {
		return err
	}
	id := s.Ref().ID
	first := store.NewBatch()
	first.AddBlob(s)
	first.Ref(id, []byte("a"))
	if err := e.commit(first); err != nil {
		return err
	}
	for range 5 {
		drop, back := store.NewBatch(), store.NewBatch()
		drop.Unref(id, []byte("a"))
		if err := e.commit(drop); err != nil {
			return err
		}
		back.Ref(id, []byte("a"))
		err := e.commit(back)
		if errors.Is(err, store.ErrNoBlob) {
			return mustBeGone(e.st, id)
		}
		if err == nil {
			err = readBlob(e.st, id, content)
		}
		if err != nil {
			return fmt.Errorf("a blob with a reference: %w", err)
		}
	}
	return nil
}

func blobMisuse(e *engine) {
	w := e.st.Stage(ctx())
	_, err := w.Write([]byte("x"))
	e.must(err)
	_, err = w.Finish()
	e.must(err)
	if _, err := w.Write([]byte("y")); err == nil {
		e.t.Error("a write after Finish went well")
	}
	if _, err := w.Finish(); err == nil {
		e.t.Error("a second Finish went well")
	}
	w = e.st.Stage(ctx())
	w.Abort()
	if _, err := w.Write([]byte("y")); err == nil {
		e.t.Error("a write after Abort went well")
	}
}
