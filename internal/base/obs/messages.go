package obs

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Accepted is a message that got its 250: it is stored, with everything that is to become of it.
func (l *MailLog) Accepted(s Session, m mail.MessageID, sender mail.Address, recipients int, size int64) {
	if l == nil {
		return
	}
	l.write(l.event("accepted").session(&s).id(m).from(sender).int("count", int64(recipients)).int("size", size))
	l.metrics.Accepted.WithLabelValues(string(s.Proto)).Inc()
	l.metrics.AcceptedBytes.WithLabelValues(string(s.Proto)).Add(float64(size))
}

// Delivered is a message that lies in the mailbox of a recipient of ours. Delay is since it was accepted.
func (l *MailLog) Delivered(m mail.MessageID, rcpt mail.Address, account string, size int64, delay time.Duration) {
	if l == nil {
		return
	}
	l.write(l.event("delivered").id(m).to(rcpt).str("account", account).int("size", size).delay(delay))
	l.settled("delivered", delay)
}

// Attempt is one try to hand one recipient's copy to another server.
type Attempt struct {
	ID      mail.MessageID
	To      mail.Address
	Host    string // the other server's name; empty if none was reached
	Peer    string // its address
	TLS     uint16 // version number; 0 for none
	Number  int    // 1 for the first try
	Status  string // enhanced status code
	Reply   string // the other server's own words, or why none was reached
	Delay   time.Duration
	NextTry time.Time // for Deferred
}

func (l *line) attempt(a *Attempt) *line {
	return l.id(a.ID).to(a.To).str("host", a.Host).str("peer", a.Peer).str("tls", TLSName(a.TLS)).
		int("attempt", int64(a.Number)).str("status", a.Status).str("reply", a.Reply).delay(a.Delay)
}

// Relayed is a recipient that another server has taken over.
func (l *MailLog) Relayed(a Attempt) {
	if l == nil {
		return
	}
	l.write(l.event("relayed").attempt(&a))
	l.settled("relayed", a.Delay)
}

// Deferred is a try that failed for now; NextTry says when it is tried again.
func (l *MailLog) Deferred(a Attempt) {
	if l == nil {
		return
	}
	l.write(l.event("deferred").attempt(&a).str("next", a.NextTry.UTC().Format(time.RFC3339)))
	l.metrics.Recipients.WithLabelValues("deferred").Inc()
}

// Returned is a recipient that will not be reached: the sender gets a notice, unless it wanted none or is the null path.
func (l *MailLog) Returned(m mail.MessageID, rcpt mail.Address, status, reason string, delay time.Duration) {
	if l == nil {
		return
	}
	l.write(l.event("returned").id(m).to(rcpt).str("status", status).str("reason", reason).delay(delay))
	l.settled("returned", delay)
}

func (l *MailLog) settled(how string, delay time.Duration) {
	l.metrics.Recipients.WithLabelValues(how).Inc()
	l.metrics.DeliverySeconds.WithLabelValues(how).Observe(delay.Seconds())
}

// Held is a message stopped by a person or a rule; by names who.
func (l *MailLog) Held(m mail.MessageID, by string) { l.queueEvent("held", m, by) }

// Released is a held message set going again.
func (l *MailLog) Released(m mail.MessageID, by string) { l.queueEvent("released", m, by) }

// Cancelled is a message taken out of the queue by a person.
func (l *MailLog) Cancelled(m mail.MessageID, by string) { l.queueEvent("cancelled", m, by) }

func (l *MailLog) queueEvent(event string, m mail.MessageID, by string) {
	if l == nil {
		return
	}
	l.write(l.event(event).id(m).str("by", by))
	l.metrics.QueueActions.WithLabelValues(event).Inc()
}
