package pop3d

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// cmdCapa is CAPA (RFC 2449 section 5).
func cmdCapa(_ context.Context, s *session, _ []byte) error {
	s.out = pop3.AppendOK(s.out[:0], text.Say(s.lang, text.POP3Capabilities))
	for _, c := range s.capabilities() {
		s.out = append(append(s.out, c...), "\r\n"...)
	}
	s.out = append(s.out, pop3.EndOfList...)
	s.send()
	return nil
}

func (s *session) capabilities() []string {
	c := []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "UTF8 USER", "LANG", "IMPLEMENTATION Posthorn"}
	if s.mayLogIn() {
		c = append(c, "USER", "SASL "+strings.Join(sasl.Mechanisms(s.channel()), " "))
	}
	if s.maySTLS() {
		c = append(c, "STLS")
	}
	if d := s.srv.Limits.LoginDelay; d > 0 {
		c = append(c, "LOGIN-DELAY "+strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10))
	}
	return c
}
