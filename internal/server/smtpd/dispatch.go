package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// command runs one verb: it replies, and returns an error only if the session is to end (errEnd if all is said).
type command func(s *session, ctx context.Context, args []byte) error

// commands is every verb we know; the file is named after it.
var commands = [smtp.NumVerbs]command{
	smtp.VerbUnknown:  (*session).unknown,
	smtp.VerbHelo:     (*session).helo,
	smtp.VerbEhlo:     (*session).ehlo,
	smtp.VerbLhlo:     (*session).lhlo,
	smtp.VerbMail:     (*session).mail,
	smtp.VerbRcpt:     (*session).rcpt,
	smtp.VerbData:     (*session).data,
	smtp.VerbBdat:     (*session).bdat,
	smtp.VerbRset:     (*session).rset,
	smtp.VerbNoop:     (*session).noop,
	smtp.VerbQuit:     (*session).quit,
	smtp.VerbVrfy:     (*session).vrfy,
	smtp.VerbExpn:     (*session).expn,
	smtp.VerbHelp:     (*session).help,
	smtp.VerbStartTLS: (*session).startTLS,
	smtp.VerbAuth:     (*session).auth,
}
