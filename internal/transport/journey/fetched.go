package journey

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// fetch is a message that an account has fetched, and what its story says so far.
type fetch struct {
	id      mail.MessageID
	account mail.AccountID
	story   bool // there is one
	told    bool // of this fetch
}

func (f fetch) compare(o fetch) int {
	if c := f.id.Compare(o.id.ID); c != 0 {
		return c
	}
	return f.account.Compare(o.account.ID)
}

// onlyNew leaves out fetches that were recorded before, and those of messages without a story.
func (j *Journeys) onlyNew(ctx context.Context, entries []Entry) ([]Entry, error) {
	var fetches []fetch
	for i := range entries {
		if e := &entries[i]; e.Event.Kind == Fetched {
			fetches = append(fetches, fetch{id: e.ID, account: e.Event.Account})
		}
	}
	if len(fetches) == 0 {
		return entries, nil
	}
	slices.SortFunc(fetches, fetch.compare)
	fetches = slices.CompactFunc(fetches, func(a, b fetch) bool { return a.compare(b) == 0 })
	v, err := j.st.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if err := lookUp(ctx, v, fetches); err != nil {
		return nil, err
	}
	out := entries[:0]
	for _, e := range entries {
		if e.Event.Kind == Fetched {
			i, _ := slices.BinarySearchFunc(fetches, fetch{id: e.ID, account: e.Event.Account}, fetch.compare)
			if f := &fetches[i]; !f.story || f.told {
				continue
			}
			fetches[i].told = true // by this entry
		}
		out = append(out, e)
	}
	return out, nil
}

// maxPassed is how many rows of other stories a scan passes over: a new scan costs about as much.
const maxPassed = 8

// lookUp fills in what the stories say. Who fetches one message after the other has their stories lie next to each other, so that one scan
// reads many; it begins anew where they do not.
func lookUp(ctx context.Context, v store.View, fetches []fetch) error {
	end := store.PrefixRange(storyPrefix(fetches[len(fetches)-1].id)).End
	for len(fetches) > 0 {
		passed := 0
		r := store.Range{Start: storyPrefix(fetches[0].id), End: end}
		err := v.Scan(ctx, r, func(key, value []byte) (bool, error) {
			id, _, kind, err := splitEventKey(key)
			if err != nil {
				return false, err
			}
			for len(fetches) > 0 && fetches[0].id.Compare(id.ID) < 0 {
				fetches = fetches[1:]
			}
			if len(fetches) == 0 {
				return false, nil
			}
			if fetches[0].id != id {
				passed++
				return passed < maxPassed, nil
			}
			return true, note(fetches, kind, key, value)
		})
		if err != nil {
			return err
		}
		if passed < maxPassed {
			return nil // nothing is left
		}
	}
	return nil
}

// note is that the story of the first of the fetches has this row.
func note(fetches []fetch, kind Kind, key, value []byte) error {
	var rows []Event
	if kind == Fetched {
		var err error
		if rows, err = decodeRow(nil, key, value); err != nil {
			return err
		}
	}
	id := fetches[0].id
	for i := range fetches {
		f := &fetches[i]
		if f.id != id {
			break
		}
		f.story = true
		for k := range rows {
			f.told = f.told || rows[k].Account == f.account
		}
	}
	return nil
}
