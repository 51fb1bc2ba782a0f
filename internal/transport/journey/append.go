package journey

import (
	"context"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Append adds events that change nothing else. It does no I/O: they are gathered, and durable within a second or at Close;
// a crash may forget them. Fetched is recorded once per message and account, and only if the message has a story.
func (j *Journeys) Append(ctx context.Context, id mail.MessageID, events ...Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := j.clock.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || len(j.gathered) > gatherDrop {
		return mail.Refuse(mail.KindUnavailable, "the journey cannot be written now")
	}
	for _, e := range events {
		if e.At.IsZero() {
			e.At = now
		}
		j.gathered = append(j.gathered, Entry{ID: id, Event: e})
	}
	switch {
	case len(j.gathered) >= gatherMost:
		j.wake()
	case j.timer == nil:
		j.timer = j.clock.AfterFunc(gatherFor, func() {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.wake()
		})
	}
	return nil
}

// wake tells the writer; it wants mu held.
func (j *Journeys) wake() {
	if j.closed {
		return
	}
	select {
	case j.kick <- struct{}{}:
	default:
	}
}

// write is the goroutine that makes gathered events durable.
func (j *Journeys) write() {
	for range j.kick {
		if err := j.flush(context.Background()); err != nil {
			j.log.Error("journey events lost", "err", err)
		}
	}
}

// flush commits what is gathered.
func (j *Journeys) flush(ctx context.Context) error {
	j.mu.Lock()
	entries := j.gathered
	j.gathered, j.spare, j.timer = j.spare, nil, nil
	j.mu.Unlock()
	defer j.lend(entries)
	if len(entries) == 0 {
		return nil
	}
	entries, err := j.onlyNew(ctx, entries)
	if err != nil || len(entries) == 0 {
		return err
	}
	b := store.NewBatch()
	for _, e := range entries {
		Record(b, e.ID, e.Event)
	}
	if err := store.Commit(ctx, j.st, b); err != nil {
		return fmt.Errorf("record journey events: %w", err)
	}
	for _, e := range entries {
		j.Publish(e.ID, e.Event)
	}
	return nil
}

// lend keeps the memory of events that were written for the next ones.
func (j *Journeys) lend(entries []Entry) {
	if cap(entries) > 2*gatherMost {
		return
	}
	clear(entries[:cap(entries)])
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spare = entries[:0]
}

// Publish tells watchers of events whose commit is durable. It never waits.
func (j *Journeys) Publish(id mail.MessageID, events ...Event) {
	if j == nil {
		return
	}
	now := j.clock.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	for w := range j.watchers {
		for _, e := range events {
			e.At = orTime(e.At, now)
			select {
			case w.c <- Entry{ID: id, Event: e}:
			default: // a slow watcher misses some
			}
		}
	}
}

// Watched reports whether anybody listens: events that are made for Publish alone need not be made otherwise.
func (j *Journeys) Watched() bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.watchers) > 0
}

func orTime(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

// watchBuffer is how many events a watcher may be behind.
const watchBuffer = 1024

// Watcher hears of events.
type Watcher struct {
	j *Journeys
	c chan Entry
}

// Watch hears of published events from now on. It must be closed.
func (j *Journeys) Watch() *Watcher {
	w := &Watcher{j: j, c: make(chan Entry, watchBuffer)}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		close(w.c)
		return w
	}
	j.watchers[w] = struct{}{}
	return w
}

// C gives the events; it is closed by Close, the watcher's or the journeys'.
func (w *Watcher) C() <-chan Entry { return w.c }

// Close ends the watcher.
func (w *Watcher) Close() {
	w.j.mu.Lock()
	defer w.j.mu.Unlock()
	if _, ok := w.j.watchers[w]; ok {
		delete(w.j.watchers, w)
		close(w.c)
	}
}
