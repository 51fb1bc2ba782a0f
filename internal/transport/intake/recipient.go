package intake

import (
	"cmp"
	"context"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

// lookupTime is how long a submission may wait for the DNS before the recipient is taken unseen.
const lookupTime = 2 * time.Second

// recipient is a recipient and who gets the message for it.
type recipient struct {
	given   mail.Recipient
	ours    bool
	locals  []directory.Local
	remotes []mail.Address
	via     []mail.Address
}

// find decides who gets the message for a recipient, or why it is refused.
func (in *Intake) find(ctx context.Context, src *Source, r mail.Recipient, size int64) (recipient, error) {
	res, err := in.o.Directory.Resolve(ctx, r.Address)
	if err != nil {
		return recipient{}, err
	}
	if !res.Ours {
		if err := in.checkRelay(ctx, src, r.Address); err != nil {
			return recipient{}, err
		}
		return recipient{given: r, remotes: []mail.Address{r.Address}}, nil
	}
	if err := in.checkQuota(ctx, res, size); err != nil {
		return recipient{}, err
	}
	return recipient{given: r, ours: true, locals: res.Locals, remotes: res.Remotes, via: res.Via}, nil
}

// checkRelay decides whether the client may send to somebody elsewhere. Only of people is it known that they are there to read
// a refusal, so only they are told at once that a domain takes no mail.
func (in *Intake) checkRelay(ctx context.Context, src *Source, to mail.Address) error {
	if !src.mayRelay() {
		return mail.Refuse(mail.KindRelayDenied, "this server does not carry mail for strangers to "+string(to.Domain))
	}
	if !src.submits() {
		return nil
	}
	if in.o.Resolver != nil && (in.o.Routed == nil || !in.o.Routed(to.Domain)) {
		look, cancel := context.WithTimeout(ctx, lookupTime)
		err := resolve.Deliverable(look, in.o.Resolver, to.Domain)
		cancel()
		if mail.IsKind(err, mail.KindNoSuchDomain) || mail.IsKind(err, mail.KindNoMail) {
			return err
		}
	}
	account, err := in.o.Directory.Account(ctx, src.Account)
	if err != nil {
		return err
	}
	l := queue.Limits{
		RecipientsPerHour: account.SendLimit.RecipientsPerHour,
		RecipientsPerDay:  cmp.Or(account.SendLimit.RecipientsPerDay, in.o.SendLimit),
	}
	if l == (queue.Limits{}) {
		return nil
	}
	if err := in.recall(ctx, src.Account); err != nil {
		return err
	}
	return in.sent.Take(src.Account, 1, l)
}

// recall has what an account sent before a restart counted. It is in the journeys, which the commits that accepted it have written: no
// row more is needed for a limit that a restart does not lift.
func (in *Intake) recall(ctx context.Context, account mail.AccountID) error {
	if in.o.Journeys == nil || in.sent.Knows(account) {
		return nil
	}
	var before []time.Time
	err := in.o.Journeys.Sent(ctx, account, in.o.Clock.Now().Add(-24*time.Hour), func(at time.Time, waited, expanded []string) {
		behind := in.behind(ctx, expanded)
		for _, a := range waited {
			// Those who are here wait in the queue where they are very many, or the message is for later.
			if !behind[a] && !in.today(ctx, a).Ours {
				before = append(before, at)
			}
		}
	})
	if err != nil {
		return mail.Failed(mail.KindUnavailable, "what this account has sent cannot be counted now, please try again later", err)
	}
	in.sent.Restore(account, before)
	return nil
}

// today is what an address means now; nothing if that cannot be said.
func (in *Intake) today(ctx context.Context, address string) directory.Resolution {
	a, err := mail.ParseAddress(address)
	if err != nil {
		return directory.Resolution{}
	}
	res, err := in.o.Directory.Resolve(ctx, a)
	if err != nil {
		return directory.Resolution{}
	}
	return res
}

// behind are the addresses elsewhere that aliases and groups mean today.
func (in *Intake) behind(ctx context.Context, addresses []string) map[string]bool {
	all := make(map[string]bool)
	for _, a := range addresses {
		for _, r := range in.today(ctx, a).Remotes {
			all[r.Unicode()] = true
		}
	}
	return all
}

// checkQuota refuses an address whose only account is full. Behind an alias or a group, the others must not lose their
// mail by it, so there it is stored even so.
func (in *Intake) checkQuota(ctx context.Context, res directory.Resolution, size int64) error {
	if len(res.Locals) != 1 || len(res.Remotes) > 0 {
		return nil
	}
	return in.o.Mailbox.CheckQuota(ctx, res.Locals[0].Account, size)
}

// checkRoom refuses a message that turns out larger than declared, if it has room with none of its recipients. If it has
// with some, all get it: they cannot be refused one by one any more.
func (t *Transaction) checkRoom(ctx context.Context, size int64) error {
	if t.env.Size >= size {
		return nil
	}
	var refused error
	for _, r := range t.to {
		if len(r.locals) != 1 || len(r.remotes) > 0 {
			return nil
		}
		if refused = t.in.o.Mailbox.CheckQuota(ctx, r.locals[0].Account, size); refused == nil {
			return nil
		}
	}
	return refused
}

// locals are the accounts that get the message, each once.
func locals(to []recipient) []directory.Local {
	var out []directory.Local
	seen := make(map[mail.AccountID]bool)
	for _, r := range to {
		for _, l := range r.locals {
			if !seen[l.Account] {
				seen[l.Account] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// remotes are the recipients elsewhere, each once. One that stands behind an address of ours keeps what was asked for that
// address, and names it as the original recipient (RFC 3461 section 5.2.7.1).
func remotes(to []recipient) []mail.Recipient {
	var out []mail.Recipient
	seen := make(map[string]bool)
	for _, r := range to {
		for _, a := range r.remotes {
			if seen[a.Key()] {
				continue
			}
			seen[a.Key()] = true
			one := r.given
			one.Address = a
			if r.ours && one.Original == "" {
				one.OriginalType, one.Original = originalOf(r.given.Address)
			}
			out = append(out, one)
		}
	}
	return out
}

// waiting are our own accounts as recipients for the queue, for a message that is to be delivered later.
func waiting(to []recipient) []mail.Recipient {
	var out []mail.Recipient
	seen := make(map[mail.AccountID]bool)
	for _, r := range to {
		for _, l := range r.locals {
			if seen[l.Account] {
				continue
			}
			seen[l.Account] = true
			one := r.given
			one.Address = l.Address
			if one.Original == "" && l.Address != r.given.Address {
				one.OriginalType, one.Original = originalOf(r.given.Address)
			}
			out = append(out, one)
		}
	}
	return out
}

// originalOf is an address as an original recipient (RFC 3461 section 4.2, RFC 6533 section 3).
func originalOf(a mail.Address) (kind, addr string) {
	if a.NeedsUTF8() {
		return "utf-8", a.String()
	}
	return "rfc822", a.String()
}

// known reports whether the client is one of ours, for the screening.
func (s *Source) known() bool { return s.mayRelay() || s.Protocol == obs.ProtoLMTP }
