package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// releasedLife is how long a message has at least after it was released, however old it is.
const releasedLife = 24 * time.Hour

// change is what an admin does to a message.
type change struct {
	what journey.Kind // zero if there is nothing to tell
	by   string
	// apply changes the rows read; it reports whether the message is taken out of the queue, and may refuse.
	apply func(m *message, legs []legAt, now time.Time) (remove bool, err error)
	log   func(*obs.MailLog, mail.MessageID, string)
}

// legAt is a leg with its name and the due time it had.
type legAt struct {
	ref    ref
	leg    *leg
	oldDue time.Time
}

// Hold keeps a message from being tried until Release. by is who did it, for the journey. An attempt that is going on is not
// stopped.
func (q *Queue) Hold(ctx context.Context, id mail.MessageID, by string) error {
	return q.change(ctx, id, change{what: journey.Held, by: by, log: (*obs.MailLog).Held,
		apply: func(m *message, legs []legAt, _ time.Time) (bool, error) {
			m.held = true
			for _, l := range legs {
				l.leg.due = time.Time{}
			}
			return false, nil
		}})
}

// Release ends a hold; the message is due at once.
func (q *Queue) Release(ctx context.Context, id mail.MessageID, by string) error {
	return q.change(ctx, id, change{what: journey.Released, by: by, log: (*obs.MailLog).Released,
		apply: func(m *message, legs []legAt, now time.Time) (bool, error) {
			if !m.held {
				return false, mail.Refuse(mail.KindNotAllowed, "the message is not held")
			}
			m.held = false
			m.Expires = later(m.Expires, now.Add(releasedLife))
			hurry(legs, now)
			return false, nil
		}})
}

// Retry makes a message due at once, and ends the back-off of its destinations.
func (q *Queue) Retry(ctx context.Context, id mail.MessageID, by string) error {
	return q.change(ctx, id, change{what: journey.Retried, by: by,
		apply: func(m *message, legs []legAt, now time.Time) (bool, error) {
			if m.held {
				return false, mail.Refuse(mail.KindNotAllowed, "the message is held; release it")
			}
			hurry(legs, now)
			return false, nil
		}})
}

// Cancel takes a message out of the queue without a notice. An attempt that is going on is not stopped.
func (q *Queue) Cancel(ctx context.Context, id mail.MessageID, by string) error {
	return q.change(ctx, id, change{what: journey.Cancelled, by: by, log: (*obs.MailLog).Cancelled,
		apply: func(*message, []legAt, time.Time) (bool, error) { return true, nil }})
}

func hurry(legs []legAt, now time.Time) {
	for _, l := range legs {
		l.leg.due = now
	}
}

// change reads a message, applies the change, and commits it.
func (q *Queue) change(ctx context.Context, id mail.MessageID, c change) error {
	defer q.lock(id).Unlock()
	defer q.changed(id)
	m, legs, err := q.readAll(ctx, id)
	if err != nil {
		return err
	}
	now := q.o.Clock.Now()
	remove, err := c.apply(m, legs, now)
	if err != nil {
		return err
	}
	b := store.NewBatch()
	b.Raise(partitionOf(id))
	for _, l := range legs {
		if !l.oldDue.IsZero() {
			b.Delete(dueKey(l.ref, l.oldDue))
		}
		if remove {
			b.Delete(legKey(l.ref))
			continue
		}
		q.setLeg(b, m, l.ref, l.leg)
	}
	key := messageKey(id)
	if remove {
		b.Delete(key)
		b.Unref(m.Blob.ID, key)
	} else {
		b.Set(key, m.encode())
	}
	var events []journey.Event
	if c.what != 0 {
		events = append(events, journey.Event{At: now, Kind: c.what, Detail: c.by})
	}
	journey.Record(b, id, events...)
	// Not to be broken off: after it is over, attempts may rely on what they read.
	if err := store.Commit(context.WithoutCancel(ctx), q.st, b); err != nil {
		return fmt.Errorf("change queued message: %w", err)
	}
	if c.log != nil {
		c.log(q.o.MailLog, id, c.by)
	}
	q.o.Journeys.Publish(id, events...)
	if remove {
		q.gone()
	}
	if !remove && !m.held {
		q.again(m, legs, now)
	}
	return nil
}

// again tells the window of legs that are due now.
func (q *Queue) again(m *message, legs []legAt, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range legs {
		domain := l.leg.domain()
		q.win.hurry(domain, now)
		q.win.offer(dueRow{ref: l.ref, due: l.leg.due, urgent: q.o.Schedule.urgent(&m.Message, l.leg), domain: domain}, now)
	}
	q.wake()
}

// readAll gives a message with all of its legs; a fault of KindNotFound if it is not in the queue.
func (q *Queue) readAll(ctx context.Context, id mail.MessageID) (*message, []legAt, error) {
	v, err := q.st.View(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open the queue: %w", err)
	}
	defer v.Close()
	m, err := readMessage(ctx, v, id)
	if err != nil {
		return nil, nil, err
	}
	if m == nil {
		return nil, nil, mail.Refusef(mail.KindNotFound, "message %s is not in the queue", id)
	}
	legs, err := readLegs(ctx, v, id)
	return m, legs, err
}

func readLegs(ctx context.Context, v store.View, id mail.MessageID) (legs []legAt, err error) {
	err = v.Scan(ctx, store.PrefixRange(legsPrefix(id)), func(key, value []byte) (bool, error) {
		l, err := decodeLeg(value)
		if err != nil {
			return false, err
		}
		n := key[len(key)-2:]
		legs = append(legs, legAt{ref{id, uint16(n[0])<<8 | uint16(n[1])}, l, l.due})
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read queue rows: %w", err)
	}
	return legs, nil
}
