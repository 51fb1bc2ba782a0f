package queue

import (
	"context"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Item is a queued message as an admin sees it.
type Item struct {
	Message    Message // its Recipients are empty
	Held       bool
	Recipients []Waiting
}

// Waiting is a recipient that is not settled yet.
type Waiting struct {
	Recipient   mail.Recipient
	Destination string
	Attempts    int
	Next        time.Time // the next attempt; zero while held or while an attempt is going on
	Last        Result    // the last attempt's, if Attempts is not zero
}

// Filter chooses messages for List. The zero value chooses all.
type Filter struct {
	After   mail.MessageID // only later ones, for paging
	Account mail.AccountID // only this account's
	Domain  mail.Domain    // only with a recipient at this domain
	Max     int            // at most so many; default 100
}

// List gives queued messages, oldest first.
func (q *Queue) List(ctx context.Context, f Filter) ([]Item, error) { return nil, nil }

// Get gives one queued message; a fault of KindNotFound if it is not (any more) in the queue.
func (q *Queue) Get(ctx context.Context, id mail.MessageID) (Item, error) {
	return Item{}, mail.Refuse(mail.KindNotFound, "not in the queue")
}

// Has reports whether the message is in the queue.
func (q *Queue) Has(ctx context.Context, id mail.MessageID) (bool, error) { return false, nil }

// Hold keeps a message from being tried until Release. by is who did it, for the journey.
func (q *Queue) Hold(ctx context.Context, id mail.MessageID, by string) error { return nil }

// Release ends a hold; the message is due at once.
func (q *Queue) Release(ctx context.Context, id mail.MessageID, by string) error { return nil }

// Retry makes a message due at once, and lets its destinations be tried again.
func (q *Queue) Retry(ctx context.Context, id mail.MessageID, by string) error { return nil }

// Cancel takes a message out of the queue without a notice. An attempt that is going on is not stopped.
func (q *Queue) Cancel(ctx context.Context, id mail.MessageID, by string) error { return nil }

// Depth is how many messages wait.
func (q *Queue) Depth(ctx context.Context) (int, error) { return 0, nil }
