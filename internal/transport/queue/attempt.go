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
// over, so that the next message does not wait for the disk.
func (q *Queue) attempt(ctx context.Context, s Sender, sl slot) {
	t, place := q.begun(sl.ref)
	o := notTried
	finished := false
	finish := func() {
		if finished {
			return
		}
		finished = true
		q.mu.Lock()
		defer q.mu.Unlock()
		q.win.finish(sl, o, q.o.Clock.Now())
		q.wake()
	}
	defer func() {
		if v := recover(); v != nil { // the edge of a job: the message stays, and the others go on
			q.o.Log.Error("attempt panicked", "id", sl.ref.id.String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
		finish()
		q.mu.Lock()
		delete(q.win.known, sl.ref)
		q.over(sl.ref, place)
		q.wake()
		q.mu.Unlock()
	}()

	if t == nil {
		read, err := q.read(ctx, sl.ref)
		if err != nil {
			q.trouble(sl.ref, err)
			return
		}
		if read != nil {
			*place, t = *read, place
		}
	}
	if t == nil || t.leg.due.IsZero() || t.leg.due.After(q.o.Clock.Now()) {
		return // cancelled, held or put off meanwhile
	}
	report := Report{}
	job, which := q.job(t, sl.dest.key)
	if len(which) > 0 && !q.backsOff(sl.dest) {
		job.Answered = func() { q.answered(sl) }
		report = s.Send(ctx, job)
		o = spoken
		if report.Unreachable {
			o = unreachable
		}
		if ctx.Err() != nil && allDeferred(report.Results) {
			o = notTried
			return // we are stopping: that was no attempt
		}
		q.settling <- struct{}{} // if the disk falls behind, so does the sending
		defer func() { <-q.settling }()
		finish()
	}
	if err := q.writeDown(ctx, sl.ref, t, report, which); err != nil {
		q.trouble(sl.ref, err)
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
