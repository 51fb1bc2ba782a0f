package app

import (
	"context"
	"io"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// submit takes a message of this machine's operator.
func (a *App) submit(ctx context.Context, env mail.Envelope, body io.Reader) (mail.MessageID, error) {
	return mail.MessageID{}, errNoIntake
}
