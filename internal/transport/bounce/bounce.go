package bounce

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// fullUpTo is the size up to which a failed message comes back whole if its author did not say (RFC 3461 section 4.3).
const fullUpTo = 64 << 10

// Options is what a Bouncer is built with. Store, Intake and Hostname are required.
type Options struct {
	Store    store.Store
	Intake   *intake.Intake
	Hostname mail.Domain // ours: it reports, and notices come from mailer-daemon there
	// Postmaster is whom authors are sent to with what they cannot mend; zero: postmaster at Hostname.
	Postmaster mail.Address
	Clock      clock.Clock
	Log        *slog.Logger
}

// Bouncer writes notices. It is the queue's Notifier and the intake's.
type Bouncer struct{ o Options }

// New makes a Bouncer.
func New(o Options) *Bouncer {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = obs.Discard()
	}
	if o.Postmaster.IsNull() {
		o.Postmaster = mail.Address{Local: "postmaster", Domain: o.Hostname}
	}
	return &Bouncer{o: o}
}

// Notify implements queue.Notifier.
func (bn *Bouncer) Notify(ctx context.Context, n queue.Notice, join func(b *store.Batch, notice mail.MessageID) error) error {
	if n.Message.From.IsNull() || len(n.About) == 0 {
		return mail.Refuse(mail.KindPolicy, "there is no notice about a notice")
	}
	orig, err := bn.open(ctx, n.Message)
	if err != nil {
		return fmt.Errorf("read the message a notice is about: %w", err)
	}
	defer orig.close()
	nt := bn.notice(n, orig)
	env := mail.Envelope{
		Recipients: []mail.Recipient{{Address: n.Message.From, Notify: mail.NotifyNever}},
		UTF8:       nt.utf8, Body: n.Message.Body,
	}
	origin := intake.Origin{Protocol: obs.ProtoNotice, About: n.Message.ID}
	_, err = bn.o.Intake.Inject(ctx, env, origin, nt.write, join)
	return err
}

// original is the message a notice is about.
type original struct {
	blob   store.Blob // nil if it is gone
	body   *io.SectionReader
	header message.Header
}

// open reads the message's header. A message whose bytes are gone is no reason to tell its author nothing.
func (bn *Bouncer) open(ctx context.Context, m *queue.Message) (*original, error) {
	blob, err := bn.o.Store.OpenBlob(ctx, m.Blob.ID)
	if errors.Is(err, store.ErrNoBlob) {
		bn.o.Log.Warn("a notice without the message it is about", "id", m.ID.String())
		return &original{}, nil
	}
	if err != nil {
		return nil, err
	}
	o := &original{blob: blob, body: io.NewSectionReader(blob, m.Skip, max(0, blob.Size()-m.Skip))}
	o.header, err = message.ReadHeader(bufio.NewReader(io.NewSectionReader(o.body, 0, o.body.Size())))
	if err != nil && !errors.Is(err, message.ErrHeaderTooLarge) {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *original) close() {
	if o.blob != nil {
		_ = o.blob.Close() // only read from
	}
}

// notice is one notice being written.
type notice struct {
	bn    *Bouncer
	n     queue.Notice
	orig  *original
	kind  queue.Action // the worst of its recipients
	langs [2]text.Lang // the author's first
	utf8  bool         // it needs SMTPUTF8 (RFC 6533)
	full  bool         // the message comes back whole
}

func (bn *Bouncer) notice(n queue.Notice, orig *original) *notice {
	nt := &notice{bn: bn, n: n, orig: orig, kind: worst(n.About), langs: languages(n.Message), utf8: n.Message.UTF8}
	if nt.utf8 {
		nt.utf8 = holdsUTF8(n, orig)
	}
	small := orig.blob != nil && orig.body.Size() <= fullUpTo
	// A message that asked for TLS all the way must not go back without it (RFC 8689 section 5).
	nt.full = nt.kind == queue.ActionFailed && orig.blob != nil && n.Message.Body != mail.BodyBinary && !n.Message.RequireTLS &&
		(n.Message.Return == mail.ReturnFull || n.Message.Return == mail.ReturnDefault && small)
	return nt
}

// worst is what the subject tells when recipients fared differently.
func worst(about []queue.Outcome) queue.Action {
	rank := func(a queue.Action) int {
		switch a {
		case queue.ActionFailed:
			return 2
		case queue.ActionDelayed:
			return 1
		}
		return 0
	}
	out := about[0].Action
	for _, o := range about {
		if rank(o.Action) > rank(out) {
			out = o.Action
		}
	}
	return out
}

// languages puts the author's language first. Of a stranger only the country may be known, by the address.
func languages(m *queue.Message) [2]text.Lang {
	first := m.Lang
	if m.Account.IsZero() {
		first = text.EN
		for _, tld := range [...]string{".de", ".at", ".ch", ".li"} {
			if strings.HasSuffix(string(m.From.Domain), tld) {
				first = text.DE
			}
		}
	}
	if first == text.DE {
		return [2]text.Lang{text.DE, text.EN}
	}
	return [2]text.Lang{text.EN, text.DE}
}

// holdsUTF8 reports whether what the notice must hold cannot be written in ASCII.
func holdsUTF8(n queue.Notice, orig *original) bool {
	if n.Message.From.NeedsUTF8() {
		return true
	}
	for _, o := range n.About {
		if o.Recipient.Address.NeedsUTF8() {
			return true
		}
	}
	return has8Bit(orig.header)
}
