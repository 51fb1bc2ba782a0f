package intake

import (
	"context"
	"io"
	"math"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Origin says what a message of our own is.
type Origin struct {
	Protocol obs.Proto      // obs.ProtoNotice or obs.ProtoLocal
	Account  mail.AccountID // in whose name; zero for the server's own
	About    mail.MessageID // for a notice: the message it is about
}

// Inject takes in a message that Posthorn wrote itself: complete, with CRLF, written by body in pieces. The checks on strangers
// do not apply. What join adds is part of the one commit; after a conflict it is called again with a fresh batch. An error
// of body or join drops everything, and is returned wrapped.
func (in *Intake) Inject(
	ctx context.Context, env mail.Envelope, origin Origin, body func(w io.Writer) error,
	join func(b *store.Batch, id mail.MessageID) error,
) (Receipt, error) {
	now := in.o.Clock.Now()
	id := mail.MessageID{ID: mail.NewID(now)}
	t := in.Begin(Source{Protocol: origin.Protocol, Account: origin.Account})
	t.env = env
	t.env.Recipients = nil
	for _, r := range env.Recipients {
		found, err := in.findOwn(ctx, r)
		if err != nil {
			return Receipt{}, err
		}
		t.to = append(t.to, found)
	}
	if len(t.to) == 0 {
		return Receipt{}, mail.Refuse(mail.KindSyntax, "no recipient")
	}
	pr, pw := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = pw.CloseWithError(body(pw)) // never fails
	}()
	defer func() {
		_ = pr.Close() // never fails; ends body if it still writes
		<-written
	}()
	buf := in.buffer()
	defer in.release(buf)
	arrived, err := readHeader(buf, pr, math.MaxInt64) // a notice may be larger than the message it brings back
	if err != nil {
		return Receipt{}, err
	}
	arrived.header = arrived.header.Without("Return-Path")
	arrived.trace, arrived.key = t.trace(buf.top[:0], id, now), t.src.key()
	st, err := in.stage(ctx, arrived)
	if err != nil {
		return Receipt{}, err
	}
	m := accepted{id: id, at: now, src: &t.src, env: &t.env, to: t.to, staged: st, about: origin.About}
	return in.commit(ctx, &m, join)
}

// findOwn is find for messages of our own: no quota stops them, and they may go anywhere.
func (in *Intake) findOwn(ctx context.Context, r mail.Recipient) (recipient, error) {
	res, err := in.o.Directory.Resolve(ctx, r.Address)
	if err != nil {
		return recipient{}, err
	}
	if !res.Ours {
		return recipient{given: r, remotes: []mail.Address{r.Address}}, nil
	}
	return recipient{given: r, ours: true, locals: res.Locals, remotes: res.Remotes, via: res.Via}, nil
}

// protocolName is a protocol as journeys name it.
func protocolName(p obs.Proto) string {
	switch p {
	case obs.ProtoSubmission:
		return "Submission"
	case obs.ProtoLocal, obs.ProtoNotice:
		return string(p)
	}
	return strings.ToUpper(string(p))
}
