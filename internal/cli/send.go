package cli

import (
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

type sendCmd struct {
	From mail.Address   `placeholder:"ADDRESS" required:"" help:"The sender, who gets notices about the message."`
	To   []mail.Address `arg:"" help:"The recipients."`
}

func (c *sendCmd) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		var sent adminapi.Sent
		if err := a.Stream(s.ctx, "send", adminapi.Envelope{From: c.From, To: c.To}, s.In, nil, &sent); err != nil {
			return err
		}
		s.say(text.CLISent, sent.ID)
		return nil
	})
}
