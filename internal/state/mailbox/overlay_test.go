package mailbox

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// TestOverlays changes flags of many messages again and again, over restarts, and wants each message's flags right by every way
// to read them.
func TestOverlays(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		ok(t, f.Value.Set("25"))
	}
	ctx := context.Background()
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, Options{})
		defer func() { w.close() }()
		large := rapid.SampledFrom([]int{foldMost, 20, 5}).Draw(t, "fold at most")
		w.tune = func(s *Service) { s.overlayFrom, s.overlayRun, s.maxOverlays, s.foldMost = 5, 1, 2, large }
		w.tune(w.svc)
		a := w.birth(Quota{})
		in, arch := w.byPath(a, Inbox).ID, w.byPath(a, "Archive").ID
		want := map[mail.UID]mail.Flags{}
		for i := range 30 {
			want[w.deliver(a, i).Places[0].UID] = 0
		}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"flags": func(t *rapid.T) {
				from := rapid.IntRange(1, 30).Draw(t, "from")
				ch := FlagChange{
					Mode:  rapid.SampledFrom([]FlagMode{FlagsAdd, FlagsRemove, FlagsReplace}).Draw(t, "mode"),
					Flags: mail.Flags(rapid.IntRange(0, 31).Draw(t, "flags")),
				}
				var uids []mail.UID
				for u := from; u < from+rapid.SampledFrom([]int{1, 10, 20, 30}).Draw(t, "n"); u++ {
					uids = append(uids, mail.UID(u))
				}
				_, err := a.SetFlags(ctx, in, uids, ch)
				must(err)
				for _, u := range uids {
					old, ok := want[u]
					if !ok {
						continue
					}
					want[u] = map[FlagMode]mail.Flags{
						FlagsAdd: old | ch.Flags, FlagsRemove: old &^ ch.Flags, FlagsReplace: ch.Flags,
					}[ch.Mode]
				}
			},
			"flags again": func(t *rapid.T) {
				mode := rapid.SampledFrom([]FlagMode{FlagsAdd, FlagsRemove}).Draw(t, "mode")
				_, err := a.SetFlags(ctx, in, everyUID(30), FlagChange{Mode: mode, Flags: mail.FlagAnswered})
				must(err)
				for u := range want {
					want[u] &^= mail.FlagAnswered
					if mode == FlagsAdd {
						want[u] |= mail.FlagAnswered
					}
				}
			},
			"copy": func(t *rapid.T) {
				_, err := a.Copy(ctx, in, []mail.UID{mail.UID(rapid.IntRange(1, 30).Draw(t, "uid"))}, arch)
				must(err)
			},
			"expunge": func(t *rapid.T) {
				u := mail.UID(rapid.IntRange(1, 30).Draw(t, "uid"))
				_, _, err := a.ExpungeUIDs(ctx, in, []mail.UID{u})
				must(err)
				delete(want, u)
			},
			"restart": func(t *rapid.T) {
				w.restart(rapid.Bool().Draw(t, "crash"))
				a = w.svc.Account(a.ID())
			},
			"": func(t *rapid.T) {
				v := w.view(a, in)
				defer v.Close()
				if v.Len() != len(want) {
					t.Fatalf("%d messages, want %d", v.Len(), len(want))
				}
				for seq := 1; seq <= v.Len(); seq++ {
					m, _ := v.Message(seq)
					e, err := a.Email(ctx, m.EmailID)
					must(err)
					if m.Flags != want[m.UID] || e.Flags != want[m.UID]&^mail.FlagDeleted {
						t.Fatalf("UID %d has %v and %v, want %v", m.UID, m.Flags, e.Flags, want[m.UID])
					}
				}
				st, err := w.svc.acquire(ctx, a.ID())
				must(err)
				seen = max(seen, int(st.image.counts[in].overlays))
				w.svc.release(st)
				must(w.svc.Check(ctx, a.ID(), func(p string) { t.Errorf("%s", p) }))
			},
		})
	})
	if seen <= 2 && !testing.Short() { // the five runs of -short may not lay more
		t.Fatalf("at most %d overlays were laid", seen)
	}
}

// TestOverlayIsOneRow holds STORE 1:* to a few bytes, and one in a scattered selection to rows.
func TestOverlayIsOneRow(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	in := w.byPath(a, Inbox).ID
	var all, odd []mail.UID
	for i := range 2 * overlayFrom {
		s := w.stage(fmt.Sprint(i))
		_, err := a.Append(ctx, Append{Summary: summaryOf(s.Ref().Size, "", "")}, s)
		ok(t, err)
		all = append(all, mail.UID(i+1))
		if i%2 == 0 {
			odd = append(odd, mail.UID(i+1))
		}
	}
	overlays := func() uint64 {
		st, err := w.svc.acquire(ctx, a.ID())
		ok(t, err)
		defer w.svc.release(st)
		return st.image.counts[in].overlays
	}
	_, err := a.SetFlags(ctx, in, odd, FlagChange{Flags: mail.FlagFlagged})
	ok(t, err)
	if overlays() != 0 {
		t.Fatal("scattered messages are better rows")
	}
	for i := range maxOverlays + 2 {
		r, err := a.SetFlags(ctx, in, all, FlagChange{Mode: []FlagMode{FlagsAdd, FlagsRemove}[i%2], Flags: mail.FlagSeen})
		ok(t, err)
		if want := uint64((i + 1) % (maxOverlays + 1)); overlays() != want || !slices.Equal(r.Changed, all) {
			t.Fatalf("%d overlays after %d changes, want %d", overlays(), i+1, want)
		}
		ok(t, w.svc.Check(ctx, a.ID(), func(p string) { t.Error(p) }))
	}
}

// TestTheLargestBatchFits makes the places that one commit may write each for itself, with flags that no overlay was made of.
func TestTheLargestBatchFits(t *testing.T) {
	b := store.NewBatch()
	x := txn{st: &state{id: mail.AccountID{ID: mail.NewID(time.Now())}}, batch: b}
	m := mail.MailboxID{ID: mail.NewID(time.Now())}
	for range 1000 {
		x.setPlace(m, &entry{uid: 1<<32 - 1, modseq: 1 << 62})
	}
	const storeTakes = 64 << 20 // pebblestore's largest batch
	if n := b.Size() / 1000 * foldMost; n > storeTakes*3/4 {
		t.Fatalf("%d bytes, which leaves no room for the rest of the batch", n)
	}
}

func everyUID(n int) []mail.UID {
	var uids []mail.UID
	for i := range n {
		uids = append(uids, mail.UID(i+1))
	}
	return uids
}
