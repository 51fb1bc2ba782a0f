package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

type op struct {
	kind       store.OpKind
	key, value string
}

func TestBatchGivesBackWhatWasPutIn(t *testing.T) {
	b := store.NewBatch()
	if !b.Empty() || b.ID.IsZero() {
		t.Fatal("a new batch is not empty or has no ID")
	}
	key, value := []byte("akey"), bytes.Repeat([]byte("v"), 300)
	b.Set(key, value)
	key[0], value[0] = 'x', 'x' // copied in
	b.Delete([]byte("b"))
	b.DeleteRange(store.Range{Start: []byte("c"), End: []byte("d")})
	b.Set([]byte("e"), nil)
	want := []op{{store.OpSet, "akey", string(bytes.Repeat([]byte("v"), 300))}, {store.OpDelete, "b", ""},
		{store.OpDeleteRange, "c", "d"}, {store.OpSet, "e", ""}}
	var got []op
	err := b.Ops(func(kind store.OpKind, key, value []byte) error {
		got = append(got, op{kind, string(key), string(value)})
		return nil
	})
	if err != nil || len(got) != len(want) || b.Len() != len(want) || b.Size() < 310 || b.Empty() {
		t.Fatalf("%d writes came back, error %v, Len %d, Size %d", len(got), err, b.Len(), b.Size())
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("write %d is %q, want %q", i, got[i], want[i])
		}
	}
	stop := errors.New("stop")
	n := 0
	if err := b.Ops(func(store.OpKind, []byte, []byte) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("Ops went on after an error: %d, %v", n, err)
	}
}

func TestBatchPartitionsAndReferences(t *testing.T) {
	p := store.Partition{Kind: store.KindAccount, ID: mail.ID{1}}
	q := store.Partition{Kind: store.KindQueue, ID: mail.ID{11: 63}}
	b := store.NewBatch()
	b.Raise(p)
	b.Raise(p)
	b.Expect(q, 7)
	b.ExpectAfter(q, 8, mail.ID{9})
	want := []store.PartitionWrite{{Partition: p}, {Partition: q, Expected: 7, Conditional: true},
		{Partition: q, Expected: 8, Conditional: true, After: mail.ID{9}}}
	got := b.Partitions()
	if len(got) != len(want) {
		t.Fatalf("%d partitions, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("partition %d is %v, want %v", i, got[i], want[i])
		}
	}
	owner := []byte("owner")
	b.Ref(store.BlobID{}, owner)
	b.Unref(store.BlobID{}, owner)
	owner[0] = 'x'
	refs := b.Refs()
	if len(refs) != 2 || refs[0].Drop || !refs[1].Drop || string(refs[0].Owner) != "owner" || string(refs[1].Owner) != "owner" {
		t.Errorf("references are %v", refs)
	}
}

func TestKeyStartsWithItsPartition(t *testing.T) {
	p := store.Partition{Kind: store.KindAccount, ID: mail.ID{0xab}}
	key := p.Key('m', 1)
	if len(key) != store.PrefixLen+2 || !bytes.HasPrefix(key, p.AppendPrefix(nil)) || key[0] != 'a' || key[1] != 0xab {
		t.Errorf("key is %x", key)
	}
}

func FuzzPrefixRange(f *testing.F) {
	f.Add([]byte("a"), []byte("ab"))
	f.Add([]byte{'a', 0xff}, []byte{'b'})
	f.Add([]byte{0xff, 0xff}, []byte{0xff, 0xff, 1})
	f.Add([]byte{}, []byte("x"))
	f.Fuzz(func(t *testing.T, prefix, key []byte) {
		r := store.PrefixRange(prefix)
		in := bytes.Compare(key, r.Start) >= 0 && (r.End == nil || bytes.Compare(key, r.End) < 0)
		if in != bytes.HasPrefix(key, prefix) {
			t.Errorf("prefix %x, key %x: in the range %x to %x: %v", prefix, key, r.Start, r.End, in)
		}
	})
}

func TestBatchInLentMemory(t *testing.T) {
	memory := append(make([]byte, 0, 1<<10), "what was there before"...)
	b := store.NewBatch()
	b.Lend(memory)
	if !b.Empty() {
		t.Error("memory that is lent is no write")
	}
	b.Set([]byte("key"), []byte("value"))
	n := 0
	err := b.Ops(func(kind store.OpKind, key, value []byte) error {
		n++
		if kind != store.OpSet || string(key) != "key" || string(value) != "value" {
			t.Errorf("%v %q %q", kind, key, value)
		}
		return nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d writes, %v", n, err)
	}
	back := b.TakeBack()
	if &back[0] != &memory[0] {
		t.Error("the memory was not used")
	}
	if !b.Empty() || !b.ID.IsZero() {
		t.Error("the batch is still one")
	}
}
