package queue

import (
	"cmp"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Schedule says when to try again and when to give up.
type Schedule struct {
	// Retries is how long to wait after the n-th attempt; the last repeats. Default 5, 15, 30 min, 1, 2, 4 h.
	Retries     []time.Duration
	GiveUp      time.Duration // default 5 days (RFC 5321 section 4.5.4.1)
	GiveUpNull  time.Duration // for notices, whose loss nobody is told of; default 1 day
	DelayNotice time.Duration // default 4 hours; negative: never
}

func (s Schedule) withDefaults() Schedule {
	if len(s.Retries) == 0 {
		s.Retries = []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}
	}
	s.GiveUp = cmp.Or(s.GiveUp, 5*24*time.Hour)
	s.GiveUpNull = cmp.Or(s.GiveUpNull, 24*time.Hour)
	s.DelayNotice = cmp.Or(s.DelayNotice, 4*time.Hour)
	return s
}

// retry is when to try again after so many attempts. Messages that failed together are spread a little, each always the same
// way.
func (s Schedule) retry(now time.Time, attempts int, id mail.MessageID) time.Time {
	d := s.Retries[min(max(attempts, 1), len(s.Retries))-1]
	spread := d / 16 * time.Duration(id.ID[idLen-2]) / 256
	return now.Add(d + spread)
}

// Back-off of a destination after so many attempts in a row found no server of it that could be spoken with.
const (
	backOffFirst = time.Minute
	backOffMost  = 30 * time.Minute
)

func backOff(failures int) time.Duration {
	return min(backOffFirst<<min(failures-1, 10), backOffMost)
}

// times fills in a message's times.
func (s Schedule) times(m *Message) {
	if m.Created.IsZero() {
		m.Created = m.ID.Time()
	}
	if m.Due.Before(m.Created) {
		m.Due = m.Created
	}
	if !m.Expires.IsZero() {
		return
	}
	life := s.GiveUp
	if m.From.IsNull() {
		life = s.GiveUpNull
	}
	m.Expires = m.Due.Add(life)
}

// delayNoticeAt is when the sender is told that a leg still waits; zero for never.
func (s Schedule) delayNoticeAt(m *Message, l *leg) time.Time {
	if s.DelayNotice < 0 || l.delayTold || m.From.IsNull() {
		return time.Time{}
	}
	for i := range l.recipients {
		if l.recipients[i].wants(ActionDelayed) {
			return m.Due.Add(s.DelayNotice)
		}
	}
	return time.Time{}
}

// urgent is when a leg must be looked at, whatever its destination does: to tell of the delay, to give up, or, if only notices are
// missing, when it is due.
func (s Schedule) urgent(m *Message, l *leg) time.Time {
	if !slices.ContainsFunc(l.recipients, func(r recipient) bool { return r.state == waiting }) {
		return l.due
	}
	at := s.delayNoticeAt(m, l)
	if at.IsZero() || m.Expires.Before(at) {
		return m.Expires
	}
	return at
}

// wants reports whether the sender wants a notice that tells this (RFC 3461 section 4.1).
func (r *recipient) wants(a Action) bool {
	switch a {
	case ActionFailed:
		return r.Notify == 0 || r.Notify&mail.NotifyFailure != 0
	case ActionDelayed:
		return r.Notify == 0 || r.Notify&mail.NotifyDelay != 0
	}
	return r.Notify&mail.NotifySuccess != 0
}
