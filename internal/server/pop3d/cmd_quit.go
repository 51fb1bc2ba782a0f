package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// cmdQuit is QUIT (RFC 1939 section 6): what is marked is removed, and then the session is over. If it cannot be removed, nothing is.
func cmdQuit(ctx context.Context, s *session, _ []byte) error {
	if s.drop == nil {
		s.ok(text.POP3Bye)
		return errEnd
	}
	// What was asked for in the same breath goes out first: nothing is removed for a client that is known to be gone.
	if err := s.conn.Flush(); err != nil {
		return err
	}
	n, err := s.drop.update(ctx)
	if err != nil {
		s.fail("remove deleted messages", err)
		return errEnd
	}
	if n > 0 {
		s.srv.MailLog.Removed(s.logSession(), n)
	}
	s.ok(text.POP3Bye)
	return errEnd
}
