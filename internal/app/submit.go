package app

import (
	"context"
	"io"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
)

// submit takes a message of this machine's operator. It is taken for all of its recipients, or not at all.
func (a *App) submit(ctx context.Context, env mail.Envelope, body io.Reader) (mail.MessageID, error) {
	src := intake.Source{Protocol: obs.ProtoLocal}
	if acc, err := a.directory.ByAddress(ctx, env.From); err == nil { // its author is one of ours: complete the message for it
		src.Account, src.Login = acc.ID, acc.Login()
	}
	t := a.intake.Begin(src)
	defer t.Reset()
	if err := t.From(ctx, env); err != nil {
		return mail.MessageID{}, err
	}
	for _, r := range env.Recipients {
		if err := t.To(ctx, r); err != nil {
			return mail.MessageID{}, err
		}
	}
	receipt, err := t.Body(ctx, body)
	return receipt.ID, err
}
