package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// untoldRetry is when to look again at a leg whose notice could not be made, or whose destination backs off.
const untoldRetry = time.Minute

// roomRetry is when to try again to write down what became of a message, while the disk is full. A crash until then makes a double.
const roomRetry = 5 * time.Second

// noticeLife is how long after a message's own end its notice is still tried: a fault that lasts longer is no passing one.
const noticeLife = 24 * time.Hour

// settlement is what one turn of a leg comes to.
type settlement struct {
	q      *Queue
	ref    ref
	msg    *message
	leg    *leg // as it will be
	oldDue time.Time
	last   bool // no other leg of the message is left
	now    time.Time
	events []journey.Event
	about  []Outcome   // what the sender is to be told
	log    []func()    // lines of the mail log, written once it is durable
	keep   []recipient // those that stay in the row, and untold, those that stay only if nobody can be told now
	untold []recipient
}

// settle writes down how a turn went: what is over leaves the row, and if somebody must be told, that is the same commit. which are
// the leg's recipients that the report's results are for, and t is the leg as the attempt had it.
func (q *Queue) settle(ctx context.Context, r ref, t *turn, report Report, which []int) error {
	defer q.lock(r.id).Unlock()
	s, err := q.begin(ctx, r, t)
	if err != nil {
		return err
	}
	if s == nil { // cancelled meanwhile; what happened is still told
		return q.story(ctx, r.id, report.Events)
	}
	s.events = append(s.events, report.Events...)
	s.decideAll(report, which)
	return s.commit(ctx)
}

// decideAll counts the attempt, if it was one, and decides by its report.
func (s *settlement) decideAll(report Report, which []int) {
	results := make(map[int]*Result, len(which))
	for i, at := range which {
		if i < len(report.Results) {
			results[at] = &report.Results[i]
		}
	}
	if len(results) > 0 {
		s.leg.attempts++
	}
	s.decide(results)
}

// begin reads the leg afresh, unless it is surely as it was: since it was read for the attempt an admin may have changed it.
func (q *Queue) begin(ctx context.Context, r ref, t *turn) (*settlement, error) {
	if q.holds(r, t) {
		return q.settlement(r, t), nil
	}
	v, err := q.st.View(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the queue: %w", err)
	}
	defer v.Close()
	t, err = readTurn(ctx, v, r)
	if t == nil || err != nil {
		return nil, err
	}
	s := q.settlement(r, t)
	if t.msg.legs > 1 {
		own := string(legKey(r))
		err = v.Scan(ctx, store.PrefixRange(legsPrefix(r.id)), func(key, _ []byte) (bool, error) {
			s.last = string(key) == own
			return s.last, nil
		})
	}
	return s, err
}

func (q *Queue) settlement(r ref, t *turn) *settlement {
	return &settlement{q: q, ref: r, msg: t.msg, leg: t.leg, oldDue: t.leg.due, now: q.o.Clock.Now(), last: true}
}

func (q *Queue) story(ctx context.Context, id mail.MessageID, events []journey.Event) error {
	if len(events) == 0 {
		return nil
	}
	b := store.NewBatch()
	journey.Record(b, id, q.stamp(events)...)
	if err := store.Commit(ctx, q.st, b); err != nil {
		return fmt.Errorf("record journey: %w", err)
	}
	q.o.Journeys.Publish(id, events...)
	return nil
}

// stamp gives events without a time the time now.
func (q *Queue) stamp(events []journey.Event) []journey.Event {
	now := q.o.Clock.Now()
	for i := range events {
		if events[i].At.IsZero() {
			events[i].At = now
		}
	}
	return events
}

// commit makes the settlement durable, with its notice if there is one to be sent.
func (s *settlement) commit(ctx context.Context) error {
	if len(s.about) == 0 {
		return s.commitAlone(ctx, s.keep)
	}
	notice := Notice{Message: &s.msg.Message, About: s.about}
	var id mail.MessageID
	err := s.q.o.Notifier.Notify(ctx, notice, func(b *store.Batch, made mail.MessageID) error {
		id = made
		s.rows(b, s.keep)
		journey.Record(b, s.ref.id, s.told(made)...)
		return nil
	})
	if err == nil {
		s.after(s.told(id))
		return nil
	}
	if f := mail.AsFault(err); !f.Kind.Temporary() || s.now.After(s.msg.Expires.Add(noticeLife)) {
		s.q.o.Log.Warn("no notice can be made", "id", s.ref.id.String(), "err", err)
		for i := range s.about {
			s.nobodyTold(s.about[i].Recipient, journey.ReasonNoNotice)
		}
		return s.commitAlone(ctx, s.keep)
	}
	s.q.o.Log.Error("notice put off", "id", s.ref.id.String(), "err", err)
	// What the other server has taken must not be sent again: the outcome is kept, and the notice tried again.
	s.leg.delayTold = s.leg.delayTold && !s.tells(ActionDelayed)
	if len(s.untold) > 0 && !s.msg.held {
		s.leg.due = s.now.Add(untoldRetry)
	}
	return s.commitAlone(ctx, append(s.keep, s.untold...))
}

func (s *settlement) tells(a Action) bool {
	for i := range s.about {
		if s.about[i].Action == a {
			return true
		}
	}
	return false
}

func (s *settlement) commitAlone(ctx context.Context, keep []recipient) error {
	b := store.NewBatch()
	s.rows(b, keep)
	journey.Record(b, s.ref.id, s.q.stamp(s.events)...)
	if err := store.Commit(ctx, s.q.st, b); err != nil {
		return fmt.Errorf("settle attempt: %w", err)
	}
	s.after(s.events)
	return nil
}

// rows writes the leg with those who stay, or takes it away, and the message with the last of its legs.
func (s *settlement) rows(b *store.Batch, keep []recipient) {
	b.Raise(partitionOf(s.ref.id))
	if !s.oldDue.IsZero() {
		b.Delete(dueKey(s.ref, s.oldDue))
	}
	s.leg.recipients = keep
	if len(keep) > 0 {
		s.q.setLeg(b, s.msg, s.ref, s.leg)
		return
	}
	b.Delete(legKey(s.ref))
	if s.last {
		key := messageKey(s.ref.id)
		b.Delete(key)
		b.Unref(s.msg.Blob.ID, key)
	}
}

// after tells those who listen, once all is durable.
func (s *settlement) after(events []journey.Event) {
	for _, line := range s.log {
		line()
	}
	s.q.o.Journeys.Publish(s.ref.id, events...)
	if len(s.leg.recipients) == 0 && s.last {
		s.q.gone()
	}
	if len(s.leg.recipients) == 0 || s.leg.due.IsZero() {
		return
	}
	s.q.mu.Lock()
	s.q.win.expect(s.leg.due)
	s.q.wake()
	s.q.mu.Unlock()
}

// told are the events with the notice that was made.
func (s *settlement) told(notice mail.MessageID) []journey.Event {
	events := append([]journey.Event(nil), s.events...)
	delayed := false
	for i := range s.about {
		o := &s.about[i]
		e := journey.Event{Kind: journey.Returned, Recipient: o.Recipient.Address.Unicode(), Other: notice}
		switch o.Action {
		case ActionDelayed:
			if delayed {
				continue
			}
			delayed = true
			e.Kind = journey.Delayed
		case ActionDelivered, ActionRelayed:
			e.Kind = journey.Confirmed
		}
		events = append(events, e)
	}
	return s.q.stamp(events)
}
