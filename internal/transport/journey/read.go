package journey

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// maxEvents bounds how much of one story is read.
const maxEvents = 10_000

// Read gives a message's story; a fault of KindNotFound if there is none (any more).
func (j *Journeys) Read(ctx context.Context, id mail.MessageID) (Journey, error) {
	v, err := j.st.View(ctx)
	if err != nil {
		return Journey{}, fmt.Errorf("read journey: %w", err)
	}
	defer v.Close()
	story, err := read(ctx, v, id)
	if err != nil {
		return Journey{}, err
	}
	if len(story.Events) == 0 {
		return Journey{}, mail.Refusef(mail.KindNotFound, "nothing is known of message %s", id)
	}
	return story, nil
}

func read(ctx context.Context, v store.View, id mail.MessageID) (Journey, error) {
	out := Journey{ID: id}
	err := v.Scan(ctx, store.PrefixRange(storyPrefix(id)), func(key, value []byte) (bool, error) {
		var err error
		out.Events, err = decodeRow(out.Events, key, value)
		return len(out.Events) < maxEvents, err
	})
	if err != nil {
		return Journey{}, fmt.Errorf("read journey %s: %w", id, err)
	}
	slices.SortStableFunc(out.Events, func(a, b Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind))
	})
	return out, nil
}

// Recent gives the newest n stories, newest first, of an account (sent by it or stored for it), or of all for the zero account. Before
// leaves out a message and all newer ones; zero for none.
func (j *Journeys) Recent(ctx context.Context, account mail.AccountID, before mail.MessageID, n int) ([]Journey, error) {
	v, err := j.st.View(ctx)
	if err != nil {
		return nil, fmt.Errorf("list journeys: %w", err)
	}
	defer v.Close()
	list := recentOfAll
	if !account.IsZero() {
		list = recentOf(account)
	}
	ids, err := list(ctx, v, before, n)
	if err != nil {
		return nil, fmt.Errorf("list journeys: %w", err)
	}
	var out []Journey
	for _, id := range ids {
		story, err := read(ctx, v, id)
		if err != nil {
			return nil, err
		}
		if len(story.Events) > 0 {
			out = append(out, story)
		}
	}
	return out, nil
}

func recentOf(account mail.AccountID) func(context.Context, store.View, mail.MessageID, int) ([]mail.MessageID, error) {
	return func(ctx context.Context, v store.View, before mail.MessageID, n int) (ids []mail.MessageID, err error) {
		prefix := accountKey(account, mail.ID{})
		r := store.PrefixRange(prefix[:len(prefix)-idLen])
		if !before.IsZero() {
			r.End = accountKey(account, before.ID)
		}
		err = v.ScanBack(ctx, r, func(key, _ []byte) (bool, error) {
			if len(ids) >= n {
				return false, nil
			}
			id, err := mail.IDFromBytes(key[len(key)-idLen:])
			ids = append(ids, mail.MessageID{ID: id})
			return true, err
		})
		return ids, err
	}
}

// recentOfAll steps from story to story, backwards, whatever their length.
func recentOfAll(ctx context.Context, v store.View, before mail.MessageID, n int) (ids []mail.MessageID, err error) {
	r := store.PrefixRange(partition().Key(prefixEvent))
	if !before.IsZero() {
		r.End = storyPrefix(before)
	}
	for len(ids) < n {
		found := false
		err := v.ScanBack(ctx, r, func(key, _ []byte) (bool, error) {
			id, _, _, err := splitEventKey(key)
			found = err == nil
			if found {
				ids = append(ids, id)
				r.End = storyPrefix(id)
			}
			return false, err
		})
		if err != nil || !found {
			return ids, err
		}
	}
	return ids, nil
}
