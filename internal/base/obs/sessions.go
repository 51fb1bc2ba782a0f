package obs

import "github.com/posthorn-mail/posthorn/internal/mail"

// Connected is a new connection. The function it returns must be called when the connection ends; it keeps the gauge of open sessions.
func (l *MailLog) Connected(s Session) (closed func()) {
	if l == nil {
		return func() {}
	}
	l.write(l.event("connected").session(&s))
	l.metrics.Connections.WithLabelValues(string(s.Proto)).Inc()
	open := l.metrics.Sessions.WithLabelValues(string(s.Proto))
	open.Inc()
	return open.Dec
}

// LoginOK is a successful login; s.Account is who. Mechanism is SASL's name, "USER" or "LOGIN".
func (l *MailLog) LoginOK(s Session, mechanism string) {
	if l == nil {
		return
	}
	l.write(l.event("login").session(&s).str("mechanism", mechanism))
	l.metrics.Logins.WithLabelValues(string(s.Proto), "ok").Inc()
}

// LoginFailed is a login with a wrong name or password, or one that is not allowed. Name is what the client gave; it is logged
// because operators need it against brute force.
func (l *MailLog) LoginFailed(s Session, mechanism, name, reason string) {
	if l == nil {
		return
	}
	s.Account = ""
	l.write(l.event("login-failed").session(&s).str("name", name).str("mechanism", mechanism).str("reason", reason))
	l.metrics.Logins.WithLabelValues(string(s.Proto), "failed").Inc()
}

// Locked is a login not even looked at, because too many failed before from this address or for this account.
func (l *MailLog) Locked(s Session, name, reason string) {
	if l == nil {
		return
	}
	s.Account = ""
	l.write(l.event("locked").session(&s).str("name", name).str("reason", reason))
	l.metrics.Logins.WithLabelValues(string(s.Proto), "locked").Inc()
}

// Stage names the command at which something was refused.
type Stage string

// The stages.
const (
	StageConnect Stage = "connect"
	StageLogin   Stage = "login"
	StageMail    Stage = "mail"
	StageRcpt    Stage = "rcpt"
	StageData    Stage = "data"
)

// Refusal is why a command of a client got a refusal. To is zero where the stage has no recipient.
type Refusal struct {
	Stage    Stage
	From, To mail.Address
	Status   string // enhanced status code, "5.1.1"
	Fault    *mail.Fault
}

// Refused is a connection, sender, recipient or message that was not taken.
func (l *MailLog) Refused(s Session, r Refusal) {
	if l == nil {
		return
	}
	n := l.event("refused").session(&s).str("stage", string(r.Stage)).from(r.From)
	if !r.To.IsNull() {
		n.to(r.To)
	}
	l.write(n.str("status", r.Status).str("reason", r.Fault.Public))
	l.metrics.Refused.WithLabelValues(string(s.Proto), string(r.Stage), permanence(r.Fault.Kind)).Inc()
}

func permanence(k mail.Kind) string {
	if k.Temporary() {
		return "temporary"
	}
	return "permanent"
}

// Removed is e-mails that a client removed for good: a POP3 session's deletions at QUIT, an IMAP expunge.
func (l *MailLog) Removed(s Session, count int) {
	if l == nil {
		return
	}
	l.write(l.event("removed").session(&s).int("count", int64(count)))
	l.metrics.Removed.WithLabelValues(string(s.Proto)).Add(float64(count))
}
