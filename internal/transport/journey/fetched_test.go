package journey

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// TestOnlyNew holds the scans over many stories to what was recorded, wherever those stories lie.
func TestOnlyNew(t *testing.T) {
	st, j, _ := fixture(t)
	accounts := []mail.AccountID{{ID: mail.NewID(start)}, {ID: mail.NewID(start)}}
	type pair struct{ message, account int }
	const messages = 60
	var ids []mail.MessageID
	told := map[pair]bool{}
	story := map[int]bool{}
	for i := range messages {
		id := msg(start.Add(time.Duration(i) * time.Second))
		ids = append(ids, id)
		if i%7 == 3 {
			continue // no story
		}
		story[i] = true
		record(t, st, id, Event{Kind: Accepted}, Event{Kind: Stored, Account: accounts[0]})
		if i%3 == 0 {
			record(t, st, id, Event{At: start.Add(time.Hour), Kind: Fetched, Account: accounts[i%2]})
			told[pair{i, i % 2}] = true
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		asked := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) pair {
			return pair{rapid.IntRange(0, messages-1).Draw(rt, "message"), rapid.IntRange(0, 1).Draw(rt, "account")}
		}), 0, 80).Draw(rt, "asked")
		var entries []Entry
		var want []pair
		seen := map[pair]bool{}
		for _, p := range asked {
			entries = append(entries, Entry{ID: ids[p.message], Event: Event{Kind: Fetched, Account: accounts[p.account]}},
				Entry{ID: ids[p.message], Event: Event{Kind: Checked}})
			if story[p.message] && !told[p] && !seen[p] {
				want = append(want, p)
			}
			seen[p] = true
		}
		got, err := j.onlyNew(t.Context(), entries)
		if err != nil || len(got) != len(want)+len(asked) {
			rt.Fatalf("%d entries of %d, want %d fetches, %v", len(got), len(entries), len(want), err)
		}
		for _, e := range got {
			if e.Event.Kind == Checked {
				continue
			}
			if e.ID != ids[want[0].message] || e.Event.Account != accounts[want[0].account] {
				rt.Fatalf("%+v, want %+v", e, want[0])
			}
			want = want[1:]
		}
	})
}
