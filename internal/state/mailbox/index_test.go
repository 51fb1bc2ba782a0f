package mailbox

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

func entriesOf(s *snapshot) []entry {
	var out []entry
	s.each(0, func(pos int, e *entry) bool {
		if pos != len(out) || s.at(pos) != e || s.find(e.uid) != pos {
			panic("positions do not fit")
		}
		out = append(out, *e)
		return true
	})
	return out
}

// TestIndex holds the index to a plain slice, and every snapshot taken to what it was when taken.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, plain := &index{}, []entry(nil)
		next := mail.UID(1)
		type taken struct {
			snap snapshot
			was  []entry
		}
		var snaps []taken
		some := func() []mail.UID {
			from := rapid.IntRange(1, int(next)).Draw(t, "from")
			n := rapid.IntRange(1, 700).Draw(t, "n")
			step := rapid.IntRange(1, 3).Draw(t, "step")
			var uids []mail.UID
			for u := from; u < from+n && u < int(next)+2; u += step {
				uids = append(uids, mail.UID(u))
			}
			return uids
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				for range rapid.IntRange(1, 900).Draw(t, "n") {
					next += mail.UID(rapid.IntRange(1, 2).Draw(t, "gap"))
					e := entry{uid: next - 1, modseq: uint64(next)}
					x.push(e)
					plain = append(plain, e)
				}
			},
			"remark": func(t *rapid.T) {
				var changes []remark
				number := uint64(next) + 1000
				for _, u := range some() {
					changes = append(changes, remark{uid: u, marks: marks{lo: uint64(u) % 32}})
					if i := slices.IndexFunc(plain, func(e entry) bool { return e.uid == u }); i >= 0 {
						plain[i].marks.lo, plain[i].modseq = uint64(u)%32, number
					}
				}
				x.remarkAll(changes, number)
			},
			"remove": func(t *rapid.T) {
				uids := some()
				plain = slices.DeleteFunc(slices.Clone(plain), func(e entry) bool { return slices.Contains(uids, e.uid) })
				x.remove(uids)
			},
			"take": func(t *rapid.T) { snaps = append(snaps, taken{x.take(), slices.Clone(plain)}) },
			"diff": func(t *rapid.T) {
				if len(snaps) == 0 {
					return
				}
				from := rapid.SampledFrom(snaps).Draw(t, "snap")
				now := x.take()
				checkDiff(t, from.was, &from.snap, plain, &now)
			},
			"": func(t *rapid.T) {
				if got := entriesOf(&x.snapshot); !slices.Equal(got, plain) {
					t.Fatalf("%d entries, want %d", len(got), len(plain))
				}
			},
		})
		for _, s := range snaps {
			if got := entriesOf(&s.snap); !slices.Equal(got, s.was) {
				t.Fatalf("a snapshot changed")
			}
		}
	})
}

// checkDiff applies a diff to the old places and wants the new ones; and puts what vanished back in as a view does.
func checkDiff(t *rapid.T, was []entry, old *snapshot, now []entry, cur *snapshot) {
	byUID := map[mail.UID]entry{}
	for _, e := range was {
		byUID[e.uid] = e
	}
	var ghosts []entry
	diff(old, cur, differ{
		gone: func(pos int, e *entry) {
			if was[pos].uid != e.uid {
				t.Fatalf("UID %d vanished from %d", e.uid, pos)
			}
			ghosts = append(ghosts, *e)
			delete(byUID, e.uid)
		},
		fresh: func(pos int, e *entry) {
			if now[pos].uid != e.uid {
				t.Fatalf("UID %d is new at %d", e.uid, pos)
			}
			byUID[e.uid] = *e
		},
		changed: func(pos int, o, e *entry) {
			if now[pos].uid != e.uid || *o == *e {
				t.Fatalf("UID %d changed at %d", e.uid, pos)
			}
			byUID[e.uid] = *e
		},
	})
	if len(byUID) != len(now) {
		t.Fatalf("%d entries after the diff, want %d", len(byUID), len(now))
	}
	for _, e := range now {
		if byUID[e.uid] != e {
			t.Fatalf("UID %d is wrong after the diff", e.uid)
		}
	}
	x := index{snapshot: *cur}
	x.insert(ghosts)
	all := append(slices.Clone(now), ghosts...)
	slices.SortFunc(all, func(a, b entry) int { return int(a.uid) - int(b.uid) })
	if got := entriesOf(&x.snapshot); !slices.Equal(got, all) {
		t.Fatalf("%d entries with placeholders, want %d", len(got), len(all))
	}
}
