package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// states says in which of RFC 1939's states a command may be given.
type states uint8

const (
	authorization states = 1 << iota
	transaction

	anyState = authorization | transaction
)

// command runs a command. It responds itself; an error ends the session.
type command struct {
	in  states
	run func(ctx context.Context, s *session, arg []byte) error
}

// commands is every command there is.
var commands = [pop3.VerbCount]command{
	pop3.User: {authorization, cmdUser},
	pop3.Pass: {authorization, cmdPass},
	pop3.Auth: {authorization, cmdAuth},
	pop3.Stls: {authorization, cmdStls},
	pop3.UTF8: {authorization, cmdUTF8},
	pop3.Capa: {anyState, cmdCapa},
	pop3.Lang: {anyState, cmdLang},
	pop3.Quit: {anyState, cmdQuit},
	pop3.Stat: {transaction, cmdStat},
	pop3.List: {transaction, cmdList},
	pop3.Uidl: {transaction, cmdUidl},
	pop3.Retr: {transaction, cmdRetr},
	pop3.Top:  {transaction, cmdTop},
	pop3.Dele: {transaction, cmdDele},
	pop3.Rset: {transaction, cmdRset},
	pop3.Noop: {transaction, cmdNoop},
}

func (s *session) state() states {
	if s.drop == nil {
		return authorization
	}
	return transaction
}

// command runs the command of a line.
func (s *session) command(ctx context.Context, l []byte) error {
	verb, arg := pop3.ParseCommand(l)
	c := commands[verb]
	switch {
	case c.run == nil:
		s.wrong(text.POP3Unknown)
	case c.in&s.state() == 0 && s.drop == nil:
		s.wrong(text.POP3LoginFirst)
	case c.in&s.state() == 0:
		s.wrong(text.POP3NotNow)
	default:
		if verb != pop3.Pass {
			defer s.forgetUser(verb)
		}
		if err := c.run(ctx, s, arg); err != nil {
			return err
		}
	}
	return s.enough()
}

// forgetUser makes PASS follow USER at once (RFC 1939 section 7).
func (s *session) forgetUser(v pop3.Verb) {
	if v != pop3.User {
		s.user = ""
	}
}
