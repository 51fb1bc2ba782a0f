package pop3d

import (
	"context"
	"strconv"
)

// cmdStat is STAT (RFC 1939 section 5).
func cmdStat(_ context.Context, s *session, _ []byte) error {
	s.out = append(s.out[:0], "+OK "...)
	s.out = strconv.AppendInt(s.out, int64(s.drop.messages), 10)
	s.out = append(s.out, ' ')
	s.out = strconv.AppendInt(s.out, s.drop.octets, 10)
	s.out = append(s.out, "\r\n"...)
	s.send()
	return nil
}
