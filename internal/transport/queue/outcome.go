package queue

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// decide gives each recipient of the leg its fate: it leaves the row, or stays for the next attempt.
func (s *settlement) decide(results map[int]*Result) {
	expired := !s.now.Before(s.msg.Expires)
	if len(results) > 0 {
		s.leg.due = s.q.o.Schedule.retry(s.now, s.leg.attempts, s.ref.id)
	} else if !expired {
		// It was urgent while its destination backs off: the next attempt comes when that is over.
		s.leg.due = s.now.Add(untoldRetry)
	}
	if s.leg.due.After(s.msg.Expires) {
		s.leg.due = s.msg.Expires // the time is used to its end
	}
	if s.msg.held {
		s.leg.due = time.Time{}
	}
	for i := range s.leg.recipients {
		r := s.leg.recipients[i]
		if res := results[i]; res != nil {
			r.last = *res
			r.last.Reply = Clip(res.Reply)
		}
		switch {
		case r.state != waiting:
			s.over(r, r.state)
		case results[i] != nil && r.last.Status == Delivered:
			s.delivered(r)
		case results[i] != nil && r.last.Status == Failed:
			s.failed(r, failedUntold)
		case expired:
			s.failed(r, expiredUntold)
		default:
			s.deferred(r, results[i] != nil)
		}
	}
	s.tellDelay()
}

func (s *settlement) event(k journey.Kind, r *recipient) journey.Event {
	return journey.Event{
		At: s.now, Kind: k, Recipient: r.Address.Unicode(), Server: r.last.Server, Address: r.last.Address, TLS: r.last.TLS,
		Policy: r.last.Policy, Reply: r.last.Reply,
	}
}

func (s *settlement) logAttempt(r recipient, write func(*obs.MailLog, obs.Attempt)) {
	a := obs.Attempt{
		ID: s.ref.id, To: r.Address, Host: r.last.Server, Peer: r.last.Address, TLS: r.last.TLSVersion, Number: s.leg.attempts,
		Status: r.last.Enhanced, Reply: r.last.Reply, Delay: s.now.Sub(s.msg.Created), NextTry: s.leg.due,
	}
	s.log = append(s.log, func() { write(s.q.o.MailLog, a) })
}

func (s *settlement) delivered(r recipient) {
	kind := journey.Relayed
	if r.last.Final {
		kind = journey.Delivered
	}
	s.events = append(s.events, s.event(kind, &r))
	s.logAttempt(r, (*obs.MailLog).Relayed)
	if r.wants(ActionRelayed) && !r.last.NotifiesSuccess && !s.msg.From.IsNull() {
		s.over(r, deliveredUntold)
	}
}

func (s *settlement) failed(r recipient, how recipientState) {
	kind := journey.Failed
	if how == expiredUntold {
		kind = journey.Expired
		if r.last.Reply == "" {
			r.last.Reply, r.last.Enhanced = "the time to deliver it has run out", "4.4.7"
		}
	}
	s.events = append(s.events, s.event(kind, &r))
	last, id, delay := r.last, s.ref.id, s.now.Sub(s.msg.Created)
	s.log = append(s.log, func() { s.q.o.MailLog.Returned(id, r.Address, last.Enhanced, last.Reply, delay) })
	switch {
	case s.msg.From.IsNull():
		s.nobodyTold(r.Recipient, journey.ReasonNullPath)
	case !r.wants(ActionFailed):
		s.nobodyTold(r.Recipient, journey.ReasonNotWanted)
	default:
		s.over(r, how)
	}
}

func (s *settlement) nobodyTold(r mail.Recipient, reason string) {
	s.events = append(s.events, journey.Event{
		At: s.now, Kind: journey.NotReturned, Recipient: r.Address.Unicode(), Detail: reason,
	})
}

// over is for a recipient who is settled and whose sender is to be told.
func (s *settlement) over(r recipient, how recipientState) {
	r.state = how
	o := Outcome{Recipient: r.Recipient, Result: r.last, Attempts: s.leg.attempts}
	switch {
	case how == expiredUntold:
		o.Expired = true
	case how == deliveredUntold && r.last.Final:
		o.Action = ActionDelivered
	case how == deliveredUntold:
		o.Action = ActionRelayed
	}
	s.about = append(s.about, o)
	s.untold = append(s.untold, r)
}

func (s *settlement) deferred(r recipient, tried bool) {
	s.keep = append(s.keep, r)
	if !tried {
		return
	}
	e := s.event(journey.Deferred, &r)
	e.Next = s.leg.due
	s.events = append(s.events, e)
	s.logAttempt(r, (*obs.MailLog).Deferred)
}

// tellDelay adds those who still wait to what the sender is told, once, when it has taken long.
func (s *settlement) tellDelay() {
	s.leg.recipients = s.keep
	at := s.q.o.Schedule.delayNoticeAt(&s.msg.Message, s.leg)
	if at.IsZero() || s.now.Before(at) || len(s.keep) == 0 || s.msg.held {
		return
	}
	s.leg.delayTold = true
	for i := range s.keep {
		r := &s.keep[i]
		if r.wants(ActionDelayed) {
			s.about = append(s.about, Outcome{
				Recipient: r.Recipient, Action: ActionDelayed, Result: r.last, Attempts: s.leg.attempts,
			})
		}
	}
}
