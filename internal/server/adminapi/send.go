package adminapi

import (
	"context"
	"io"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Envelope is whom a message to send is from and for. From may be the null path.
type Envelope struct {
	From mail.Address   `json:"from,omitzero"`
	To   []mail.Address `json:"to"`
}

// Sent is a message that was taken.
type Sent struct {
	ID mail.MessageID `json:"id"`
}

// Send takes a message from this machine: what a local program or an operator wants to send. Missing header fields are completed.
func (a *Admin) Send(ctx context.Context, q Envelope, message io.Reader) (Sent, error) {
	if len(q.To) == 0 {
		return Sent{}, mail.Refuse(mail.KindSyntax, "a message needs a recipient")
	}
	env := mail.Envelope{From: q.From, UTF8: q.From.NeedsUTF8()}
	for _, to := range q.To {
		env.Recipients = append(env.Recipients, mail.Recipient{Address: to})
		env.UTF8 = env.UTF8 || to.NeedsUTF8()
	}
	id, err := a.parts.Submit(ctx, env, message)
	return Sent{ID: id}, err
}
