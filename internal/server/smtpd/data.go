package smtpd

import (
	"context"
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// data takes the message as dot-stuffed lines (RFC 5321 section 4.1.1.4).
func (s *session) data(ctx context.Context, args []byte) error {
	if err := smtp.NoArguments(args); err != nil {
		s.refuse(obs.StageConnect, mail.Address{}, err)
		return nil
	}
	switch {
	case s.tx.chunks:
		s.badSequence("The message has begun with BDAT") // RFC 3030 section 2
		return nil
	case !s.readyForContent():
		return nil
	case s.tx.env.Body == mail.BodyBinary:
		s.badSequence("BODY=BINARYMIME needs BDAT") // RFC 3030 section 3
		return nil
	}
	s.reply(smtp.Say(354, "", "Go on, end with <CRLF>.<CRLF>"))
	dots := s.conn.Dots()
	content := &watched{r: dots}
	receipt, err := s.tx.t.Body(ctx, content)
	switch {
	case line.IsBareNewline(content.err):
		return s.refuseNewline(content.err, dots.Skip)
	case content.err != nil && !errors.Is(content.err, io.EOF):
		return content.err // the client is gone, or too slow
	}
	if err := dots.Skip(s.cfg.Limits.Drain); err != nil {
		return s.cannotSkip(err)
	}
	if err == nil && content.err == nil {
		err = errNotRead
	}
	s.settle(receipt, err)
	return nil
}

// errNotRead means intake said yes to a message whose end it has not seen.
var errNotRead = errors.New("smtpd: message accepted before its end was read")

// readyForContent replies to DATA and BDAT that come too early.
func (s *session) readyForContent() bool {
	switch {
	case s.tx.t == nil:
		s.badSequence("Say MAIL first")
		return false
	case s.tx.accepted == 0:
		s.wrong(smtp.Say(554, "5.5.1", "No valid recipients"))
		return false
	}
	return true
}

// settle replies to the content of a message, as a whole or, in LMTP, for each recipient (RFC 2033 section 4.2), and
// ends the transaction.
func (s *session) settle(r intake.Receipt, err error) {
	if err == nil {
		s.messages++
		s.commands = 0
	}
	replies := 1
	if s.cfg.Role == LMTP {
		replies = s.tx.accepted
	}
	for i := range replies {
		e := err
		if e == nil && s.cfg.Role == LMTP && i < len(r.Recipients) {
			e = r.Recipients[i].Err
		}
		if e != nil {
			s.refuse(obs.StageData, mail.Address{}, e)
			continue
		}
		s.reply(smtp.Say(250, "2.0.0", "Accepted, message id "+r.ID.String()))
	}
	s.reset()
}

// refuseNewline answers bare CR or LF in content. What follows cannot be trusted to mean what the client meant, so the session ends;
// the rest is read first, where that is possible, so that the client is listening when the reply comes.
func (s *session) refuseNewline(bare error, skip func(limit int64) error) error {
	err := skip(s.cfg.Limits.Drain)
	s.refuse(obs.StageData, mail.Address{}, mail.Refuse(mail.KindBadContent, bare.Error()))
	s.reset()
	if err != nil && !errors.Is(err, line.ErrEndless) {
		return err
	}
	return errEnd
}

// cannotSkip answers a refused message that goes on for too long.
func (s *session) cannotSkip(err error) error {
	if !errors.Is(err, line.ErrEndless) {
		return err
	}
	s.refuse(obs.StageData, mail.Address{}, mail.Refuse(mail.KindTooLarge, "Message far too large, closing connection"))
	return errEnd
}

// watched remembers how reading ended.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil {
		w.err = err
	}
	return n, err
}
