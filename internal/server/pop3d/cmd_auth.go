package pop3d

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

func (s *session) channel() sasl.Channel { return s.lc.Channel(s.conn) }

// mayLogIn reports whether a login would be taken: not in clear text.
func (s *session) mayLogIn() bool { return s.tls != nil || s.lc.Private }

// cmdAuth is AUTH (RFC 5034). Without an argument it lists the mechanisms, as some clients ask before they know CAPA.
func cmdAuth(ctx context.Context, s *session, arg []byte) error {
	words, err := pop3.Words(arg, 2)
	if err != nil {
		return s.wrong(text.POP3BadArgument)
	}
	if !s.mayLogIn() {
		return s.wrong(text.POP3TLSFirst)
	}
	if len(words) == 0 {
		s.listMechanisms()
		return nil
	}
	mech, err := sasl.NewServer(string(words[0]), s.login, s.channel())
	if err != nil {
		return s.loginFailed(err)
	}
	var initial []byte
	if len(words) == 2 {
		if initial, err = sasl.DecodeInitial(words[1]); err != nil {
			return s.loginFailed(err)
		}
	}
	id, err := s.exchange(ctx, mech, initial)
	if lost, ok := errors.AsType[lostError](err); ok {
		return lost.error
	}
	if err != nil {
		return s.loginFailed(err)
	}
	s.welcome(ctx, id)
	return nil
}

func (s *session) listMechanisms() {
	s.out = pop3.AppendOK(s.out[:0], text.Say(s.lang, text.POP3Mechanisms))
	for _, m := range sasl.Mechanisms(s.channel()) {
		s.out = append(append(s.out, m...), "\r\n"...)
	}
	s.out = append(s.out, pop3.EndOfList...)
	s.send()
}

// lostError is that the connection failed in the middle of an exchange.
type lostError struct{ error }

// exchange carries a SASL exchange (RFC 5034 section 4).
func (s *session) exchange(ctx context.Context, mech sasl.Server, response []byte) (sasl.Identity, error) {
	for {
		challenge, done, id, err := mech.Next(ctx, response)
		if err != nil || done && challenge == nil {
			return id, err
		}
		s.out = sasl.AppendChallenge(append(s.out[:0], "+ "...), challenge)
		s.out = append(s.out, "\r\n"...)
		s.send()
		answer, err := s.readLine(ctx)
		if err != nil {
			return id, lostError{err}
		}
		if response, err = sasl.DecodeResponse(answer); err != nil || done {
			return id, err
		}
	}
}
