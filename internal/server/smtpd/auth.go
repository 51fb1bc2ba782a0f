package smtpd

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// auth logs in (RFC 4954).
func (s *session) auth(ctx context.Context, args []byte) error {
	switch {
	case s.cfg.Login == nil:
		s.wrong(smtp.Say(502, "5.5.1", "There are no logins here"))
		return nil
	case s.heloName == "":
		s.badSequence("Say EHLO first")
		return nil
	case s.loggedIn():
		s.badSequence("You are logged in already")
		return nil
	case s.tx.t != nil:
		s.badSequence("No login within a transaction")
		return nil
	case !s.channel.MayLogIn():
		s.errors++
		s.refuse(obs.StageLogin, mail.Address{}, mail.Refuse(mail.KindTLSNeeded, "Say STARTTLS first; passwords are not taken in clear text"))
		return nil
	}
	mechanism, initial, err := smtp.ParseAuth(args)
	if err != nil {
		s.refuse(obs.StageLogin, mail.Address{}, err)
		return nil
	}
	server, err := sasl.NewServer(mechanism, s.cfg.Login(s.remote.Addr(), s.tlsVersion()), s.channel)
	if errors.Is(err, sasl.ErrMechanism) {
		err = mail.Refuse(mail.KindUnsupported, "That mechanism is not offered")
	}
	if err != nil {
		s.refuse(obs.StageLogin, mail.Address{}, err)
		return nil
	}
	s.conn.SetMaxLine(maxAuthLine)
	id, err := s.exchange(ctx, server, initial)
	s.conn.SetMaxLine(maxLine)
	return s.loginEnded(id, err)
}

// exchange carries challenges and responses until the end.
func (s *session) exchange(ctx context.Context, server sasl.Server, initial string) (sasl.Identity, error) {
	var response []byte // nil: there was no initial response
	if initial != "" {
		var err error
		if response, err = sasl.DecodeInitial([]byte(initial)); err != nil {
			return sasl.Identity{}, err
		}
	}
	for {
		challenge, done, id, err := server.Next(ctx, response)
		if err != nil {
			return sasl.Identity{}, err
		}
		if done && challenge == nil {
			return id, nil
		}
		s.out = append(sasl.AppendChallenge(append(s.out[:0], "334 "...), challenge), "\r\n"...)
		if _, err := s.conn.Write(s.out); err != nil {
			return sasl.Identity{}, transportError{err}
		}
		l, err := s.conn.ReadLine()
		if err != nil {
			return sasl.Identity{}, transportError{err}
		}
		if response, err = sasl.DecodeResponse(l); err != nil {
			return sasl.Identity{}, err
		}
		if done {
			return id, nil
		}
	}
}

// transportError is a failure of the connection in the middle of a login, not of the login.
type transportError struct{ error }

func (e transportError) Unwrap() error { return e.error }

func (s *session) loginEnded(id sasl.Identity, err error) error {
	broken, isBroken := errors.AsType[transportError](err)
	switch {
	case err == nil:
		s.id = id
		s.ext = s.offered()
		s.reply(smtp.Say(235, "2.7.0", "Welcome"))
	case errors.Is(err, line.ErrTooLong):
		s.wrong(smtp.Say(500, "5.5.6", "Response too long")) // RFC 4954 section 4
	case isBroken:
		return broken.error
	case errors.Is(err, sasl.ErrCancelled):
		s.wrong(smtp.Say(501, "5.7.0", "Login cancelled"))
	case errors.Is(err, sasl.ErrSyntax), errors.Is(err, sasl.ErrTooLong), errors.Is(err, sasl.ErrOver):
		s.wrong(smtp.Say(501, "5.5.2", "Malformed response"))
	default:
		s.logins++
		f := mail.AsFault(err)
		if f.Kind == mail.KindInternal {
			s.cfg.Log.Error("login failed", "remote", s.remote, "error", err)
		}
		s.reply(faultReply(obs.StageLogin, f)) // the directory has written it to the mail log
	}
	return nil
}
