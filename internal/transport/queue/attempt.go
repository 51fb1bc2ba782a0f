package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// attempt is one turn of a leg: it is read, sent, and settled. The destination's place is free again as soon as the sending is
// over, so that the next message does not wait for the disk. It gives the attempt that may start in its place, if there is one.
func (q *Queue) attempt(ctx context.Context, s Sender, sl slot) (next slot, more bool) {
	t, place := q.begun(sl.ref)
	p := passage{q: q, slot: sl, place: place}
	p.run(ctx, s, t)
	return p.next, p.more
}

// run makes the attempt; t is nil if its rows must be read.
func (p *passage) run(ctx context.Context, s Sender, t *turn) {
	q, sl := p.q, p.slot
	defer func() {
		if v := recover(); v != nil { // the edge of a job: the message stays, and the others go on
			q.o.Log.Error("attempt panicked", "id", sl.ref.id.String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
		p.finish(notTried)
		if !p.handedOver {
			q.left(p)
		}
	}()

	if t == nil {
		read, err := q.read(ctx, sl.ref)
		if err != nil {
			q.trouble(sl.ref, err)
			return
		}
		if read != nil {
			*p.place, t = *read, p.place
		}
	}
	if t == nil || t.leg.due.IsZero() || t.leg.due.After(q.o.Clock.Now()) {
		return // cancelled, held or put off meanwhile
	}
	job, which := q.job(t, sl.dest.key)
	if len(which) == 0 || q.backsOff(sl.dest) {
		if err := q.writeDown(ctx, sl.ref, t, Report{}, which); err != nil {
			q.trouble(sl.ref, err)
		}
		return
	}
	job.Answered = func() { q.answered(sl) }
	report := s.Send(ctx, job)
	if ctx.Err() != nil && allDeferred(report.Results) {
		return // we are stopping: that was no attempt
	}
	o := spoken
	if report.Unreachable {
		o = unreachable
	}
	p.turn, p.report, p.which = t, report, which
	q.settling <- struct{}{} // if the disk falls behind, so does the sending
	p.finish(o)
	p.handedOver = true
	q.settler.add(p)
}

// passage is an attempt on its way from its beginning until it is settled.
type passage struct {
	q     *Queue
	slot  slot
	place *turn // what the window keeps of its rows

	finished   bool
	handedOver bool // to the settler
	next       slot
	more       bool // there is a next

	turn   *turn
	report Report
	which  []int // the leg's recipients that the report's results are for
}

// finish frees the attempt's place, and lets whoever makes it go on with the next. The loop is woken only if it may find more to do than
// that.
func (p *passage) finish(o outcome) {
	if p.finished {
		return
	}
	p.finished = true
	q := p.q
	now := q.o.Clock.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	usual := o == spoken && p.slot.dest.proven && p.slot.place.class == proven
	q.win.finish(p.slot, o, now)
	if !q.win.closed {
		p.next, p.more = q.win.take(now)
		usual = usual && (!p.more || p.next.place.class == proven) // the loop takes a newcomer's place in time
	}
	if !usual || q.win.hungry() {
		q.wake()
	}
}

// left forgets attempts that are settled, or will not be.
func (q *Queue) left(ps ...*passage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range ps {
		delete(q.win.known, p.slot.ref)
		q.over(p.slot.ref, p.place)
	}
	if q.win.hungry() {
		q.wake()
	}
}

// writeDown settles a turn, even if we are told to stop. While there is no room on the disk it waits, and the leg stays ours: what was
// sent and is not settled would be sent again. When time is over it tries once more.
func (q *Queue) writeDown(ctx context.Context, r ref, t *turn, report Report, which []int) error {
	for {
		last := ctx.Err() != nil
		err := q.settle(context.WithoutCancel(ctx), r, t, report, which)
		t = nil // it is used up
		if !errors.Is(err, store.ErrFull) || len(which) == 0 || last {
			return err
		}
		q.o.Log.Error("no room to write down what became of a message; trying again", "id", r.id.String(), "err", err)
		room := q.o.Clock.NewTimer(roomRetry)
		select {
		case <-room.C():
		case <-ctx.Done():
			room.Stop()
		}
	}
}

// trouble is for failures of ours: the rows stay as they are, and the leg is tried again by a later lap.
func (q *Queue) trouble(r ref, err error) {
	if !errors.Is(err, context.Canceled) {
		q.o.Log.Error("queued message cannot be worked on", "id", r.id.String(), "leg", r.leg, "err", err)
	}
}

func allDeferred(rs []Result) bool {
	for _, r := range rs {
		if r.Status != Deferred {
			return false
		}
	}
	return true
}

// backsOff reports whether the destination is not to be tried now; the leg is here because it is urgent.
func (q *Queue) backsOff(d *destination) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return d.until.After(q.o.Clock.Now())
}

// turn is a leg with its message, as read.
type turn struct {
	msg *message
	leg *leg
}

// read gives a leg's rows; nil if it is not in the queue any more.
func (q *Queue) read(ctx context.Context, r ref) (*turn, error) {
	v, err := q.st.View(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the queue: %w", err)
	}
	defer v.Close()
	return readTurn(ctx, v, r)
}

func readTurn(ctx context.Context, v store.View, r ref) (*turn, error) {
	m, err := readMessage(ctx, v, r.id)
	if m == nil || err != nil {
		return nil, err
	}
	row, err := v.Get(ctx, legKey(r))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read queue row: %w", err)
	}
	l, err := decodeLeg(row)
	if err != nil {
		return nil, err
	}
	return &turn{m, l}, nil
}

// readMessage gives a message's row; nil if it is not in the queue.
func readMessage(ctx context.Context, v store.View, id mail.MessageID) (*message, error) {
	row, err := v.Get(ctx, messageKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read queue row: %w", err)
	}
	return decodeMessage(id, row)
}

// job is what there is to send, and which of the leg's recipients it is for.
func (q *Queue) job(t *turn, destination string) (Job, []int) {
	j := Job{Message: &t.msg.Message, Destination: destination, Attempt: t.leg.attempts + 1}
	var which []int
	for i := range t.leg.recipients {
		if r := &t.leg.recipients[i]; r.state == waiting {
			j.Recipients = append(j.Recipients, r.Recipient)
			which = append(which, i)
		}
	}
	return j, which
}
