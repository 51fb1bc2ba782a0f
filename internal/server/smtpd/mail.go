package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// mail starts a transaction (RFC 5321 section 4.1.1.2).
func (s *session) mail(ctx context.Context, args []byte) error {
	switch {
	case s.heloName == "":
		s.badSequence("Say EHLO first")
		return nil
	case s.tx.t != nil:
		s.badSequence("A transaction is open already")
		return nil
	}
	if max := s.cfg.Limits.Messages; max > 0 && s.messages >= max {
		return s.tooMuch("Too many messages in one session") // RFC 9422 section 4.2
	}
	if err := s.mayMail(); err != nil {
		s.refuse(obs.StageMail, mail.Address{}, err)
		return nil
	}
	env, err := s.parseMail(args)
	if err == nil {
		s.tx.env = env // for the log, if it is refused
		t := s.cfg.Intake.Begin(s.source())
		if err = t.From(ctx, env); err == nil {
			s.tx.t = t
			s.reply(smtp.Say(250, "2.1.0", "Sender ok"))
			return nil
		}
		t.Reset()
	}
	s.refuse(obs.StageMail, mail.Address{}, err)
	s.reset()
	return nil
}

// mayMail holds submission to a login, and a login to TLS or to a private wire (RFC 6409 section 4.3, RFC 3207 section 4).
func (s *session) mayMail() error {
	switch {
	case s.cfg.Role != Submission, s.loggedIn(), s.trusted():
		return nil
	case !s.channel.MayLogIn():
		return mail.Refuse(mail.KindTLSNeeded, "Say STARTTLS first")
	}
	return mail.Refuse(mail.KindLoginNeeded, "Log in first")
}

func (s *session) parseMail(args []byte) (mail.Envelope, error) {
	ext := s.ext
	if s.cfg.Login != nil {
		ext |= smtp.Auth // AUTH= belongs to sessions that have logged in, to whom AUTH is no longer offered
	}
	now := s.cfg.Clock.Now()
	env, err := smtp.ParseMail(args, ext, now)
	if err != nil {
		return env, err
	}
	if env.Size > s.srv.limits.MaxSize {
		return env, mail.Refusef(mail.KindTooLarge, "A message may be at most %d bytes large", s.srv.limits.MaxSize)
	}
	if env.HoldUntil.After(now.Add(s.cfg.Limits.Hold)) {
		return env, mail.Refuse(mail.KindSyntax, "That is later than a message can be held") // RFC 4865 section 4
	}
	return env, nil
}

// lookUpName starts to look for the client's name. What it returns ends that, and must be called.
func (s *session) lookUpName(ctx context.Context) (end func()) {
	addr := s.remote.Addr()
	if s.cfg.LookUpName == nil || !addr.IsValid() || addr.IsLoopback() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	names := make(chan string, 1)
	go func() {
		defer close(names)
		names <- s.cfg.LookUpName(ctx, addr)
	}()
	s.names = names
	return func() {
		cancel()
		for range names {
		}
	}
}

func (s *session) source() intake.Source {
	if s.names != nil {
		s.name = <-s.names
		s.names = nil
	}
	return intake.Source{
		Protocol: s.cfg.Role.Proto(), Remote: s.remote, ReverseName: s.name, Helo: s.heloName, Extended: s.ehloSaid,
		TLS: s.tls, Account: s.id.Account, Login: s.id.Login, Trusted: s.trusted(),
	}
}
