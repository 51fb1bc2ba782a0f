package queue

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Notifier makes notices. transport/bounce implements it.
type Notifier interface {
	// Notify sends a notice to the message's sender. join adds the settling's rows; they and the notice are one commit, and
	// join may be called again with a fresh batch after a conflict. A permanent fault means no notice can be made ever (then
	// the queue settles without one); any other error, that nothing was committed and it is tried again later.
	Notify(ctx context.Context, n Notice, join func(b *store.Batch, notice mail.MessageID) error) error
}

// Action is what a notice tells about a recipient (RFC 3464 section 2.3.3).
type Action uint8

// The actions.
const (
	ActionFailed Action = iota
	ActionDelayed
	ActionDelivered
	ActionRelayed
)

// Notice is what a notice is about: a message and what became of some of its recipients. The queue has checked that the
// sender is not the null path and that each recipient's NOTIFY allows it.
type Notice struct {
	Message *Message // its Recipients are empty
	About   []Outcome
}

// Outcome is what became of a recipient.
type Outcome struct {
	Recipient mail.Recipient
	Action    Action
	Result    Result // the last attempt
	Expired   bool   // failed because time ran out
	Attempts  int
}
