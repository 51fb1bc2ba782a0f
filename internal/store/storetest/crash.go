package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// The load: each submitter commits a chain of batches to its own account, two in flight at a time. What a store must hold
// follows from how many of each chain are there, so every state after a crash can be checked exactly.
const (
	submitters  = 4
	chainLength = 14
	// keepFor is how many batches later a batch's blob is dropped again, for every second batch.
	keepFor = 2
)

// load is one run of the load on one engine.
type load struct {
	large int
	mu    sync.Mutex // guards what follows
	acked [submitters]int
	blobs [submitters][chainLength]store.BlobID
	loose []store.BlobID // staged and not meant to be committed
}

func shared() store.Partition { return account(1000) }

// bodySize alternates small and large bodies.
func (l *load) bodySize(s, i int) int {
	if (s+i)%3 == 0 {
		return 2*l.large + 100*i
	}
	return 50 + 10*i
}

func bodyOf(s, i, size int) []byte { return bytesOf(1000*s+i, size) }

func rowKey(s, i int) []byte { return account(s).Key([]byte(fmt.Sprintf("m%04d", i))...) }

func sharedKey(s, i int) []byte { return shared().Key([]byte(fmt.Sprintf("%d-%04d", s, i))...) }

// drops says whether batch i drops the row and the blob of batch i-keepFor.
func drops(i int) bool { return i >= keepFor && i%2 == 1 }

// batch makes a submitter's i-th batch.
func (l *load) batch(st store.Store, s, i int, before mail.ID) (*store.Batch, error) {
	staged, err := stageIn(st, bodyOf(s, i, l.bodySize(s, i)), 600)
	if err != nil {
		return nil, err
	}
	id := staged.Ref().ID
	l.mu.Lock()
	l.blobs[s][i] = id
	gone := store.BlobID{}
	if drops(i) {
		gone = l.blobs[s][i-keepFor]
	}
	l.mu.Unlock()
	b := store.NewBatch()
	b.ExpectAfter(account(s), uint64(i), before)
	b.Raise(shared())
	b.Set(rowKey(s, i), id.ID[:])
	b.Set(sharedKey(s, i), nil)
	b.AddBlob(staged)
	b.Ref(id, rowKey(s, i))
	if drops(i) {
		b.Delete(rowKey(s, i-keepFor))
		b.Unref(gone, rowKey(s, i-keepFor))
	}
	return b, nil
}

// run carries the load out until it is done or the engine says no, and gives the engine's word.
func (l *load) run(st store.Store) error {
	var wg sync.WaitGroup
	errs := make([]error, submitters)
	for s := range submitters {
		wg.Go(func() { errs[s] = l.chain(st, s) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l *load) chain(st store.Store, s int) error {
	var last mail.ID
	for i := 0; i < chainLength; i += 2 {
		var pending [2]store.Pending
		for k := range pending {
			b, err := l.batch(st, s, i+k, last)
			if err != nil {
				return err
			}
			if pending[k], err = st.Submit(ctx(), b); err != nil {
				return err
			}
			last = b.ID
		}
		if err := l.looseBlob(st); err != nil {
			return err
		}
		for _, p := range pending {
			if err := waitPatiently(p); err != nil {
				return err
			}
			l.mu.Lock()
			l.acked[s]++
			l.mu.Unlock()
		}
		if s == 0 {
			if _, err := st.Sweep(ctx()); err != nil {
				return err
			}
		}
	}
	return nil
}

func waitPatiently(p store.Pending) error {
	c, cancel := waitCtx()
	defer cancel()
	return p.Wait(c)
}

// looseBlob stages a large blob that nobody commits.
func (l *load) looseBlob(st store.Store) error {
	staged, err := stageIn(st, bytesOf(5, 2*l.large), 600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loose = append(l.loose, staged.Ref().ID)
	return nil
}

// promise is what the engine has said yes to at some moment.
type promise struct {
	acked [submitters]int
	blobs [submitters][chainLength]store.BlobID
	loose []store.BlobID
}

func (l *load) promise() promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	return promise{acked: l.acked, blobs: l.blobs, loose: slices.Clone(l.loose)}
}

// verify opens the engine on a disk after a crash and checks all it holds against what was promised before it. blobs are
// asked for after the crash, as a batch that was never acknowledged may be there too.
func (l *load) verify(d Disk, fs vfs.FS, p promise) error {
	st, err := d.Open(fs)
	if err != nil {
		return fmt.Errorf("open after the crash: %w", err)
	}
	return errors.Join(l.verifyStore(st, p), st.Close())
}

func (l *load) verifyStore(st store.Store, p promise) error {
	var problems []string
	if err := st.Check(ctx(), func(problem string) { problems = append(problems, problem) }); err != nil {
		return err
	}
	if len(problems) > 0 {
		return errors.New("check: " + strings.Join(problems, "; "))
	}
	there, err := l.verifyRows(st, p)
	if err != nil {
		return err
	}
	if err := l.verifyBlobs(st, p, there); err != nil {
		return err
	}
	// Life goes on.
	b := store.NewBatch()
	b.Expect(account(0), uint64(there[0]))
	return store.Commit(ctx(), st, b)
}

// verifyRows finds how much of each chain is there and compares all rows with what that means.
func (l *load) verifyRows(st store.Store, p promise) (there [submitters]int, err error) {
	v, err := st.View(ctx())
	if err != nil {
		return there, err
	}
	defer v.Close()
	var want []row
	total := 0
	for s := range submitters {
		n, err := v.Number(ctx(), account(s))
		if err != nil {
			return there, err
		}
		there[s] = int(n)
		total += int(n)
		if there[s] < p.acked[s] {
			return there, fmt.Errorf("submitter %d was told yes %d times, and %d commits are there", s, p.acked[s], n)
		}
		for i := range there[s] {
			want = append(want, row{key: string(sharedKey(s, i))})
			if l.live(i, there[s]) {
				want = append(want, row{key: string(rowKey(s, i)), value: string(p.blobs[s][i].ID[:])})
			}
		}
	}
	if n, err := v.Number(ctx(), shared()); err != nil || n != uint64(total) {
		return there, fmt.Errorf("the shared number is %d after %d commits (error %w)", n, total, err)
	}
	slices.SortFunc(want, func(a, b row) int { return strings.Compare(a.key, b.key) })
	var got []row
	err = v.Scan(ctx(), store.Range{}, func(key, value []byte) (bool, error) {
		got = append(got, row{string(key), string(value)})
		return true, nil
	})
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("%d rows are there, %d should be; chains %v", len(got), len(want), there)
	}
	return there, err
}

// live says whether batch i's row is still there after n batches.
func (l *load) live(i, n int) bool { return !drops(i+keepFor) || i+keepFor >= n }

func (l *load) verifyBlobs(st store.Store, p promise, there [submitters]int) error {
	if _, err := st.Sweep(ctx()); err != nil {
		return err
	}
	for s := range submitters {
		for i := range chainLength {
			id := p.blobs[s][i]
			if i < there[s] && l.live(i, there[s]) {
				if err := readBlob(st, id, bodyOf(s, i, l.bodySize(s, i))); err != nil {
					return fmt.Errorf("body %d of submitter %d: %w", i, s, err)
				}
				continue
			}
			if err := mustBeGone(st, id); err != nil {
				return fmt.Errorf("body %d of submitter %d: %w", i, s, err)
			}
		}
	}
	for _, id := range p.loose {
		if err := mustBeGone(st, id); err != nil {
			return fmt.Errorf("a body nobody committed: %w", err)
		}
	}
	return nil
}

func mustBeGone(st store.Store, id store.BlobID) error {
	b, err := st.OpenBlob(ctx(), id)
	if err == nil {
		return errors.Join(errors.New("it is there and should not be"), b.Close())
	}
	if !errors.Is(err, store.ErrNoBlob) {
		return err
	}
	return nil
}

// clones are the states a disk may be left in by a crash now: without anything unsynced, and with a random half of it.
func clones(fs *vfs.MemFS, seed uint64) []*vfs.MemFS {
	return []*vfs.MemFS{
		fs.CrashClone(vfs.CrashCloneCfg{}),
		fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 1))}),
	}
}

// crashAtEverySync runs the load and, at every sync, looks at what a crash just before and just after it would leave. With
// -short it looks at every fifth such point.
func crashAtEverySync(t *testing.T, d Disk) {
	mem := vfs.NewCrashableMem()
	l := &load{large: d.LargeBlob}
	var mu sync.Mutex // one sync is examined at a time
	points := 0
	examine := func() {
		points++
		if testing.Short() && points%5 != 0 {
			return
		}
		p := l.promise()
		for i, clone := range clones(mem, uint64(points)) {
			// The clone may hold batches made after p was taken, whose blobs' names are known only now.
			p.blobs = l.promise().blobs
			if err := l.verify(d, clone, p); err != nil {
				t.Errorf("crash at point %d, state %d: %v", points, i, err)
			}
		}
	}
	st, err := d.Open(&hookFS{FS: mem, onSync: func(_ string, sync func() error) error {
		mu.Lock()
		defer mu.Unlock()
		examine()
		if err := sync(); err != nil {
			return err
		}
		examine()
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.run(st); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if points < 2*chainLength {
		t.Fatalf("only %d points", points)
	}
	t.Logf("%d points", points)
	if err := l.verify(d, mem.CrashClone(vfs.CrashCloneCfg{}), l.promise()); err != nil {
		t.Errorf("after everything: %v", err)
	}
}

// crashWhileRecovering crashes in the middle of the load, and then at every sync of the next opening.
func crashWhileRecovering(t *testing.T, d Disk) {
	mem := vfs.NewCrashableMem()
	l := &load{large: d.LargeBlob}
	st, err := d.Open(mem)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.run(st); err != nil {
		t.Fatal(err)
	}
	p := l.promise()
	crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(3, 1))})
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	var again []*vfs.MemFS
	var mu sync.Mutex
	st, err = d.Open(&hookFS{FS: crashed, onSync: func(_ string, sync func() error) error {
		mu.Lock()
		defer mu.Unlock()
		for range 5 {
			again = append(again, clones(crashed, uint64(len(again)))...)
		}
		return sync()
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if len(again) < 4 {
		t.Fatalf("only %d crashes while recovering", len(again))
	}
	for i, fs := range again {
		if err := l.verify(d, fs, p); err != nil {
			t.Errorf("crash %d while recovering: %v", i, err)
		}
	}
}
