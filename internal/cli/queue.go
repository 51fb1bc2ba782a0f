package cli

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

type queueCmd struct {
	List    queueList    `cmd:"" help:"List what waits, with the other side's last words."`
	Hold    queueHold    `cmd:"" help:"Keep messages from being tried."`
	Release queueRelease `cmd:"" help:"Let held messages go on."`
	Retry   queueRetry   `cmd:"" help:"Try messages again now."`
	Cancel  queueCancel  `cmd:"" help:"Take messages out of the queue. Nobody is told."`
}

type queueList struct {
	Domain config.Host  `placeholder:"DOMAIN" help:"Only messages for this domain."`
	From   mail.Address `placeholder:"ADDRESS" help:"Only messages of this account."`
}

func (c *queueList) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		q := adminapi.QueueFilter{Domain: c.Domain.Domain, Account: c.From}
		var all []queue.Item
		for {
			var page []queue.Item
			if err := a.Call(s.ctx, "queue.list", q, &page); err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
			q.After = page[len(page)-1].Message.ID
		}
		return s.table(func(row func(...any)) {
			row("ID", "FROM", "TO", "TRIES", "NEXT", "LAST REPLY")
			for i := range all {
				for _, r := range all[i].Recipients {
					row(all[i].Message.ID, from(all[i].Message.From), r.Recipient.Address.Unicode(), r.Attempts, next(&all[i], r.Next), dash(r.Last.Reply))
				}
			}
		})
	})
}

func from(a mail.Address) string {
	if a.IsNull() {
		return "<>"
	}
	return a.Unicode()
}

func next(it *queue.Item, at time.Time) string {
	switch {
	case it.Held:
		return "held"
	case at.IsZero():
		return "now"
	}
	return at.Local().Format(time.DateTime)
}

type messageIDs struct {
	IDs []mail.MessageID `arg:"" name:"id" help:"The messages' ids."`
}

func (m *messageIDs) each(s *session, op string, said text.Key) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		for _, id := range m.IDs {
			if err := a.Call(s.ctx, op, adminapi.MessageName{ID: id}, nil); err != nil {
				return err
			}
			s.say(said, id)
		}
		return nil
	})
}

type queueHold struct{ messageIDs }

func (c *queueHold) Run(s *session) error { return c.each(s, "queue.hold", text.CLIHeld) }

type queueRelease struct{ messageIDs }

func (c *queueRelease) Run(s *session) error { return c.each(s, "queue.release", text.CLIReleased) }

type queueRetry struct{ messageIDs }

func (c *queueRetry) Run(s *session) error { return c.each(s, "queue.retry", text.CLIRetried) }

type queueCancel struct{ messageIDs }

func (c *queueCancel) Run(s *session) error { return c.each(s, "queue.cancel", text.CLICancelled) }
