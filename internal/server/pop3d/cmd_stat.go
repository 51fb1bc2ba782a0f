package pop3d

import (
	"context"
	"strconv"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdStat is STAT (RFC 1939 section 5).
func cmdStat(_ context.Context, s *session, arg []byte) error {
	if pop3.Empty(arg) != nil {
		s.wrong(text.POP3BadArgument)
		return nil
	}
	s.out = append(s.out[:0], "+OK "...)
	s.out = strconv.AppendInt(s.out, int64(s.drop.messages), 10)
	s.out = append(s.out, ' ')
	s.out = strconv.AppendInt(s.out, s.drop.octets, 10)
	s.out = append(s.out, "\r\n"...)
	s.send()
	return nil
}
