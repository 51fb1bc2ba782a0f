package journey

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// maxSent bounds how many stories Sent looks at: an account can be busy, and most of its stories are of mail that it got.
const maxSent = 20_000

// Sent calls fn for each message that an account has submitted since a time, the newest first: with the addresses that waited in the queue
// from the moment on that it was accepted, and those that became others, as an alias or a group does. What they became is left out as far
// as the story names it, which of a large group it does not.
func (j *Journeys) Sent(ctx context.Context, account mail.AccountID, since time.Time, fn func(at time.Time, waited, expanded []string)) error {
	v, err := j.st.View(ctx)
	if err != nil {
		return fmt.Errorf("list what was sent: %w", err)
	}
	defer v.Close()
	ids, err := recentOf(account)(ctx, v, mail.MessageID{}, maxSent)
	if err != nil {
		return fmt.Errorf("list what was sent: %w", err)
	}
	for _, id := range ids {
		if id.Time().Before(since) {
			return nil
		}
		if err := sent(ctx, v, id, account, fn); err != nil {
			return fmt.Errorf("read journey %s: %w", id, err)
		}
	}
	return nil
}

// sent reads the beginning of one story, which is what was recorded in the moment of its first event.
func sent(
	ctx context.Context, v store.View, id mail.MessageID, account mail.AccountID, fn func(at time.Time, waited, expanded []string),
) error {
	var events []Event
	err := v.Scan(ctx, store.PrefixRange(storyPrefix(id)), func(key, value []byte) (bool, error) {
		var err error
		events, err = decodeRow(events, key, value)
		return err == nil && len(events) < maxEvents && events[len(events)-1].At.Equal(events[0].At), err
	})
	if err != nil || len(events) == 0 || events[0].Kind != Accepted || events[0].Account != account {
		return err
	}
	at := events[0].At
	targets := make(map[string]bool)
	var waited, expanded []string
	for i := range events {
		if e := &events[i]; e.Kind == Expanded {
			targets[e.Target] = true
			expanded = append(expanded, e.Recipient)
		}
	}
	for i := range events {
		if e := &events[i]; e.Kind == Queued && e.At.Equal(at) && !targets[e.Recipient] {
			waited = append(waited, e.Recipient)
		}
	}
	fn(at, waited, slices.Compact(expanded))
	return nil
}
