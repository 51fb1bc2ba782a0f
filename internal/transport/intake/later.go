package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/deliver"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/screen"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Sender is the queue's sender for recipients of ours who are in the queue all the same: their mail was to be delivered
// later (FUTURERELEASE, RFC 4865), there are too many of them for one commit, or their domain became ours meanwhile. All others it
// leaves to next.
//
// A crash after a delivery and before the queue has settled it makes no second copy: the e-mail's id is the message's, and the
// mailbox does not store one twice.
func (in *Intake) Sender(next queue.Sender) queue.Sender { return &laterSender{in: in, next: next} }

type laterSender struct {
	in   *Intake
	next queue.Sender
}

// Send implements queue.Sender.
func (l *laterSender) Send(ctx context.Context, job queue.Job) queue.Report {
	results := make([]queue.Result, len(job.Recipients))
	var ours []served
	var away []int
	for i, r := range job.Recipients {
		res, err := l.in.o.Directory.Resolve(ctx, r.Address)
		switch {
		case err != nil:
			results[i] = l.failed(err)
		case res.Ours:
			ours = append(ours, served{i, recipient{given: r, ours: true, locals: res.Locals, remotes: res.Remotes}})
		default:
			away = append(away, i)
		}
	}
	if len(away) == len(job.Recipients) {
		return l.next.Send(ctx, job)
	}
	out := queue.Report{Results: results}
	if len(away) > 0 {
		rest := job
		rest.Recipients = nil
		for _, i := range away {
			rest.Recipients = append(rest.Recipients, job.Recipients[i])
		}
		report := l.next.Send(ctx, rest)
		for k, i := range away {
			results[i] = report.Results[k]
		}
		out.Events, out.Unreachable = report.Events, report.Unreachable
	}
	if len(ours) > 0 {
		out.Events = append(out.Events, l.serve(ctx, &job, ours, results)...)
	}
	return out
}

// served is a recipient of ours and its place in the job.
type served struct {
	at int
	recipient
}

// serve stores the message for recipients of ours, so many at a time, and sets their results.
func (l *laterSender) serve(ctx context.Context, job *queue.Job, ours []served, results []queue.Result) (events []journey.Event) {
	summary, err := l.in.describe(ctx, job.Message.Blob)
	var batch []served
	size := 0
	flush := func() {
		if len(batch) > 0 {
			res, told := l.deliver(ctx, job.Message, batch, summary)
			for _, r := range batch {
				results[r.at] = res
			}
			events = append(events, told...)
		}
		batch, size = nil, 0
	}
	for _, r := range ours {
		refused := err
		if refused == nil && job.Message.Due.After(job.Message.Created) { // time has passed since RCPT looked
			refused = l.in.checkQuota(ctx, directory.Resolution{Locals: r.locals, Remotes: r.remotes}, job.Message.Blob.Size)
		}
		if refused != nil {
			results[r.at] = l.failed(refused)
			continue
		}
		if size += len(r.locals) + len(r.remotes); size > mostAtOnce {
			flush()
			size = len(r.locals) + len(r.remotes)
		}
		batch = append(batch, r)
	}
	flush()
	return events
}

// failed is the result of a fault of ours.
func (l *laterSender) failed(err error) queue.Result {
	f := mail.AsFault(err)
	r := queue.Result{Status: queue.Failed, Enhanced: "5.0.0", Reply: f.Public}
	switch {
	case f.Kind == mail.KindNoSuchUser:
		r.Enhanced = "5.1.1"
	case f.Kind == mail.KindDisabled:
		r.Enhanced = "5.2.1"
	case f.Kind == mail.KindOverQuota:
		r.Status, r.Enhanced = queue.Deferred, "4.2.2"
	case f.Kind == mail.KindTooLarge:
		r.Enhanced = "5.3.4"
	case f.Kind.Temporary():
		r.Status, r.Enhanced = queue.Deferred, "4.3.0"
		l.in.o.Log.Warn("a later delivery is put off", "err", err)
	}
	return r
}

// describe reads a stored message for its summary.
func (in *Intake) describe(ctx context.Context, ref store.BlobRef) (*message.Summary, error) {
	blob, err := in.o.Store.OpenBlob(ctx, ref.ID)
	if err != nil {
		return nil, fmt.Errorf("open a queued message: %w", err)
	}
	var s message.Scanner
	_, err = io.Copy(&s, io.NewSectionReader(blob, 0, blob.Size()))
	if err = errors.Join(err, blob.Close()); err != nil {
		return nil, fmt.Errorf("read a queued message: %w", err)
	}
	return s.Close(), nil
}

// deliver stores the message for a batch of recipients in one commit. What leads elsewhere goes on as a message of its own.
func (l *laterSender) deliver(
	ctx context.Context, msg *queue.Message, batch []served, summary *message.Summary,
) (queue.Result, []journey.Event) {
	in := l.in
	now := in.o.Clock.Now()
	to := make([]recipient, len(batch))
	for i := range batch {
		to[i] = batch[i].recipient
	}
	here := locals(to)
	plan := deliver.Message{ID: msg.ID, Received: now, Blob: msg.Blob, Summary: summary}
	place := mailbox.Inbox
	if msg.Junk {
		plan.Verdict.Action, place = screen.Junk, junk
	}
	onward := *msg
	onward.ID = mail.MessageID{ID: mail.NewID(now)}
	onward.Created, onward.Due, onward.Expires = now, time.Time{}, time.Time{}
	onward.Recipients = remotes(to)
	_, err := in.o.Mailbox.Deliver(ctx, deliver.Plan(plan, here), func(b *store.Batch) error {
		if len(onward.Recipients) > 0 {
			in.o.Queue.Add(b, onward)
		}
		return nil
	})
	if err != nil {
		return l.failed(commitFault(err)), nil
	}
	if len(onward.Recipients) > 0 {
		in.o.Queue.Wake(onward)
	}
	var events []journey.Event
	for _, h := range here {
		events = append(events, journey.Event{At: now, Kind: journey.Stored, Recipient: h.Address.Unicode(), Account: h.Account,
			Mailbox: place})
		in.o.MailLog.Delivered(msg.ID, h.Address, h.Address.String(), summary.Size, now.Sub(msg.Created)) //nolint:contextcheck // as elsewhere
	}
	return queue.Result{Status: queue.Delivered, Enhanced: "2.0.0", Reply: "stored", Server: string(in.o.Hostname), Final: true}, events
}
