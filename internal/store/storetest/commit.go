package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// commitLaws are laws 1, 2, 3, 5, 6 and 8.
func commitLaws() []law {
	return []law{
		{"Commit/SurvivesReopen", commitSurvives},
		{"Commit/RaisesByOne", commitRaises},
		{"Commit/ConflictWritesNothing", conflictWritesNothing},
		{"Commit/LaterWriteWins", laterWriteWins},
		{"Commit/DeleteRange", deleteRange},
		{"Commit/BadKeysRefused", badKeys},
		{"Commit/OneWinnerPerNumber", oneWinner},
		{"Pending/MayExpectPendingNumber", expectPending},
		{"Pending/FailsWithTheOneBefore", failsTogether},
		{"Pending/NotByAccident", notByAccident},
		{"Pending/WaitAgain", waitAgain},
		{"Pending/OutcomeCanBeLookedUp", outcome},
		{"Watch/HearsLaterCommits", watchHears},
		{"Watch/OnlyItsPartition", watchOnly},
	}
}

func commitSurvives(e *engine) {
	p := account(1)
	e.must(e.commit(batchOf(p, "k", "v", "empty", "")))
	e.reopen()
	e.holds(p.Key('k'), "v")
	got, err := store.Get(ctx(), e.st, p.Key([]byte("empty")...))
	e.must(err)
	if got == nil || len(got) != 0 {
		e.t.Fatalf("an empty value came back as %v", got)
	}
	if n := e.number(p); n != 1 {
		e.t.Fatalf("number is %d after reopening, want 1", n)
	}
}

func commitRaises(e *engine) {
	a, b := account(1), account(2)
	if n := e.number(a); n != 0 {
		e.t.Fatalf("a new partition has number %d", n)
	}
	for i := range 5 {
		batch := store.NewBatch()
		batch.Expect(a, uint64(i))
		batch.Raise(a)
		batch.Expect(a, uint64(i))
		batch.Raise(b)
		batch.Raise(b)
		e.must(e.commit(batch))
	}
	if na, nb := e.number(a), e.number(b); na != 5 || nb != 5 {
		e.t.Fatalf("numbers are %d and %d after five commits", na, nb)
	}
	e.must(e.commit(store.NewBatch()))
	if n := e.number(a); n != 5 {
		e.t.Fatalf("a commit that does not touch the partition raised it to %d", n)
	}
}

func conflictWritesNothing(e *engine) {
	a, b := account(1), account(2)
	e.must(e.commit(batchOf(a, "k", "old")))
	staged := e.stage([]byte("body"))
	batch := store.NewBatch()
	batch.Set(a.Key('k'), []byte("new"))
	batch.Set(b.Key('x'), []byte("new"))
	batch.Raise(b)
	batch.AddBlob(staged)
	batch.Ref(staged.Ref().ID, a.Key('k'))
	batch.Expect(a, 0)
	e.fails(e.commit(batch), store.ErrConflict)
	e.holds(a.Key('k'), "old")
	e.holds(b.Key('x'), "")
	e.blobGone(staged.Ref().ID)
	if na, nb := e.number(a), e.number(b); na != 1 || nb != 0 {
		e.t.Fatalf("numbers are %d and %d after a conflict, want 1 and 0", na, nb)
	}
	// The blob is still staged, and the same writes at the right number go through.
	again := store.NewBatch()
	again.AddBlob(staged)
	again.Ref(staged.Ref().ID, a.Key('k'))
	again.Expect(a, 1)
	e.must(e.commit(again))
	e.blobHolds(staged.Ref().ID, []byte("body"))
}

func laterWriteWins(e *engine) {
	p := account(1)
	b := store.NewBatch()
	b.Set(p.Key('a'), []byte("1"))
	b.Set(p.Key('a'), []byte("2"))
	b.Set(p.Key('b'), []byte("1"))
	b.Delete(p.Key('b'))
	b.DeleteRange(store.PrefixRange(p.Key('c')))
	b.Set(p.Key('c', 'x'), []byte("after"))
	b.Set(p.Key('d', 'x'), []byte("before"))
	b.DeleteRange(store.PrefixRange(p.Key('d')))
	b.Delete(p.Key('n'))
	e.must(e.commit(b))
	e.holds(p.Key('a'), "2")
	e.holds(p.Key('b'), "")
	e.holds(p.Key('c', 'x'), "after")
	e.holds(p.Key('d', 'x'), "")
}

func deleteRange(e *engine) {
	p := account(1)
	e.must(e.commit(batchOf(p, "a", "1", "b", "2", "b\xff", "3", "c", "4")))
	b := store.NewBatch()
	b.DeleteRange(store.Range{Start: p.Key('b'), End: p.Key('c')})
	e.must(e.commit(b))
	e.holds(p.Key('a'), "1")
	e.holds(p.Key('b'), "")
	e.holds(p.Key('b', 0xff), "")
	e.holds(p.Key('c'), "4")
}

func badKeys(e *engine) {
	for _, key := range [][]byte{nil, {1}, {0xff, 1}, []byte("Z")} {
		b := store.NewBatch()
		b.Set(key, []byte("x"))
		if _, err := e.st.Submit(ctx(), b); err == nil {
			e.t.Errorf("key %x was taken", key)
		}
	}
	b := store.NewBatch()
	b.DeleteRange(store.Range{Start: account(1).Key()})
	if _, err := e.st.Submit(ctx(), b); err == nil {
		e.t.Error("a range to delete without an end was taken")
	}
}

// oneWinner has many writers compete for the same number, again and again.
func oneWinner(e *engine) {
	const writers, rounds = 8, 12
	p := account(1)
	var wg sync.WaitGroup
	wins := make([]int, writers)
	for w := range writers {
		wg.Go(func() {
			for range rounds {
				if err := e.winOnce(p, w); err != nil {
					e.t.Error(err)
					return
				}
				wins[w]++
			}
		})
	}
	wg.Wait()
	if n := e.number(p); n != writers*rounds {
		e.t.Fatalf("number is %d after %d commits (%v)", n, writers*rounds, wins)
	}
	seen := 0
	v := e.view()
	defer v.Close()
	e.must(v.Scan(ctx(), store.PrefixRange(p.Key()), func(_, _ []byte) (bool, error) {
		seen++
		return true, nil
	}))
	if seen != writers*rounds {
		e.t.Fatalf("%d rows after %d commits", seen, writers*rounds)
	}
}

// winOnce commits at the number read until there is no conflict.
func (e *engine) winOnce(p store.Partition, writer int) error {
	for {
		v, err := e.st.View(ctx())
		if err != nil {
			return err
		}
		n, err := v.Number(ctx(), p)
		v.Close()
		if err != nil {
			return err
		}
		b := store.NewBatch()
		b.Expect(p, n)
		b.Set(p.Key(fmt.Appendf(nil, "%08d", n+1)...), fmt.Appendf(nil, "%d", writer))
		if err = e.commit(b); err == nil {
			return nil
		}
		if !isConflict(err) {
			return err
		}
	}
}

func expectPending(e *engine) {
	p := account(1)
	const chain = 50
	pending := make([]store.Pending, chain)
	var last mail.ID
	for i := range chain {
		b := store.NewBatch()
		b.ExpectAfter(p, uint64(i), last)
		b.Set(p.Key('n'), fmt.Appendf(nil, "%d", i))
		last = b.ID
		pending[i] = e.submit(b)
	}
	for _, w := range pending {
		e.must(e.wait(w))
	}
	e.holds(p.Key('n'), fmt.Sprint(chain-1))
	if n := e.number(p); n != chain {
		e.t.Fatalf("number is %d, want %d", n, chain)
	}
}

func failsTogether(e *engine) {
	p := account(1)
	first := store.NewBatch()
	first.Raise(p)
	first.Set(p.Key('a'), []byte("1"))
	first.Ref(unknownBlob(), p.Key('a'))
	second := store.NewBatch()
	second.ExpectAfter(p, 1, first.ID)
	second.Set(p.Key('b'), []byte("2"))
	third := store.NewBatch()
	third.ExpectAfter(p, 2, second.ID)
	w1, w2, w3 := e.submit(first), e.submit(second), e.submit(third)
	e.fails(e.wait(w1), store.ErrNoBlob)
	e.fails(e.wait(w2), store.ErrConflict)
	e.fails(e.wait(w3), store.ErrConflict)
	e.holds(p.Key('b'), "")
}

// notByAccident: the number is right, but somebody else left it.
func notByAccident(e *engine) {
	p := account(1)
	e.must(e.commit(batchOf(p, "k", "mine")))
	failed := store.NewBatch()
	failed.Expect(p, 0)
	e.fails(e.commit(failed), store.ErrConflict)
	next := store.NewBatch()
	next.ExpectAfter(p, 1, failed.ID)
	next.Set(p.Key('k'), []byte("stray"))
	e.fails(e.commit(next), store.ErrConflict)
	e.reopen()
	again := store.NewBatch()
	again.ExpectAfter(p, 1, failed.ID)
	e.fails(e.commit(again), store.ErrConflict)
	e.holds(p.Key('k'), "mine")
}

func waitAgain(e *engine) {
	p := account(1)
	w := e.submit(batchOf(p, "k", "v"))
	e.must(e.wait(w))
	e.must(e.wait(w))
	stale := store.NewBatch()
	stale.Expect(p, 7)
	w = e.submit(stale)
	e.fails(e.wait(w), store.ErrConflict)
	e.fails(e.wait(w), store.ErrConflict)
}

func outcome(e *engine) {
	p := account(1)
	good, bad := batchOf(p, "k", "v"), store.NewBatch()
	bad.Expect(p, 99)
	e.must(e.commit(good))
	e.fails(e.commit(bad), store.ErrConflict)
	for range 2 {
		for batch, want := range map[*store.Batch]bool{good: true, bad: false} {
			got, err := e.st.Committed(ctx(), batch.ID)
			e.must(err)
			if got != want {
				e.t.Fatalf("committed is %v, want %v", got, want)
			}
		}
		e.reopen()
	}
}

func watchHears(e *engine) {
	p := account(1)
	w1, w2 := e.st.Watch(p), e.st.Watch(p)
	e.must(e.commit(batchOf(p, "k", "1")))
	heard(e.t, w1)
	heard(e.t, w2)
	w1.Close()
	w1.Close()
	for range 3 {
		e.must(e.commit(batchOf(p, "k", "2")))
	}
	heard(e.t, w2)
	select {
	case <-w1.C():
		e.t.Error("a closed watcher was told")
	default:
	}
	w2.Close()
}

func heard(t testing.TB, w store.Watcher) {
	t.Helper()
	select {
	case <-w.C():
	case <-time.After(patience):
		t.Fatal("a watcher heard nothing")
	}
}

func watchOnly(e *engine) {
	a, b := account(1), account(2)
	e.must(e.commit(batchOf(a, "k", "earlier")))
	wa, wb := e.st.Watch(a), e.st.Watch(b)
	defer wa.Close()
	defer wb.Close()
	conflict := store.NewBatch()
	conflict.Expect(a, 9)
	e.fails(e.commit(conflict), store.ErrConflict)
	e.must(e.commit(batchOf(b, "k", "v")))
	heard(e.t, wb)
	select {
	case <-wa.C():
		e.t.Fatal("a watcher was told of a commit to another partition, an earlier or a failed one")
	default:
	}
}
