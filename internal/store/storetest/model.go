package storetest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// model is what a store should hold.
type model struct {
	rows    map[string]string
	numbers map[store.Partition]uint64
	blobs   map[store.BlobID]*modelBlob
}

type modelBlob struct {
	content []byte
	owners  map[string]bool
}

func (m *model) clone() *model {
	return &model{rows: maps.Clone(m.rows), numbers: maps.Clone(m.numbers)}
}

func newModel() *model {
	return &model{rows: map[string]string{}, numbers: map[store.Partition]uint64{}, blobs: map[store.BlobID]*modelBlob{}}
}

// machine runs random operations on an engine and on the model.
type machine struct {
	*engine
	m    *model
	old  store.View // a view held over later commits
	then *model     // what it must show
}

// checkModel runs random operations against a model, fewer of them with -short.
func checkModel(t *testing.T, make func(t testing.TB) Harness) {
	if checks := flag.Lookup("rapid.checks"); testing.Short() && checks != nil {
		before := checks.Value.String()
		if err := checks.Value.Set("15"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = checks.Value.Set(before) }() // it was valid before
	}
	rapid.Check(t, func(rt *rapid.T) {
		x := &machine{engine: start(t, make(t)), m: newModel()}
		defer func() {
			x.dropView()
			x.close()
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"commit": x.commitRandom,
			"blob":   x.blobRandom,
			"unref":  x.unrefRandom,
			"view":   x.viewRandom,
			"sweep":  x.sweepAll,
			"reopen": func(*rapid.T) {
				x.dropView()
				x.reopen()
			},
			"": x.compare,
		})
	})
}

func (x *machine) dropView() {
	if x.old != nil {
		x.old.Close()
		x.old = nil
	}
}

var (
	genPartition = rapid.Custom(func(t *rapid.T) store.Partition { return account(rapid.IntRange(0, 2).Draw(t, "account")) })
	genRest      = rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 0, 3)
)

// commitRandom commits a random batch, with a wrong number now and then.
func (x *machine) commitRandom(t *rapid.T) {
	b := store.NewBatch()
	next := x.m.clone()
	for range rapid.IntRange(0, 6).Draw(t, "ops") {
		p := genPartition.Draw(t, "of")
		key := p.Key(genRest.Draw(t, "key")...)
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			b.Delete(key)
			delete(next.rows, string(key))
		case 1:
			r := store.Range{Start: key, End: p.Key(genRest.Draw(t, "end")...)}
			b.DeleteRange(r)
			maps.DeleteFunc(next.rows, func(k, _ string) bool { return k >= string(r.Start) && k < string(r.End) })
		default:
			value := rapid.StringN(0, 20, 40).Draw(t, "value")
			b.Set(key, []byte(value))
			next.rows[string(key)] = value
		}
	}
	conflict := false
	touched := map[store.Partition]bool{}
	for range rapid.IntRange(0, 2).Draw(t, "partitions") {
		p := genPartition.Draw(t, "touch")
		touched[p] = true
		switch rapid.IntRange(0, 5).Draw(t, "how") {
		case 0:
			conflict = true
			b.Expect(p, x.m.numbers[p]+1)
		case 1:
			b.Raise(p)
		default:
			b.Expect(p, x.m.numbers[p])
		}
	}
	for p := range touched {
		next.numbers[p]++
	}
	err := x.commit(b)
	if conflict {
		if !isConflict(err) {
			t.Fatalf("got %v, want a conflict", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	x.m.rows, x.m.numbers = next.rows, next.numbers
}

// blobRandom commits a blob or gives it up.
func (x *machine) blobRandom(t *rapid.T) {
	content := bytesOf(len(x.m.blobs), rapid.SampledFrom(x.sizes()).Draw(t, "size"))
	w := x.st.Stage(ctx())
	for piece := range slices.Chunk(content, rapid.IntRange(1, 5000).Draw(t, "step")) {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if rapid.IntRange(0, 3).Draw(t, "abort") == 0 {
		w.Abort()
		return
	}
	b := store.NewBatch()
	b.AddBlob(s)
	mb := &modelBlob{content: content, owners: map[string]bool{}}
	for _, o := range rapid.SliceOfN(rapid.SampledFrom([]string{"o", "p", "op"}), 0, 3).Draw(t, "owners") {
		b.Ref(s.Ref().ID, []byte(o))
		mb.owners[o] = true
	}
	if err := x.commit(b); err != nil {
		t.Fatal(err)
	}
	x.m.blobs[s.Ref().ID] = mb
}

// unrefRandom drops or adds a reference.
func (x *machine) unrefRandom(t *rapid.T) {
	ids := slices.SortedFunc(maps.Keys(x.m.blobs), func(a, b store.BlobID) int { return a.Compare(b.ID) })
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "blob")
	owner := rapid.SampledFrom([]string{"o", "p", "op"}).Draw(t, "owner")
	b := store.NewBatch()
	if rapid.Bool().Draw(t, "drop") {
		b.Unref(id, []byte(owner))
		delete(x.m.blobs[id].owners, owner)
	} else {
		b.Ref(id, []byte(owner))
		x.m.blobs[id].owners[owner] = true
	}
	if err := x.commit(b); err != nil {
		t.Fatal(err)
	}
}

func (x *machine) viewRandom(*rapid.T) {
	x.dropView()
	x.old, x.then = x.view(), x.m.clone()
}

// sweepAll must remove exactly the blobs without an owner.
func (x *machine) sweepAll(t *rapid.T) {
	want := 0
	for id, b := range x.m.blobs {
		if len(b.owners) == 0 {
			want++
			delete(x.m.blobs, id)
			defer x.blobGone(id)
		}
	}
	got, err := x.st.Sweep(ctx())
	if err != nil || got != want {
		t.Fatalf("the sweep removed %d blobs, want %d (error %v)", got, want, err)
	}
}

// compare looks at everything.
func (x *machine) compare(t *rapid.T) {
	v := x.view()
	defer v.Close()
	if err := compareView(v, x.m); err != nil {
		t.Fatal(err)
	}
	if x.old != nil {
		if err := compareView(x.old, x.then); err != nil {
			t.Fatalf("a view held: %v", err)
		}
	}
	for id, b := range x.m.blobs {
		if err := readBlob(x.st, id, b.content); err != nil {
			t.Fatal(err)
		}
	}
}

func compareView(v store.View, m *model) error {
	for i := range 3 {
		n, err := v.Number(ctx(), account(i))
		if err != nil || n != m.numbers[account(i)] {
			return fmt.Errorf("number %d, want %d (error %w)", n, m.numbers[account(i)], err)
		}
	}
	keys := slices.Sorted(maps.Keys(m.rows))
	i := 0
	err := v.Scan(ctx(), store.Range{}, func(key, value []byte) (bool, error) {
		if i >= len(keys) || keys[i] != string(key) || !bytes.Equal(value, []byte(m.rows[keys[i]])) {
			return false, fmt.Errorf("row %d is %q: %q", i, key, value)
		}
		i++
		return true, nil
	})
	if err == nil && i < len(keys) {
		err = errors.New("rows are missing")
	}
	return err
}
