package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// bdat takes the message in counted chunks (RFC 3030). One call serves all of them: intake reads from a stream that, at a
// chunk's end, goes on with the session until the next BDAT.
func (s *session) bdat(ctx context.Context, args []byte) error {
	size, last, err := s.parseBdat(args)
	if err != nil {
		return err
	}
	first := s.conn.Exactly(size)
	if s.tx.chunks || !s.readyForContent() {
		// The chunk is on its way already and is no command.
		if s.tx.chunks {
			s.badSequence("A chunk within a chunk")
		}
		return first.Skip()
	}
	s.tx.chunks = true
	c := &chunks{s: s, ctx: ctx, chunk: first, last: last, total: size}
	content := io.Reader(c)
	if s.tx.env.Body != mail.BodyBinary {
		content = line.NewStrictReader(c)
	}
	w := &watched{r: content}
	receipt, err := s.tx.t.Body(ctx, w)
	switch {
	case line.IsBareNewline(w.err):
		return s.refuseNewline(w.err, func(int64) error { return c.chunk.Skip() })
	case errors.Is(w.err, errBrokenOff):
		s.reset() // the command that did it is pending
		return nil
	case w.err != nil && !errors.Is(w.err, io.EOF):
		return w.err
	}
	if err := c.chunk.Skip(); err != nil {
		return err
	}
	if err == nil && w.err == nil {
		err = errNotRead
	}
	if err != nil && !bool(c.last) {
		s.refuse(obs.StageData, mail.Address{}, err) // one reply, in LMTP too: only the last chunk's are by recipient
		s.reset()
		return nil
	}
	s.settle(receipt, err)
	return nil
}

// parseBdat reads the arguments. If they are wrong, nobody knows how many bytes of content follow; if they are far too many,
// nobody wants them: then the session ends.
func (s *session) parseBdat(args []byte) (int64, smtp.Last, error) {
	size, last, err := smtp.ParseBdat(args)
	if err != nil {
		s.refuse(obs.StageConnect, mail.Address{}, err)
		return 0, false, errEnd
	}
	if size > s.cfg.Limits.Drain {
		s.refuse(obs.StageData, mail.Address{}, mail.Refuse(mail.KindTooLarge, "Chunk far too large, closing connection"))
		return 0, false, errEnd
	}
	return size, last, nil
}

// errBrokenOff means that something else came where the next BDAT was due, and there is no message.
var errBrokenOff = errors.New("smtpd: the client broke the message off")

// chunks is the content of all BDATs of a message.
type chunks struct {
	s     *session
	ctx   context.Context //nolint:containedctx // of the command that the stream lives in; io.Reader has no other way
	chunk *line.ExactReader
	last  smtp.Last
	total int64
}

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	for {
		n, err := c.chunk.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if c.last {
			return 0, io.EOF
		}
		c.s.reply(smtp.Say(250, "2.0.0", fmt.Sprintf("%d octets received", c.total)))
		if err := c.next(); err != nil {
			return 0, err
		}
	}
}

// next goes on with the session until the next chunk begins.
func (c *chunks) next() error {
	for {
		l, err := c.s.readLine()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF // the end of the connection is not the end of the message
		}
		if err != nil {
			return err
		}
		switch verb, args := smtp.ParseCommand(l); verb {
		case smtp.VerbBdat:
			c.s.commands++
			if c.s.commands > c.s.cfg.Limits.Commands {
				return c.s.tooMuch("Too many commands")
			}
			return c.begin(args)
		case smtp.VerbRset, smtp.VerbEhlo, smtp.VerbHelo, smtp.VerbLhlo, smtp.VerbQuit:
			c.s.pending = append([]byte{}, l...)
			return errBrokenOff
		default: // refused by its own file, where it makes no sense in the middle of a message
			if err := c.s.command(c.ctx, l); err != nil {
				return err
			}
		}
	}
}

func (c *chunks) begin(args []byte) error {
	size, last, err := c.s.parseBdat(args)
	if err != nil {
		return err
	}
	if size > math.MaxInt64-c.total {
		return errBrokenOff
	}
	c.total += size
	c.chunk, c.last = c.s.conn.Exactly(size), last
	return nil
}
