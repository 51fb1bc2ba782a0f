package smtpd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// noop does nothing (RFC 5321 section 4.1.1.9); its argument is ignored.
func (s *session) noop(context.Context, []byte) error {
	s.reply(smtp.Say(250, "2.0.0", "OK"))
	return nil
}

// unknown answers what is no command. HTTP's are told apart: a browser was made to talk to us, and what follows is somebody's attack.
func (s *session) unknown(_ context.Context, line []byte) error {
	if isHTTP(string(line)) {
		s.reply(smtp.Say(554, "5.5.1", "This is a mail server"))
		return errEnd
	}
	s.wrong(smtp.Say(500, "5.5.1", "Unknown command"))
	return nil
}

func isHTTP(line string) bool {
	const mark = " HTTP/1."
	return len(line) > len(mark) && line[len(line)-len(mark)-1:len(line)-1] == mark
}
