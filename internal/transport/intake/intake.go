package intake

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/screen"
)

// Options is what an Intake is built with. Store, Mailbox, Directory, Queue and Hostname are required.
type Options struct {
	Store     store.Store
	Mailbox   *mailbox.Service
	Directory *directory.Directory
	Queue     *queue.Queue
	Journeys  *journey.Journeys // hears of events when they are durable; may be nil
	Resolver  resolve.Resolver  // for refusing recipients without a mail server at once; nil: none is refused
	// Routed tells of domains that are reached by a route of the configuration, whatever the DNS says of them (route.Router.Routed);
	// nil: none is.
	Routed   func(mail.Domain) bool
	Hostname mail.Domain // ours, in Received fields and message ids
	Limits   Limits
	Client   ClientTrace
	// SendLimit bounds the recipients elsewhere that one account may write to in a day, if the account has no bound of its own;
	// 0 is no bound.
	SendLimit int
	// Room is the memory for large headers and many parts of messages on their way in; it may be shared. Nil is no bound.
	Room *limit.Room
	// Work is where messages of very many parts wait for each other; it may be shared. Nil: one of its own.
	Work *limit.Work
	// Lane is where strangers' messages are read, a few at a time. Nil: one of its own.
	Lane    *limit.Lane
	Checks  []screen.Check // nil: screen.Standard
	Clock   clock.Clock
	Log     *slog.Logger
	MailLog *obs.MailLog
}

// Limits bound a message.
type Limits struct {
	MaxSize       int64 // bytes; 0 means 50 MiB
	MaxRecipients int   // 0 means 100
}

// ClientTrace says whether the Received field of a submitted message tells the author's own address and program.
type ClientTrace uint8

// The traces.
const (
	ShowClient ClientTrace = iota
	HideClient
)

// Intake takes messages in. It is safe for many goroutines.
type Intake struct {
	o       Options
	sent    *queue.Allowance
	buffers sync.Pool // of *buffer
}

// New makes an Intake.
func New(o Options) *Intake {
	if o.Limits.MaxSize <= 0 {
		o.Limits.MaxSize = 50 << 20
	}
	if o.Limits.MaxRecipients <= 0 {
		o.Limits.MaxRecipients = 100
	}
	if o.Checks == nil {
		o.Checks = screen.Standard()
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = obs.Discard()
	}
	if o.Work == nil {
		o.Work = limit.NewWork()
	}
	if o.Lane == nil {
		o.Lane = limit.NewLane()
	}
	in := &Intake{o: o, sent: queue.NewAllowance(o.Clock)}
	in.buffers.New = func() any { return &buffer{r: bufio.NewReaderSize(nil, piece)} }
	return in
}

// Limits are for a server to announce.
func (in *Intake) Limits() Limits { return in.o.Limits }

// Transaction is one message on its way in. It is used by one goroutine, in the order Begin, From, To..., Body.
type Transaction struct {
	in  *Intake
	src Source
	env mail.Envelope
	to  []recipient
	// reached is how many accounts and addresses the recipients mean.
	reached int
}

// Begin starts a transaction. It does no I/O.
func (in *Intake) Begin(src Source) *Transaction { return &Transaction{in: in, src: src} }

// From takes the envelope's sender and parameters; env.Recipients is ignored. It fails with KindLoginNeeded on submission
// without a login, KindSenderNotYours, KindTooLarge by the size declared, or KindNeedsUTF8.
func (t *Transaction) From(ctx context.Context, env mail.Envelope) error {
	t.Reset()
	switch {
	case t.src.Protocol == obs.ProtoSubmission && t.src.Account.IsZero():
		return mail.Refuse(mail.KindLoginNeeded, "please log in first")
	case env.Size > t.in.o.Limits.MaxSize:
		return tooLarge(t.in.o.Limits.MaxSize)
	case env.From.NeedsUTF8() && !env.UTF8:
		return mail.Refuse(mail.KindNeedsUTF8, "this sender's address needs SMTPUTF8")
	case !env.HoldUntil.IsZero() && !t.src.mayRelay():
		return mail.Refuse(mail.KindUnsupported, "only our own people may ask for a later delivery")
	}
	if t.src.submits() {
		if err := t.maySend(ctx, env.From); err != nil {
			return err
		}
	}
	t.env = env
	t.env.Recipients = nil
	return nil
}

// maySend holds a login to the addresses it owns, and to still being one: its session may be older than what an admin decided.
func (t *Transaction) maySend(ctx context.Context, from mail.Address) error {
	account, err := t.in.o.Directory.Account(ctx, t.src.Account)
	switch {
	case err != nil:
		return err
	case account.Status != directory.Active:
		return mail.Refuse(mail.KindDisabled, "this account is switched off")
	}
	return t.in.o.Directory.MaySend(ctx, t.src.Account, from)
}

// To takes one recipient. It fails with KindNoSuchUser, KindRelayDenied, KindOverQuota, KindNoSuchDomain, KindNoMail,
// KindNeedsUTF8, KindTooManyRecipients and others; the transaction goes on without that recipient.
func (t *Transaction) To(ctx context.Context, r mail.Recipient) error {
	if len(t.to) >= t.in.o.Limits.MaxRecipients {
		return mail.Refusef(mail.KindTooManyRecipients, "at most %d recipients", t.in.o.Limits.MaxRecipients)
	}
	if r.Address.NeedsUTF8() && !t.env.UTF8 {
		return mail.Refuse(mail.KindNeedsUTF8, "this recipient's address needs SMTPUTF8")
	}
	found, err := t.in.find(ctx, &t.src, r, t.env.Size)
	if err != nil {
		return err
	}
	// Groups that each have thousands of members must not add up; one alone may be as large as the directory lets it.
	if n := len(found.locals) + len(found.remotes); len(t.to) > 0 && t.reached+n > maxReached {
		return mail.Refuse(mail.KindTooManyRecipients, "too many people behind the recipients so far, please send to the rest separately")
	}
	t.reached += len(found.locals) + len(found.remotes)
	t.to = append(t.to, found)
	return nil
}

// maxReached bounds the accounts and addresses that a message's recipients mean.
const maxReached = 10_000

// Body takes the content, reading r to its end, and makes the one commit. If it returns nil, the message is durable with
// all that is to become of it. An error of r (the client went away) drops everything. On a refusal r may not have been read to its
// end.
func (t *Transaction) Body(ctx context.Context, r io.Reader) (Receipt, error) {
	if len(t.to) == 0 {
		return Receipt{}, mail.Refuse(mail.KindSyntax, "no recipient")
	}
	now := t.in.o.Clock.Now()
	id := mail.MessageID{ID: mail.NewID(now)}
	buf := t.in.buffer()
	defer t.in.release(buf)
	buf.room = t.holding()
	defer buf.room.lease.Release()
	if !t.src.mayRelay() { // our own people do not stand in line with strangers
		buf.place = t.in.o.Lane.Place()
	}
	defer buf.place.Leave()
	buf.meter = metered{t.plainReader(r), &buf.room, &buf.place}
	arrived, err := readHeader(buf, &buf.meter, t.in.o.Limits.MaxSize)
	if err != nil {
		return Receipt{}, err
	}
	buf.place.Leave()
	buf.room.found, buf.room.header = true, int64(arrived.header.Size())
	if t.env.Body == mail.BodyBinary && arrived.header.BareNewline() {
		return Receipt{}, mail.Refuse(mail.KindBadContent, "a header's lines end with CRLF, in a binary message too")
	}
	verdict, err := t.screen(ctx, arrived.header)
	if err != nil {
		return Receipt{}, err
	}
	if err := t.checkLoop(arrived.header); err != nil {
		return Receipt{}, err
	}
	if arrived.header, err = t.complete(ctx, arrived.header, id, now); err != nil {
		return Receipt{}, err
	}
	arrived.trace, arrived.key = t.trace(buf.top[:0], id, now), t.src.key()
	staged, err := t.in.stage(ctx, arrived)
	if err != nil {
		return Receipt{}, err
	}
	if err := t.checkRoom(ctx, staged.summary.Size); err != nil {
		staged.abort()
		return Receipt{}, err
	}
	m := accepted{id: id, at: now, src: &t.src, env: &t.env, to: t.to, staged: staged, verdict: verdict}
	return t.in.commit(ctx, &m, nil)
}

// Reset forgets sender and recipients (RSET); the source stays.
func (t *Transaction) Reset() { t.env, t.to, t.reached = mail.Envelope{}, nil, 0 }

// Receipt is what the client is told after the commit.
type Receipt struct {
	ID         mail.MessageID
	Size       int64 // as stored
	Recipients []RecipientResult
}

// RecipientResult is what became of one recipient, in the order of To; for LMTP, which answers for each (RFC 2033 section
// 4.2). Err is nil: a recipient who cannot be served is refused in To.
type RecipientResult struct {
	Address mail.Address
	Err     error
}

func tooLarge(most int64) *mail.Fault {
	return mail.Refusef(mail.KindTooLarge, "the message is larger than %d bytes", most)
}
