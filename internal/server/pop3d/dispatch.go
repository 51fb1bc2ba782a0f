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

// arguments says whether a command has any.
type arguments uint8

const (
	none arguments = iota
	some
)

// command is when and how a command runs. It responds itself; an error ends the session.
type command struct {
	in   states
	args arguments
	run  func(ctx context.Context, s *session, arg []byte) error
}

// commands is every command there is.
var commands = [pop3.VerbCount]command{
	pop3.User: {authorization, some, cmdUser},
	pop3.Pass: {authorization, some, cmdPass},
	pop3.Auth: {authorization, some, cmdAuth},
	pop3.Stls: {authorization, none, cmdStls},
	pop3.UTF8: {authorization, none, cmdUTF8},
	pop3.Capa: {anyState, none, cmdCapa},
	pop3.Lang: {anyState, some, cmdLang},
	pop3.Quit: {anyState, none, cmdQuit},
	pop3.Stat: {transaction, none, cmdStat},
	pop3.List: {transaction, some, cmdList},
	pop3.Uidl: {transaction, some, cmdUidl},
	pop3.Retr: {transaction, some, cmdRetr},
	pop3.Top:  {transaction, some, cmdTop},
	pop3.Dele: {transaction, some, cmdDele},
	pop3.Rset: {transaction, none, cmdRset},
	pop3.Noop: {transaction, none, cmdNoop},
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
		return s.wrong(text.POP3Unknown)
	case c.in&s.state() == 0 && s.drop == nil:
		return s.wrong(text.POP3LoginFirst)
	case c.in&s.state() == 0:
		return s.wrong(text.POP3NotNow)
	case c.args == none && pop3.Empty(arg) != nil:
		return s.wrong(text.POP3BadArgument)
	}
	if verb != pop3.Pass {
		defer s.forgetUser(verb)
	}
	return c.run(ctx, s, arg)
}

// forgetUser makes PASS follow USER at once (RFC 1939 section 7).
func (s *session) forgetUser(v pop3.Verb) {
	if v != pop3.User {
		s.user = ""
	}
}
