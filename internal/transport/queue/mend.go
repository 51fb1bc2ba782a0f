package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

const (
	// wrongBy is by how much a time must be too far in the future to be taken for a wrong clock's.
	wrongBy = time.Hour
	// mendChunk is how many messages are looked at in a piece.
	mendChunk = 256
)

// errRight means that a message's times are right.
var errRight = errors.New("queue: nothing to mend")

// mend looks for legs that are due at a time which only a clock can have said that was ahead, as that of a machine which started with a
// wrong one, and makes them due; otherwise they would wait for years, unseen. It is called at the start and when the clock was set back.
func (q *Queue) mend(ctx context.Context) error {
	for p := range Partitions {
		part := partitionAt(p)
		r := store.PrefixRange(part.Key(prefixDue))
		r.Start = dueKeyIn(part, q.farthest().UnixMilli())
		for {
			ids, next, err := q.farOff(ctx, r)
			if err != nil {
				return fmt.Errorf("read queue partition %d: %w", p, err)
			}
			for _, id := range ids {
				err := q.change(ctx, id, change{apply: q.setRight})
				if err != nil && !errors.Is(err, errRight) && !mail.IsKind(err, mail.KindNotFound) {
					return err
				}
			}
			if next == nil {
				break
			}
			r.Start = next
		}
	}
	return nil
}

// farthest is the latest time a leg that was tried may be due.
func (q *Queue) farthest() time.Time {
	longest := time.Duration(0)
	for _, d := range q.o.Schedule.Retries {
		longest = max(longest, d)
	}
	return q.o.Clock.Now().Add(longest + longest/16 + wrongBy)
}

// farOff reads the next messages of a range of due rows, and where to go on; nil at the end.
func (q *Queue) farOff(ctx context.Context, r store.Range) (ids []mail.MessageID, next []byte, err error) {
	v, err := q.st.View(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open the queue: %w", err)
	}
	defer v.Close()
	err = v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		d, err := decodeDue(key, value, "")
		if err != nil {
			return false, err
		}
		ids = append(ids, d.ref.id)
		if len(ids) < mendChunk {
			return true, nil
		}
		next = append(append(next, key...), 0)
		return false, nil
	})
	return ids, next, err
}

// setRight is the change that mends a message: one that was accepted in the future was accepted now, and what was to be tried later than
// any attempt can be put off is due. A message that its author wants to be sent later keeps its time.
func (q *Queue) setRight(m *message, legs []legAt, now time.Time) (remove bool, err error) {
	wrong := false
	if by := m.Created.Sub(now); by > wrongBy {
		wrong = true
		m.Created, m.Due, m.Expires = m.Created.Add(-by), m.Due.Add(-by), m.Expires.Add(-by)
	}
	latest := q.farthest()
	for _, l := range legs {
		switch {
		case !l.leg.due.After(latest):
		case l.leg.attempts > 0:
			wrong, l.leg.due = true, now
		case wrong, !l.leg.due.Equal(m.Due):
			wrong, l.leg.due = true, m.Due
		}
	}
	if !wrong {
		return false, errRight
	}
	q.o.Log.Warn("a queued message waited for a time that a wrong clock had said", "id", m.ID.String())
	return false, nil
}
