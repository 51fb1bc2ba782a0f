package queue

import (
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// maxLeg bounds the recipients of one transaction (RFC 5321 section 4.5.3.1.8).
const maxLeg = 100

// cut groups a message's recipients into legs, in a way that is always the same for the same message.
func (q *Queue) cut(m *Message) []*leg {
	var legs []*leg
	open := make(map[string]*leg)
	for _, r := range m.Recipients {
		key := q.o.Destination(r.Address.Domain)
		l := open[key]
		if l == nil || len(l.recipients) == maxLeg {
			l = &leg{due: m.Due}
			open[key] = l
			legs = append(legs, l)
		}
		l.recipients = append(l.recipients, recipient{Recipient: r})
	}
	for done := range slices.Chunk(m.Stored, maxLeg) {
		l := &leg{due: m.Due}
		for _, r := range done {
			l.recipients = append(l.recipients, recipient{Recipient: r, state: deliveredUntold, last: stored})
		}
		legs = append(legs, l)
	}
	return legs
}

// stored is the result of a recipient whose mailbox has the message.
var stored = Result{Status: Delivered, Enhanced: "2.0.0", Final: true}

// Add puts a message's rows, with its Queued events, into the caller's one commit. The rows are the same when a conflict makes the
// caller build its batch again.
func (q *Queue) Add(b *store.Batch, m Message) {
	q.o.Schedule.times(&m)
	legs := q.cut(&m)
	row := message{Message: m, legs: len(legs)}
	q.mu.Lock()
	q.win.turns.comes(m.ID)
	q.mu.Unlock()
	b.Raise(partitionOf(m.ID))
	key := messageKey(m.ID)
	b.Set(key, row.encode())
	b.Ref(m.Blob.ID, key)
	for i, l := range legs {
		q.setLeg(b, &row, ref{m.ID, uint16(i)}, l)
	}
	if events := queuedEvents(&m); len(events) > 0 {
		journey.Record(b, m.ID, events...)
	}
}

// queuedEvents say that the message waits for its recipients.
func queuedEvents(m *Message) []journey.Event {
	events := make([]journey.Event, len(m.Recipients))
	for i, r := range m.Recipients {
		events[i] = journey.Event{At: m.Created, Kind: journey.Queued, Recipient: r.Address.Unicode()}
		if m.Due.After(m.Created) {
			events[i].Next = m.Due
		}
	}
	return events
}

// setLeg writes a leg's row, and its due row unless it is held.
func (q *Queue) setLeg(b *store.Batch, m *message, r ref, l *leg) {
	b.Set(legKey(r), l.encode())
	if l.due.IsZero() {
		return
	}
	d := dueRow{ref: r, due: l.due, urgent: q.o.Schedule.urgent(&m.Message, l), domain: l.domain()}
	b.Set(dueKey(r, l.due), d.value())
}

// domain decides the leg's destination.
func (l *leg) domain() mail.Domain {
	if len(l.recipients) == 0 {
		return ""
	}
	return l.recipients[0].Address.Domain
}

// Wake tells the queue, and who watches the message's journey, that the commit of an Add is durable. If it is forgotten the message is found within a minute or two.
func (q *Queue) Wake(m Message) {
	q.o.Schedule.times(&m)
	now := q.o.Clock.Now()
	if q.o.Journeys.Watched() {
		q.o.Journeys.Publish(m.ID, queuedEvents(&m)...) // before an attempt tells of itself
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.depth++
	asWritten := q.win.turns.arrived(m.ID)
	legs := q.cut(&m)
	for i, l := range legs {
		q.win.offer(dueRow{
			ref: ref{m.ID, uint16(i)}, due: l.due, urgent: q.o.Schedule.urgent(&m, l), domain: l.domain(),
		}, now)
	}
	if asWritten && len(legs) == 1 && q.win.known[ref{m.ID, 0}] {
		q.win.turns.known[ref{m.ID, 0}] = asAdded(m, legs[0])
	}
	q.wake()
}
