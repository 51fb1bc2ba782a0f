package adminapi

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

// by is whom journeys and the mail log name for what operators do; the queue writes both.
const by = "admin"

// QueueFilter chooses queued messages.
type QueueFilter struct {
	After  mail.MessageID `json:"after"`
	Domain mail.Domain    `json:"domain,omitempty"`
	// Account is an address of the sender's account; zero for all.
	Account mail.Address `json:"account,omitzero"`
	Max     int          `json:"max,omitempty"`
}

// QueueList lists queued messages, oldest first.
func (a *Admin) QueueList(ctx context.Context, q QueueFilter) ([]queue.Item, error) {
	f := queue.Filter{After: q.After, Domain: q.Domain, Max: atLeastOne(q.Max)}
	if !q.Account.IsNull() {
		acc, err := a.parts.Directory.ByAddress(ctx, q.Account)
		if err != nil {
			return nil, err
		}
		f.Account = acc.ID
	}
	return a.parts.Queue.List(ctx, f)
}

// MessageName names a message.
type MessageName struct {
	ID mail.MessageID `json:"id"`
}

// QueueHold keeps a message from being tried.
func (a *Admin) QueueHold(ctx context.Context, q MessageName) (Nothing, error) {
	return Nothing{}, a.parts.Queue.Hold(ctx, q.ID, by)
}

// QueueRelease ends a hold.
func (a *Admin) QueueRelease(ctx context.Context, q MessageName) (Nothing, error) {
	return Nothing{}, a.parts.Queue.Release(ctx, q.ID, by)
}

// QueueRetry makes a message due at once.
func (a *Admin) QueueRetry(ctx context.Context, q MessageName) (Nothing, error) {
	return Nothing{}, a.parts.Queue.Retry(ctx, q.ID, by)
}

// QueueCancel takes a message out of the queue without telling anybody.
func (a *Admin) QueueCancel(ctx context.Context, q MessageName) (Nothing, error) {
	return Nothing{}, a.parts.Queue.Cancel(ctx, q.ID, by)
}
