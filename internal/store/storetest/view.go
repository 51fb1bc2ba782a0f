package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// viewLaws are law 4 and the manners of reading.
func viewLaws() []law {
	return []law{
		{"View/IsOneSnapshot", viewIsSnapshot},
		{"View/ShowsWhatIsDurable", viewShows},
		{"View/ScansInByteOrder", viewOrder},
		{"View/ScanStops", viewStops},
		{"View/ByManyGoroutines", viewShared},
		{"View/EndsWithItsContext", viewContext},
	}
}

func viewIsSnapshot(e *engine) {
	a, b := account(1), account(2)
	e.must(e.commit(batchOf(a, "k", "1")))
	v := e.view()
	defer v.Close()
	both := batchOf(a, "k", "2", "new", "x")
	both.Raise(b)
	both.Set(b.Key('k'), []byte("2"))
	e.must(e.commit(both))
	del := store.NewBatch()
	del.Raise(a)
	del.Delete(a.Key('k'))
	e.must(e.commit(del))

	got, err := v.Get(ctx(), a.Key('k'))
	e.must(err)
	na, err := v.Number(ctx(), a)
	e.must(err)
	nb, err := v.Number(ctx(), b)
	e.must(err)
	if string(got) != "1" || na != 1 || nb != 0 {
		e.t.Fatalf("the view changed: %q, numbers %d and %d", got, na, nb)
	}
	if rows := scanAll(e, v, store.Range{}); len(rows) != 1 {
		e.t.Fatalf("the view's scan changed: %v", rows)
	}
}

func viewShows(e *engine) {
	p := account(1)
	for i := range 30 {
		want := fmt.Sprint(i)
		e.must(e.commit(batchOf(p, "k", want)))
		e.holds(p.Key('k'), want)
		if n := e.number(p); n != uint64(i)+1 {
			e.t.Fatalf("number is %d after commit %d", n, i+1)
		}
	}
}

type row struct{ key, value string }

func scanAll(e *engine, v store.View, r store.Range) []row {
	e.t.Helper()
	var rows []row
	e.must(v.Scan(ctx(), r, func(key, value []byte) (bool, error) {
		rows = append(rows, row{string(key), string(value)})
		return true, nil
	}))
	return rows
}

func scanAllBack(e *engine, v store.View, r store.Range) []row {
	e.t.Helper()
	var rows []row
	e.must(v.ScanBack(ctx(), r, func(key, value []byte) (bool, error) {
		rows = append(rows, row{string(key), string(value)})
		return true, nil
	}))
	slices.Reverse(rows)
	return rows
}

func viewOrder(e *engine) {
	p := account(1)
	keys := []string{"", "\x00", "a", "a\x00", "a\xff", "b", "\x7f", "\x80", "\xff", "\xff\xff", "ä"}
	for _, k := range keys {
		e.must(e.commit(batchOf(p, k, "v"+k)))
	}
	blob := e.stage([]byte("the engine's own rows are not for scans"))
	b := batchOf(account(2), "r", "x")
	b.AddBlob(blob)
	b.Ref(blob.Ref().ID, account(2).Key('r'))
	e.must(e.commit(b))
	slices.Sort(keys)
	v := e.view()
	defer v.Close()
	for _, r := range []store.Range{
		{}, store.PrefixRange(p.Key()), {Start: p.Key('a'), End: p.Key('b')}, store.PrefixRange(p.Key('a')),
		store.PrefixRange(p.Key(0xff)), {Start: p.Key('b')}, {End: p.Key('b')}, {Start: p.Key('b'), End: p.Key('b')},
		{Start: p.Key('z'), End: p.Key('b')},
	} {
		var want []row
		for _, k := range keys {
			full := p.Key([]byte(k)...)
			if bytes.Compare(full, r.Start) >= 0 && (r.End == nil || bytes.Compare(full, r.End) < 0) {
				want = append(want, row{string(full), "v" + k})
			}
		}
		if r.End == nil {
			want = append(want, row{string(account(2).Key('r')), "x"})
		}
		if got := scanAll(e, v, r); !slices.Equal(got, want) {
			e.t.Errorf("scan of %x to %x: %q, want %q", r.Start, r.End, got, want)
		}
		if got := scanAllBack(e, v, r); !slices.Equal(got, want) {
			e.t.Errorf("scan back of %x to %x: %q, want %q", r.Start, r.End, got, want)
		}
	}
}

func viewStops(e *engine) {
	p := account(1)
	e.must(e.commit(batchOf(p, "a", "1", "b", "2", "c", "3")))
	v := e.view()
	defer v.Close()
	n := 0
	e.must(v.Scan(ctx(), store.Range{}, func(_, _ []byte) (bool, error) {
		n++
		return n < 2, nil
	}))
	stop := errors.New("stop")
	err := v.ScanBack(ctx(), store.Range{}, func(_, _ []byte) (bool, error) { return true, stop })
	if n != 2 || !errors.Is(err, stop) {
		e.t.Fatalf("%d rows, error %v", n, err)
	}
}

// viewShared checks from many goroutines, while commits go on, that a view never shows half a commit.
func viewShared(e *engine) {
	p := account(1)
	e.must(e.commit(batchOf(p, "a", "0", "b", "0")))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := halfSeen(e.st, p); err != nil {
					e.t.Error(err)
					return
				}
			}
		})
	}
	for i := range 200 {
		n := fmt.Sprint(i)
		e.must(e.commit(batchOf(p, "a", n, "b", n)))
	}
	close(done)
	readers.Wait()
}

func halfSeen(st store.Store, p store.Partition) error {
	v, err := st.View(ctx())
	if err != nil {
		return err
	}
	defer v.Close()
	var g sync.WaitGroup
	var a, b []byte
	var errA, errB error
	g.Go(func() { a, errA = v.Get(ctx(), p.Key('a')) })
	g.Go(func() { b, errB = v.Get(ctx(), p.Key('b')) })
	g.Wait()
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("half a commit was seen: %s and %s", a, b)
	}
	return nil
}

func viewContext(e *engine) {
	p := account(1)
	e.must(e.commit(batchOf(p, "a", "1")))
	ended, cancel := context.WithCancel(ctx())
	cancel()
	v := e.view()
	defer v.Close()
	_, err := v.Get(ended, p.Key('a'))
	e.fails(err, context.Canceled)
	e.fails(v.Scan(ended, store.Range{}, func(_, _ []byte) (bool, error) { return true, nil }), context.Canceled)
	_, err = e.st.View(ended)
	e.fails(err, context.Canceled)
}
