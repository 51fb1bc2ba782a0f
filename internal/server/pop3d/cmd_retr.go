package pop3d

import (
	"context"
	"io"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
)

// cmdRetr is RETR (RFC 1939 section 5).
func cmdRetr(ctx context.Context, s *session, arg []byte) error {
	n, err := pop3.Number(arg)
	if err != nil {
		return s.wrong(text.POP3BadArgument)
	}
	m, ok := s.drop.message(n)
	if !ok {
		s.err(pop3.NoCode, text.POP3NoSuchMessage)
		return nil
	}
	sent, err := s.sendMessage(ctx, n, m, pop3.NewWriter(s.conn))
	if err != nil || !sent {
		return err
	}
	s.fetched = append(s.fetched, m.EmailID)
	s.group++
	if s.last++; s.last != n {
		s.last, s.group = n, 0
		return nil
	}
	if s.conn.Buffered() > 0 {
		return nil // more was asked for meanwhile: the answers to pipelined commands go out together (RFC 2449 section 6.6)
	}
	if err := s.conn.Flush(); err != nil {
		return err
	}
	s.drop.openAhead(ctx, n+1, s.group)
	s.group = 0
	return nil
}

// sendMessage responds with a message, as far as w wants it. An error means that the response broke off in the middle, so that the
// connection must end.
func (s *session) sendMessage(ctx context.Context, n int, m mailbox.Message, w *pop3.Writer) (sent bool, err error) {
	body, err := s.drop.open(ctx, n, m)
	if err != nil {
		s.fail("open a message", err)
		return false, nil
	}
	defer func() {
		if cerr := body.Close(); err == nil {
			err = cerr
		}
	}()
	s.ok(text.POP3Octets, body.Size())
	if err := s.copyMessage(ctx, body, w); err != nil {
		return false, err
	}
	return true, w.Close()
}

// copyMessage writes a body piece by piece, until w wants no more of it.
func (s *session) copyMessage(ctx context.Context, body io.ReaderAt, w *pop3.Writer) error {
	buf := s.srv.pieces.get()
	defer s.srv.pieces.put(buf)
	for off := int64(0); !w.Full(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := body.ReadAt(buf[:], off)
		if err != nil && err != io.EOF {
			s.srv.Log.Error("a message cannot be read", "account", s.id.Login, "err", err)
			return err
		}
		if off == 0 && !s.utf8 {
			header, bodyStart, err := headerFor(buf[:n], body)
			if err != nil {
				return err
			}
			if header != nil {
				if _, err := w.Write(header); err != nil {
					return err
				}
				off = bodyStart
				continue
			}
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if err != nil {
			return nil // the end
		}
		off += int64(n)
	}
	return nil
}
