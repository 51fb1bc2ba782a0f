package queue

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Bounds of what turns remembers.
const (
	maxComing = 4096
	maxTurns  = 4096
)

// turns are the rows of messages with one leg that are in memory just as they are on disk, so that an attempt need not read them:
// from Wake on, or from the attempt's own reading, until the attempt is settled. What changes the rows otherwise calls forget. The
// window's lock guards it.
type turns struct {
	// coming are messages between Add and Wake. If one is seen on disk before its Wake it may have been sent by then.
	coming map[mail.MessageID]struct{}
	known  map[ref]*turn
}

func newTurns() turns {
	return turns{coming: make(map[mail.MessageID]struct{}), known: make(map[ref]*turn)}
}

// comes hears of a message that is being committed. Those whose commit fails are forgotten some time.
func (t *turns) comes(id mail.MessageID) {
	if len(t.coming) >= maxComing {
		clear(t.coming)
	}
	t.coming[id] = struct{}{}
}

// arrived reports whether the message's rows are surely still as Add wrote them.
func (t *turns) arrived(id mail.MessageID) bool {
	_, ok := t.coming[id]
	delete(t.coming, id)
	return ok && len(t.known) < maxTurns
}

// forget is for a message whose rows have changed, or may have.
func (t *turns) forget(id mail.MessageID) {
	delete(t.coming, id)
	delete(t.known, ref{id, 0})
}

// asAdded is a message of one leg as its rows say it after Add.
func asAdded(m Message, l *leg) *turn {
	m.Recipients, m.Stored = nil, nil
	m.Created, m.Due, m.Expires = asStored(m.Created), asStored(m.Due), asStored(m.Expires)
	l.due = asStored(l.due)
	return &turn{msg: &message{Message: m, legs: 1}, leg: l}
}

func asStored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli())
}

// begun gives the turn in memory, or nil, and a place for what will be read instead.
func (q *Queue) begun(r ref) (known, place *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t := q.win.turns.known[r]; t != nil && t.msg != nil {
		return t, t
	}
	place = &turn{}
	q.win.turns.known[r] = place
	return nil, place
}

// over forgets an attempt's turn, unless that is done already. It wants mu held.
func (q *Queue) over(r ref, place *turn) {
	if q.win.turns.known[r] == place {
		delete(q.win.turns.known, r)
	}
}

// holds reports whether the rows are still as the turn says. It wants the message's lock held.
func (q *Queue) holds(r ref, t *turn) bool {
	if t == nil || t.msg == nil || t.msg.legs != 1 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.win.turns.known[r] == t
}

// changed says that a message's rows may have changed.
func (q *Queue) changed(id mail.MessageID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.win.turns.forget(id)
}
