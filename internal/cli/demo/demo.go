package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// Ending says what happens after the story.
type Ending uint8

// The endings: stay up for trying it out until ctx ends, or end at once.
const (
	Stay Ending = iota
	Once
)

// Options of a demo.
type Options struct {
	Lang   text.Lang
	Out    io.Writer // the story
	Err    io.Writer // what goes wrong in the servers
	Ports  Ports
	Ending Ending
}

// Run plays the demo. It fails if anything did not arrive as it was sent.
func Run(ctx context.Context, o Options) (err error) {
	n, p := newNarrator(o.Out, o.Lang), newPeople()
	n.lines("", text.Say(o.Lang, text.DemoIntro))
	t, err := build(ctx, p, o.Ports, o.Lang, obs.NewLogger(o.Err, obs.FormatText, slog.LevelError)) // a slow disk is no part of the story
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	n.lines("", text.Say(o.Lang, text.DemoStarted, t.nord.host, t.sued.host, t.dns.Addr()))
	n.watch(t.nord)
	n.watch(t.sued)
	defer n.close()
	st := &story{town: t, people: p, narrator: n, lang: o.Lang}
	for _, chapter := range []func(context.Context) error{st.letter, st.reply, st.nobody} {
		if err := chapter(ctx); err != nil {
			n.lines("", "\n"+text.Say(o.Lang, text.DemoFailed)+"\n")
			return err
		}
	}
	n.lines("", "\n"+text.Say(o.Lang, text.DemoDone))
	if o.Ending == Once {
		return nil
	}
	st.settings()
	n.goLive()
	<-ctx.Done()
	return nil
}

// story is what the people do.
type story struct {
	*town
	*narrator
	people

	lang  text.Lang
	first letter
	seen  received // the first letter as Bärbel got it
}

// letter sends a message with an attachment to somebody elsewhere and to a colleague, and both read it.
func (st *story) letter(ctx context.Context) error {
	st.first = letter{
		from: st.anna, to: []mail.Address{st.baerbel.address, st.joern.address}, subject: text.Say(st.lang, text.DemoSubject),
		text: text.Say(st.lang, text.DemoLetter), attachment: newAttachment(), filename: text.Say(st.lang, text.DemoFilename),
	}
	raw, err := st.first.compose()
	if err != nil {
		return err
	}
	st.begin(text.DemoStepLetter, st.anna.name, st.baerbel.name, st.joern.name)
	id, err := st.submit(ctx, st.nord, byStartTLS, st.anna, st.first.to, raw)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	st.say(text.DemoAccepted, id)
	if err := st.arrive(ctx, id, st.nord, st.sued, st.baerbel); err != nil {
		return err
	}
	if _, err := st.await(ctx, st.nord, text.DemoNotStored, happened(journey.Stored, id, st.joern)); err != nil {
		return err
	}
	st.begin(text.DemoStepIMAP, st.baerbel.name)
	if st.seen, err = st.fetch(ctx, st.fetchIMAP, st.sued, st.baerbel, &st.first); err != nil {
		return err
	}
	st.begin(text.DemoStepPOP3, st.joern.name)
	_, err = st.fetch(ctx, st.fetchPOP3, st.nord, st.joern, &st.first)
	return err
}

// arrive waits until a message has gone from one server to the other and lies in a mailbox there.
func (st *story) arrive(ctx context.Context, id mail.MessageID, from, at *server, to person) error {
	if _, err := st.await(ctx, from, text.DemoNotRelayed, happened(journey.Relayed, id, to)); err != nil {
		return err
	}
	_, err := st.await(ctx, at, text.DemoNotStored, happened(journey.Stored, mail.MessageID{}, to))
	return err
}

// fetch reads the newest message and compares it with the letter.
func (st *story) fetch(ctx context.Context, how func(context.Context, *server, person) ([]byte, error), s *server, p person, want *letter) (received, error) {
	raw, err := how(ctx, s, p)
	if err != nil {
		return received{}, fmt.Errorf("fetch for %s: %w", p.address, err)
	}
	r, err := read(raw)
	if err == nil {
		err = want.check(r)
	}
	if err != nil {
		return received{}, fmt.Errorf("what %s fetched: %w", p.address, err)
	}
	if _, err := st.await(ctx, s, text.DemoNotFetched, happened(journey.Fetched, mail.MessageID{}, p)); err != nil {
		return received{}, err
	}
	st.say(text.DemoRead, r.subject, r.from)
	st.quote(r.text)
	if want.attachment != nil {
		st.say(text.DemoAttachment, r.filename, text.Size(st.lang, int64(len(r.attachment))))
	}
	return r, nil
}

// reply answers the letter, and its author reads the answer.
func (st *story) reply(ctx context.Context) error {
	l := letter{
		from: st.baerbel, to: []mail.Address{st.anna.address}, subject: "Re: " + st.first.subject, text: text.Say(st.lang, text.DemoReply),
		inReplyTo: st.seen.messageID,
	}
	raw, err := l.compose()
	if err != nil {
		return err
	}
	st.begin(text.DemoStepReply, st.baerbel.name)
	id, err := st.submit(ctx, st.sued, byImplicitTLS, st.baerbel, l.to, raw)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	st.say(text.DemoAccepted, id)
	if err := st.arrive(ctx, id, st.sued, st.nord, st.anna); err != nil {
		return err
	}
	st.begin(text.DemoStepPOP3, st.anna.name)
	_, err = st.fetch(ctx, st.fetchPOP3, st.nord, st.anna, &l)
	return err
}

// nobody writes to an address that does not exist, and reads the notice about it.
func (st *story) nobody(ctx context.Context) error {
	gone := mail.Address{Local: "niemand", Domain: suedDomain}
	l := letter{from: st.anna, to: []mail.Address{gone}, subject: text.Say(st.lang, text.DemoLostSubject), text: text.Say(st.lang, text.DemoLostLetter)}
	raw, err := l.compose()
	if err != nil {
		return err
	}
	st.begin(text.DemoStepNobody, st.anna.name, gone)
	id, err := st.submit(ctx, st.nord, byStartTLS, st.anna, l.to, raw)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	st.say(text.DemoAccepted, id)
	returned, err := st.await(ctx, st.nord, text.DemoNotReturned, happened(journey.Returned, id, person{address: gone}))
	if err != nil {
		return err
	}
	notice := returned.Event.Other
	if _, err := st.await(ctx, st.nord, text.DemoNotStored, happened(journey.Stored, notice, st.anna)); err != nil {
		return err
	}
	st.begin(text.DemoStepNotice, st.anna.name)
	rawNotice, err := st.fetchIMAP(ctx, st.nord, st.anna)
	if err != nil {
		return fmt.Errorf("fetch the notice: %w", err)
	}
	r, err := read(rawNotice)
	if err != nil {
		return fmt.Errorf("read the notice: %w", err)
	}
	if !strings.Contains(r.text, gone.String()) {
		return fmt.Errorf("the notice does not name %s: %q", gone, r.text)
	}
	st.say(text.DemoNotice, r.subject)
	st.quote(r.text)
	return nil
}
