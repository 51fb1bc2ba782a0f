package imapd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// cmdAppend is APPEND (RFC 9051 section 6.3.12, RFC 4315, RFC 7889). The message is streamed into the store while it
// arrives; it is refused before that where it can be.
func cmdAppend(ctx context.Context, s *session, c *imap.Command) (done, error) {
	args, err := c.Parser(s.enc).Append()
	if c.Message == nil {
		if err == nil {
			err = bad("expected the message as a literal")
		}
		return done{}, err
	}
	lit := *c.Message
	var mb mailbox.Mailbox
	if err == nil {
		mb, err = s.appendTarget(ctx, args, lit)
	}
	if err != nil {
		if gone := s.r.Refuse(lit); gone != nil {
			return done{}, &lost{gone}
		}
		return done{}, err
	}
	staged, summary, err := s.stage(ctx, lit)
	if _, isLost := errors.AsType[*lost](err); isLost {
		return done{}, err
	}
	tail, tailErr := s.appendTail(args)
	if err == nil {
		err = tailErr
	}
	if tail != nil {
		return done{}, tail
	}
	if err != nil {
		return done{}, err
	}
	got, err := s.account.Append(ctx, mailbox.Append{
		Mailboxes: []mail.MailboxID{mb.ID}, Flags: args.Flags.System, Keywords: args.Flags.Keywords, Received: args.Date,
		Blob: staged.Ref(), Summary: summary,
	}, staged)
	if err != nil {
		return done{}, tryCreate(err)
	}
	return done{code: fmt.Sprintf("APPENDUID %d %d", got.Places[0].UIDValidity, got.Places[0].UID)}, nil
}

// appendTarget finds the mailbox, and refuses what cannot go there.
func (s *session) appendTarget(ctx context.Context, args imap.Append, lit imap.Literal) (mailbox.Mailbox, error) {
	if args.UTF8 && s.enc != imap.UTF8 {
		return mailbox.Mailbox{}, bad("UTF8 needs ENABLE UTF8=ACCEPT")
	}
	if lit.Size == 0 {
		return mailbox.Mailbox{}, no("CANNOT", "a message is not empty")
	}
	if lit.Size > s.srv.Limits.MaxMessage {
		return mailbox.Mailbox{}, no("TOOBIG", "message is too large")
	}
	mb, err := s.account.ByPath(ctx, args.Mailbox)
	if err != nil {
		return mb, tryCreate(err)
	}
	return mb, s.srv.Mailboxes.CheckQuota(ctx, s.account.ID(), lit.Size)
}

// tryCreate tells a client that creating the mailbox would help (RFC 9051 section 7.1, "TRYCREATE").
func tryCreate(err error) error {
	if mail.IsKind(err, mail.KindNotFound) {
		return no("TRYCREATE", "there is no such mailbox")
	}
	return err
}

// copySize is how much of a message is on its way into the store at once.
const copySize = 32 << 10

// stage streams a message into the store. Whatever goes wrong there, the message is read to its end.
func (s *session) stage(ctx context.Context, lit imap.Literal) (store.StagedBlob, *message.Summary, error) {
	body, err := s.r.Message(lit)
	if err != nil {
		return nil, nil, &lost{err}
	}
	var scan message.Scanner
	w := s.srv.Store.Stage(ctx)
	in := &keepError{r: body}
	buf := s.srv.copies.Get().(*[copySize]byte)
	lease := s.srv.Room.Lease(limit.Whole)
	defer lease.Release()
	_, err = io.CopyBuffer(io.MultiWriter(w, &described{&scan, &lease}), in, buf[:])
	s.srv.copies.Put(buf)
	if in.err != nil {
		w.Abort()
		return nil, nil, &lost{in.err}
	}
	if err != nil {
		w.Abort()
		if _, drainErr := io.Copy(io.Discard, body); drainErr != nil {
			return nil, nil, &lost{drainErr}
		}
		return nil, nil, fmt.Errorf("stage a message: %w", err)
	}
	staged, err := w.Finish()
	if err != nil {
		return nil, nil, fmt.Errorf("finish a staged message: %w", err)
	}
	return staged, scan.Close(), nil
}

// freeRoom is what every message may cost in memory, however little room there is.
const freeRoom = 64 << 10

// described is the Scanner, as long as there is room for what it finds.
type described struct {
	*message.Scanner
	lease *limit.Lease
}

func (d *described) Write(p []byte) (int, error) {
	n, err := d.Scanner.Write(p)
	if !d.lease.Grow(int64(d.Memory()) - freeRoom) {
		return n, mail.Refuse(mail.KindTooMany, "too much mail is arriving at once, please try again later")
	}
	return n, err
}

// keepError tells an error of reading from one of writing.
type keepError struct {
	r   io.Reader
	err error
}

func (k *keepError) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	return n, err
}

// appendTail takes the end of the command. MULTIAPPEND is not offered: a second message is refused.
func (s *session) appendTail(args imap.Append) (connection, command error) {
	tail, err := s.r.ReadTail()
	if _, ok := errors.AsType[*imap.SyntaxError](err); ok {
		return nil, err
	}
	if err != nil {
		return &lost{err}, nil
	}
	if tail.Message != nil {
		if err := s.r.Refuse(*tail.Message); err != nil {
			return &lost{err}, nil
		}
		return nil, bad("one message at a time")
	}
	return nil, tail.Parser(s.enc).AppendEnd(args)
}
