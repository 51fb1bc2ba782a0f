package imapd

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// backend is where this connection's logins are checked, slowed and locked.
func (s *session) backend() *directory.LoginSession {
	if s.login == nil {
		s.login = s.srv.Directory.Login(directory.Attempt{Protocol: s.seen.Proto, Remote: s.seen.Peer, TLS: s.seen.TLS})
	}
	return s.login
}

func (s *session) channel() sasl.Channel { return s.lc.Channel(s.conn) }

// mayLogIn refuses logins in clear text.
func (s *session) mayLogIn() error {
	if s.lc.Private || s.conn.TLS() != nil {
		return nil
	}
	return no("PRIVACYREQUIRED", "start TLS before logging in")
}

// cmdLogin is LOGIN (RFC 9051 section 6.2.3).
func cmdLogin(ctx context.Context, s *session, c *imap.Command) (done, error) {
	user, password, err := c.Parser(s.enc).Login()
	if err != nil {
		return done{}, err
	}
	if err := s.mayLogIn(); err != nil {
		return done{}, err
	}
	id, err := s.backend().Plain(ctx, "", user, password)
	return s.welcome(ctx, id, err)
}

// cmdAuthenticate is AUTHENTICATE (RFC 9051 section 6.2.2).
func cmdAuthenticate(ctx context.Context, s *session, c *imap.Command) (done, error) {
	a, err := c.Parser(s.enc).Authenticate()
	if err != nil {
		return done{}, err
	}
	if err := s.mayLogIn(); err != nil {
		return done{}, err
	}
	mech, err := sasl.NewServer(a.Mechanism, s.backend(), s.channel())
	if err != nil {
		return done{}, no("CANNOT", "this mechanism is not offered")
	}
	id, err := s.exchange(ctx, mech, a.Initial)
	return s.welcome(ctx, id, err)
}

// exchange carries a SASL exchange.
func (s *session) exchange(ctx context.Context, mech sasl.Server, response []byte) (sasl.Identity, error) {
	for {
		challenge, ok, id, err := mech.Next(ctx, response)
		if err != nil {
			return id, saslRefusal(err)
		}
		if ok && challenge == nil {
			return id, nil
		}
		s.w.Raw("+ ").Append(func(dst []byte) []byte { return sasl.AppendChallenge(dst, challenge) }).CRLF()
		if err := s.w.Flush(); err != nil {
			return id, &lost{err}
		}
		answer, err := s.r.ReadLine()
		if err != nil {
			return id, &lost{err}
		}
		if response, err = sasl.DecodeResponse(answer); err != nil {
			return id, saslRefusal(err)
		}
		if ok {
			return id, nil
		}
	}
}

// saslRefusal puts errors of form into IMAP's words; the directory's faults stay as they are.
func saslRefusal(err error) error {
	switch {
	case errors.Is(err, sasl.ErrCancelled):
		return bad("login cancelled")
	case errors.Is(err, sasl.ErrSyntax), errors.Is(err, sasl.ErrTooLong), errors.Is(err, sasl.ErrOver):
		return bad("malformed response")
	}
	return err
}

// welcome ends a login, good or bad. Who fails too often has to connect again.
func (s *session) welcome(ctx context.Context, id sasl.Identity, err error) (done, error) {
	if gone, ok := errors.AsType[*lost](err); ok {
		if errors.Is(gone, line.ErrInterrupted) {
			s.bye("UNAVAILABLE", "server is shutting down")
		}
		return done{}, err
	}
	if err != nil {
		if s.failed++; s.failed >= s.srv.Limits.MaxFailed {
			s.thrownOut = true
			s.bye("", "too many failed logins")
		}
		return done{}, err
	}
	leave, ok := s.srv.accounts.Enter(limit.ByName(id.Login))
	if !ok {
		return done{}, no("LIMIT", "too many connections of this account")
	}
	s.seen.Account = id.Login
	s.loggedInAs(ctx, id.Account, leave)
	return done{code: "CAPABILITY " + s.capabilities(), text: "logged in"}, nil
}
