package journey

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func fixture(t testing.TB) (store.Store, *Journeys, *clock.Fake) {
	t.Helper()
	st, err := pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFake(start)
	j := New(st, Options{Clock: clk})
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st, j, clk
}

func msg(at time.Time) mail.MessageID { return mail.MessageID{ID: mail.NewID(at)} }

func record(t testing.TB, st store.Store, id mail.MessageID, ev ...Event) {
	t.Helper()
	b := store.NewBatch()
	Record(b, id, ev...)
	if err := store.Commit(t.Context(), st, b); err != nil {
		t.Fatal(err)
	}
}

func kinds(s Journey) string {
	var out []string
	for _, e := range s.Events {
		out = append(out, fmt.Sprint(e.Kind))
	}
	return strings.Join(out, " ")
}

func TestStoryIsReadInOrder(t *testing.T) {
	st, j, _ := fixture(t)
	anna := mail.AccountID{ID: mail.NewID(start)}
	id, other := msg(start), msg(start)
	// Two parts of one commit, in the wrong order, at the same instant: the kinds put them right.
	b := store.NewBatch()
	Record(b, id, Event{Kind: Queued, Recipient: "x@y.test"}, Event{Kind: Queued, Recipient: "z@y.test"})
	Record(b, id, Event{Kind: Accepted, Account: anna, From: "anna@nord.test", Size: 4096},
		Event{Kind: Checked, Check: "SPF", Detail: "pass"})
	if err := store.Commit(t.Context(), st, b); err != nil {
		t.Fatal(err)
	}
	record(t, st, other, Event{Kind: Accepted})
	record(t, st, id, Event{At: start.Add(time.Minute), Kind: Deferred, Reply: "later", Next: start.Add(time.Hour)})
	got, err := j.Read(t.Context(), id)
	if err != nil || kinds(got) != fmt.Sprint(Accepted, " ", Checked, " ", Queued, " ", Queued, " ", Deferred) {
		t.Fatal(kinds(got), err)
	}
	if got.Events[2].Recipient != "x@y.test" || !got.Events[4].Next.Equal(start.Add(time.Hour)) || got.Events[0].Size != 4096 {
		t.Fatalf("%+v", got.Events)
	}
	if _, err := j.Read(t.Context(), msg(start)); !mail.IsKind(err, mail.KindNotFound) {
		t.Fatal(err)
	}
}

func TestRecent(t *testing.T) {
	st, j, _ := fixture(t)
	anna, bert := mail.AccountID{ID: mail.NewID(start)}, mail.AccountID{ID: mail.NewID(start)}
	var ids []mail.MessageID
	for i := range 10 {
		id := msg(start.Add(time.Duration(i) * time.Second))
		ids = append(ids, id)
		account := anna
		if i%2 == 1 {
			account = bert
		}
		record(t, st, id, Event{Kind: Accepted, Account: account}, Event{Kind: Stored, Account: account})
	}
	check := func(account mail.AccountID, before mail.MessageID, n int, want ...mail.MessageID) {
		t.Helper()
		got, err := j.Recent(t.Context(), account, before, n)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d stories, want %d, %v", len(got), len(want), err)
		}
		for i := range want {
			if got[i].ID != want[i] || len(got[i].Events) != 2 {
				t.Fatalf("story %d is %v", i, got[i])
			}
		}
	}
	newest := mail.MessageID{}
	check(mail.AccountID{}, newest, 3, ids[9], ids[8], ids[7])
	check(mail.AccountID{}, ids[7], 2, ids[6], ids[5])
	check(mail.AccountID{}, ids[0], 2)
	check(anna, newest, 2, ids[8], ids[6])
	check(anna, ids[6], 99, ids[4], ids[2], ids[0])
	check(bert, newest, 99, ids[9], ids[7], ids[5], ids[3], ids[1])
	check(bert, ids[1], 99)
}

func TestPruneKeepsTheYoungTheQueuedAndTheLively(t *testing.T) {
	st, j, _ := fixture(t)
	anna, bert := mail.AccountID{ID: mail.NewID(start)}, mail.AccountID{ID: mail.NewID(start)}
	old, lively, queued, young := msg(start), msg(start), msg(start), msg(start.Add(48*time.Hour))
	for _, id := range []mail.MessageID{old, lively, queued, young} {
		record(t, st, id, Event{Kind: Accepted, Account: anna}, Event{Kind: Stored, Account: bert})
	}
	record(t, st, lively, Event{At: start.Add(40 * time.Hour), Kind: Fetched})
	isQueued := func(_ context.Context, id mail.MessageID) (bool, error) { return id == queued, nil }
	n, err := j.Prune(t.Context(), start.Add(24*time.Hour), isQueued)
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	for id, there := range map[mail.MessageID]bool{old: false, lively: true, queued: true, young: true} {
		if _, err := j.Read(t.Context(), id); (err == nil) != there {
			t.Errorf("story there: %v", err)
		}
	}
	for _, account := range []mail.AccountID{anna, bert} {
		if got, err := j.Recent(t.Context(), account, mail.MessageID{}, 9); err != nil || len(got) != 3 {
			t.Errorf("index has %d, %v", len(got), err)
		}
	}
	if n, err := j.Prune(t.Context(), start.Add(72*time.Hour), nil); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	v, err := st.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	left := 0
	_ = v.Scan(t.Context(), store.PrefixRange(partition().Key()), func(_, _ []byte) (bool, error) { left++; return true, nil })
	if left != 0 {
		t.Fatalf("%d rows left", left)
	}
}

func TestAppendGathersAndRemembersTheFirstFetch(t *testing.T) {
	st, j, clk := fixture(t)
	w := j.Watch()
	anna := mail.AccountID{ID: mail.NewID(start)}
	id := msg(start)
	record(t, st, id, Event{Kind: Accepted})
	ev := Event{Kind: Fetched, Account: anna, Protocol: "IMAP", Recipient: "anna@nord.test"}
	hear := func() Entry {
		t.Helper()
		select {
		case e := <-w.C():
			return e
		case <-t.Context().Done():
			t.Fatal("nothing was heard")
		}
		return Entry{}
	}
	for range 3 {
		if err := j.Append(t.Context(), id, ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Append(t.Context(), msg(start), ev); err != nil { // a message without a story
		t.Fatal(err)
	}
	clk.Advance(gatherFor)
	if e := hear(); e.ID != id || e.Event.Kind != Fetched || !e.Event.At.Equal(start) {
		t.Fatalf("heard %+v", e)
	}
	_ = j.Append(t.Context(), id, ev)
	_ = j.Append(t.Context(), id, Event{Kind: Checked})
	clk.Advance(gatherFor)
	if e := hear(); e.Event.Kind != Checked {
		t.Fatalf("a second fetch was told: %+v", e)
	}
	got, err := j.Read(t.Context(), id)
	if err != nil || len(got.Events) != 3 {
		t.Fatal(got, err)
	}
	_ = j.Append(t.Context(), id, Event{Kind: Held})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := j.Read(t.Context(), id); len(got.Events) != 4 {
		t.Fatal("Close lost an event")
	}
	if _, open := <-w.C(); open {
		// the Held event may still be there; after it the channel is closed
		if _, open := <-w.C(); open {
			t.Fatal("the watcher goes on after Close")
		}
	}
	if err := j.Append(t.Context(), id, ev); err == nil {
		t.Fatal("Append after Close")
	}
}

func TestPublishNeverWaits(t *testing.T) {
	_, j, _ := fixture(t)
	w := j.Watch()
	defer w.Close()
	for range 3 * watchBuffer {
		j.Publish(msg(start), Event{Kind: Relayed})
	}
	if e := <-w.C(); !e.Event.At.Equal(start) {
		t.Fatal(e)
	}
}

func TestCodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Event{
			At:   time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "at")),
			Kind: Kind(rapid.IntRange(1, int(kindEnd)-1).Draw(t, "kind")),
			Size: rapid.Int64().Draw(t, "size"),
		}
		if rapid.Bool().Draw(t, "next") {
			e.Next = time.UnixMilli(rapid.Int64Range(1, 1<<44).Draw(t, "when"))
			e.Other, e.Account = msg(start), mail.AccountID{ID: mail.NewID(start)}
		}
		for _, s := range e.strings() {
			if s != nil {
				*s = rapid.StringN(0, 30, -1).Draw(t, "string")
			}
		}
		id := msg(start)
		key := appendEventKey(nil, id, &e, 3)
		gotID, _, _, _ := splitEventKey(key)
		got, err := decodeRow(nil, key, appendEvent(nil, &e))
		if err != nil || gotID != id || !reflect.DeepEqual(got, []Event{e}) {
			t.Fatalf("%v\n%+v\n%+v", err, got, e)
		}
	})
}

// TestEventsOfOneCommitShareRows: they come back in order, however many, whatever their moments.
func TestEventsOfOneCommitShareRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events []Event
		for range rapid.IntRange(1, 2*maxRowEvents).Draw(t, "events") {
			events = append(events, Event{
				At:        start.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "later")) * time.Second),
				Kind:      Kind(rapid.IntRange(1, int(kindEnd)-1).Draw(t, "kind")),
				Recipient: rapid.StringN(0, 5, -1).Draw(t, "recipient"),
			})
		}
		b := store.NewBatch()
		Record(b, msg(start), events...)
		var got []Event
		err := b.Ops(func(_ store.OpKind, key, value []byte) (err error) {
			got, err = decodeRow(got, key, value)
			return err
		})
		if err != nil || len(got) != len(events) || b.Len() > len(events) {
			t.Fatalf("%d events in %d rows for %d: %v", len(got), b.Len(), len(events), err)
		}
		for i := range got {
			if got[i].Recipient != events[i].Recipient || got[i].Kind != events[i].Kind || !got[i].At.Equal(events[i].At) {
				t.Fatalf("event %d: %+v, want %+v", i, got[i], events[i])
			}
		}
	})
	b := store.NewBatch()
	Record(b, msg(start), Event{Kind: Accepted}, Event{Kind: Expanded}, Event{Kind: Stored})
	if b.Len() != 1 {
		t.Errorf("three events of a moment are %d rows", b.Len())
	}
}

func TestLongStringsAreCut(t *testing.T) {
	e := Event{Kind: Failed, Reply: strings.Repeat("ü", maxString)}
	got, err := decodeRow(nil, appendEventKey(nil, msg(start), &e, 0), appendEvent(nil, &e))
	if err != nil || len(got) != 1 || len(got[0].Reply) != maxString {
		t.Fatal(got, err)
	}
}

func FuzzDecode(f *testing.F) {
	e := Event{At: start, Kind: Relayed, Server: "mx.test", Reply: "250 ok", Next: start, Size: 5, Other: msg(start)}
	key := appendEventKey(nil, msg(start), &e, 0)
	f.Add(appendEvent(nil, &e))
	two, _ := appendMore(appendEvent(nil, &e), nil, &e)
	f.Add(two)
	f.Fuzz(func(t *testing.T, row []byte) {
		events, err := decodeRow(nil, key, row)
		for i := range events {
			if err == nil {
				_ = events[i].Say(text.DE)
			}
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	id := msg(start)
	ev := []Event{{Kind: Attempted, Server: "mx.example", Address: "192.0.2.1:25", TLS: "TLS 1.3"},
		{Kind: Relayed, Recipient: "a@b.test", Server: "mx.example", Reply: "250 2.0.0 ok"}}
	b.ReportAllocs()
	for b.Loop() {
		Record(store.NewBatch(), id, ev...)
	}
}

// TestGatheredEventsAreLentMemory holds Append to making no garbage for events that come fast, and to keeping none of their words.
func TestGatheredEventsAreLentMemory(t *testing.T) {
	st, j, _ := fixture(t)
	id := msg(start)
	record(t, st, id, Event{Kind: Accepted})
	fill := func() {
		for range gatherMost - 1 {
			if err := j.Append(t.Context(), id, Event{Kind: Fetched, Recipient: "anna@nord.test"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	if err := j.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, e := range j.spare[:cap(j.spare)] {
		if e != (Entry{}) {
			t.Fatalf("kept %+v", e)
		}
	}
	lent := &j.spare[:1][0]
	fill()
	if err := j.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill()
	if &j.gathered[0] != lent {
		t.Error("memory that was written out is not used again")
	}
}
