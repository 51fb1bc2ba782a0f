package pop3d

import (
	"context"
	"strconv"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdList is LIST (RFC 1939 section 5): sizes.
func cmdList(ctx context.Context, s *session, arg []byte) error {
	return s.listing(ctx, arg, func(dst []byte, m mailbox.Message) []byte {
		return strconv.AppendInt(dst, m.Size, 10)
	})
}

// cmdUidl is UIDL (RFC 1939 section 7): unique-ids.
func cmdUidl(ctx context.Context, s *session, arg []byte) error {
	return s.listing(ctx, arg, func(dst []byte, m mailbox.Message) []byte {
		return append(dst, m.EmailID.String()...)
	})
}

// listing responds with a line for one message, or for each.
func (s *session) listing(ctx context.Context, arg []byte, what func(dst []byte, m mailbox.Message) []byte) error {
	n, err := pop3.OptionalNumber(arg)
	if err != nil {
		return s.wrong(text.POP3BadArgument)
	}
	entry := func(dst []byte, n int, m mailbox.Message) []byte {
		dst = append(strconv.AppendInt(dst, int64(n), 10), ' ')
		return append(what(dst, m), "\r\n"...)
	}
	if n > 0 {
		m, ok := s.drop.message(n)
		if !ok {
			s.err(pop3.NoCode, text.POP3NoSuchMessage)
			return nil
		}
		s.out = entry(append(s.out[:0], "+OK "...), n, m)
		s.send()
		return nil
	}
	const piece = 4 << 10
	s.out = pop3.AppendOK(s.out[:0], text.Say(s.lang, text.POP3Messages, s.drop.messages, s.drop.octets))
	err = s.drop.each(ctx, func(n int, m mailbox.Message) bool {
		if s.out = entry(s.out, n, m); len(s.out) >= piece {
			s.send()
			s.out = s.out[:0]
		}
		return true
	})
	if err != nil {
		return err // in the middle of a response, nothing else can be said
	}
	s.out = append(s.out, pop3.EndOfList...)
	s.send()
	return nil
}
