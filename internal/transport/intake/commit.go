package intake

import (
	"context"
	"errors"
	"fmt"
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

// accepted is a message that is staged and judged; only its commit is missing.
type accepted struct {
	id      mail.MessageID
	at      time.Time
	src     *Source
	env     *mail.Envelope
	to      []recipient
	staged  staged
	verdict screen.Verdict
	about   mail.MessageID // for a notice: the message it is about
	later   bool           // recipients of ours get it out of the queue
}

// mostAtOnce is how many accounts are served by the commit that takes a message in. A message for more goes to all of them through the
// queue, so many at a time: no commit spans too many partitions.
const mostAtOnce = 50

// commit is the one commit: the bytes, the mailboxes' rows, the queue's rows, the journey, and what join adds. Then
// everybody who waits for it is told.
func (in *Intake) commit(ctx context.Context, m *accepted, join func(b *store.Batch, id mail.MessageID) error) (Receipt, error) {
	here := locals(m.to)
	m.later = m.held() || len(here) > mostAtOnce
	if m.later {
		here = nil // they wait in the queue, too
	}
	ref := m.staged.blob.Ref()
	appends := deliver.Plan(deliver.Message{
		ID: m.id, Received: m.at, Blob: ref, Summary: m.staged.summary, Verdict: m.verdict, New: true,
	}, here)
	out, queued := in.outgoing(ctx, m, ref)
	events := in.events(m, here)
	// The outcome must be known even if the client is gone: so the commit does not end with its connection.
	ctx = context.WithoutCancel(ctx)
	_, err := in.o.Mailbox.Deliver(ctx, appends, func(b *store.Batch) error {
		b.AddBlob(m.staged.blob)
		if queued {
			in.o.Queue.Add(b, out)
		}
		journey.Record(b, m.id, events...)
		if join != nil {
			return join(b, m.id)
		}
		return nil
	})
	if err != nil {
		// The bytes are left to the store's sweep: if the outcome is not known, they may be a stored message's.
		return Receipt{}, commitFault(err)
	}
	in.o.Journeys.Publish(m.id, events...)
	if queued {
		in.o.Queue.Wake(out)
	}
	in.logAccepted(m, here) //nolint:contextcheck // the mail log does not end with a connection
	return m.receipt(), nil
}

// junk is the mailbox of messages that are likely spam, as journeys name it.
const junk = "Junk"

// held reports whether nobody shall have the message yet.
func (m *accepted) held() bool { return m.env.HoldUntil.After(m.at) }

// commitFault makes an outcome a client may understand. An account that vanished between RCPT and the commit is found out when the
// client comes again.
func commitFault(err error) error {
	switch {
	case errors.Is(err, store.ErrFull):
		return mail.Failed(mail.KindDiskFull, "no room to store the message now", err)
	case mail.IsKind(err, mail.KindNotFound):
		return mail.Failed(mail.KindUnavailable, "a mailbox is being changed, please try again later", err)
	}
	return fmt.Errorf("commit message: %w", err)
}

// outgoing is the queue's message for the recipients elsewhere, and for whom the author is to be told about; false if there are none.
func (in *Intake) outgoing(ctx context.Context, m *accepted, ref store.BlobRef) (queue.Message, bool) {
	away := remotes(m.to)
	var told []mail.Recipient
	if m.later {
		away = append(away, waiting(m.to)...)
	} else {
		told = m.told()
	}
	if len(away)+len(told) == 0 {
		return queue.Message{}, false
	}
	out := queue.Message{
		ID: m.id, From: m.env.From, Account: m.src.Account, EnvID: m.env.EnvID, Return: m.env.Return,
		Body: bodyOf(m.staged.summary), UTF8: m.env.UTF8, RequireTLS: m.env.RequireTLS, Blob: ref, Skip: m.staged.skip,
		Created: m.at, Due: m.env.HoldUntil, Recipients: away, Stored: told,
		Junk: m.verdict.Action == screen.Junk,
	}
	if !m.src.Account.IsZero() {
		if a, err := in.o.Directory.Account(ctx, m.src.Account); err == nil {
			out.Lang = a.Lang
		}
	}
	return out, true
}

// bodyOf is what the content is, whatever the client declared.
func bodyOf(s *message.Summary) mail.Body {
	switch {
	case s.Traits.Has(message.BodyBinary):
		return mail.BodyBinary
	case s.Traits&(message.Body8Bit|message.Header8Bit|message.PartHeader8Bit) != 0:
		return mail.Body8Bit
	}
	return mail.Body7Bit
}

// events begin the journey.
func (in *Intake) events(m *accepted, here []directory.Local) []journey.Event {
	first := journey.Event{
		At: m.at, Kind: journey.Accepted, Account: m.src.Account, From: m.env.From.Unicode(), Protocol: protocolName(m.src.Protocol),
		Server: m.src.Helo, TLS: m.src.tlsText(), Login: m.src.Login, Size: m.staged.summary.Size,
	}
	if m.src.Remote.IsValid() {
		first.Address = m.src.Remote.Addr().Unmap().String()
	}
	out := append(make([]journey.Event, 0, 2+len(m.verdict.Reasons)+len(here)), first)
	for _, r := range m.verdict.Reasons {
		out = append(out, journey.Event{At: m.at, Kind: journey.Checked, Check: r.Check, Detail: r.Finding.Text})
	}
	if !m.about.IsZero() {
		out = append(out, journey.Event{At: m.at, Kind: journey.NoticeFor, Other: m.about})
	}
	for _, r := range m.to {
		out = append(out, r.expansions(m.at)...)
	}
	place := mailbox.Inbox
	if m.verdict.Action == screen.Junk {
		place = junk
	}
	for _, l := range here {
		out = append(out, journey.Event{At: m.at, Kind: journey.Stored, Recipient: l.Address.Unicode(), Account: l.Account, Mailbox: place})
	}
	return out
}

// expansions tell what an alias or group became, for at most a screenful of targets.
func (r *recipient) expansions(at time.Time) []journey.Event {
	if len(r.via) == 0 {
		return nil
	}
	const most = 25
	var out []journey.Event
	tell := func(target mail.Address) {
		if len(out) < most {
			out = append(out, journey.Event{At: at, Kind: journey.Expanded, Recipient: r.given.Address.Unicode(),
				Target: target.Unicode(), Via: r.via[0].Unicode()})
		}
	}
	for _, l := range r.locals {
		tell(l.Address)
	}
	for _, a := range r.remotes {
		tell(a)
	}
	return out
}

func (m *accepted) receipt() Receipt {
	out := Receipt{ID: m.id, Size: m.staged.summary.Size, Recipients: make([]RecipientResult, len(m.to))}
	for i, r := range m.to {
		out.Recipients[i].Address = r.given.Address
	}
	return out
}

func (in *Intake) logAccepted(m *accepted, here []directory.Local) {
	in.o.MailLog.Accepted(m.src.session(), m.id, m.env.From, len(m.to), m.staged.summary.Size)
	for _, l := range here {
		in.o.MailLog.Delivered(m.id, l.Address, l.Address.String(), m.staged.summary.Size, in.o.Clock.Now().Sub(m.at))
	}
}

// told are the recipients whose mailboxes have the message with this commit, and whose author asked to be told so.
func (m *accepted) told() []mail.Recipient {
	if m.env.From.IsNull() {
		return nil
	}
	var out []mail.Recipient
	for _, r := range m.to {
		if r.given.Notify&mail.NotifySuccess != 0 && len(r.locals) > 0 {
			out = append(out, r.given)
		}
	}
	return out
}
