package adminapi

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// Journey tells a message's story.
func (a *Admin) Journey(ctx context.Context, q MessageName) (journey.Journey, error) {
	return a.parts.Journeys.Read(ctx, q.ID)
}

// Recent asks for the newest stories, of an account by one of its addresses, or of all; a thousand at most at a time. Before is the last
// one that was told before.
type Recent struct {
	Account mail.Address   `json:"account,omitzero"`
	Before  mail.MessageID `json:"before,omitzero"`
	Max     int            `json:"max,omitempty"`
}

// RecentJourneys tells the newest stories, newest first.
func (a *Admin) RecentJourneys(ctx context.Context, q Recent) ([]journey.Journey, error) {
	var id mail.AccountID
	if !q.Account.IsNull() {
		acc, err := a.parts.Directory.ByAddress(ctx, q.Account)
		if err != nil {
			return nil, err
		}
		id = acc.ID
	}
	return a.parts.Journeys.Recent(ctx, id, q.Before, atLeastOne(q.Max))
}

// WatchJourneys tells every event from now on, until ctx ends.
func (a *Admin) WatchJourneys(ctx context.Context, _ Nothing, tell func(journey.Entry) error) (Nothing, error) {
	w := a.parts.Journeys.Watch()
	defer w.Close()
	for {
		select {
		case e, ok := <-w.C():
			if !ok {
				return Nothing{}, nil
			}
			if err := tell(e); err != nil {
				return Nothing{}, err
			}
		case <-ctx.Done():
			return Nothing{}, nil
		}
	}
}
