package queue

import (
	"cmp"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Limits bound what an account may send. Zero means no limit.
type Limits struct {
	MessagesPerHour, MessagesPerDay     int
	RecipientsPerHour, RecipientsPerDay int
}

// Allowance counts what accounts send, in memory. After a restart it knows of nobody what he has sent before until it is told with Restore.
// It is safe for concurrent use.
type Allowance struct {
	clock clock.Clock
	mu    sync.Mutex
	used  map[mail.AccountID]*usage // guarded by mu
	swept time.Time                 // guarded by mu
}

// usage is what an account sent in each of the last hours.
type usage struct {
	hour  int64 // hours since 1970 of the newest count
	hours [24]count
}

type count struct{ messages, recipients int }

// NewAllowance makes a counter.
func NewAllowance(c clock.Clock) *Allowance {
	return &Allowance{clock: c, used: make(map[mail.AccountID]*usage)}
}

// Take counts a message to so many recipients, or refuses it with a fault of KindTooMany and counts nothing. An hour is a clock hour
// and the part of the one before that is less than an hour ago; a day is 24 such hours.
func (a *Allowance) Take(account mail.AccountID, recipients int, l Limits) error {
	if l == (Limits{}) {
		return nil
	}
	now := a.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep(now)
	u := a.used[account]
	if u == nil {
		u = &usage{hour: hourOf(now)}
		a.used[account] = u
	}
	u.advance(hourOf(now))
	hour, day := u.sums(now)
	if over(hour.messages+1, l.MessagesPerHour) || over(hour.recipients+recipients, l.RecipientsPerHour) {
		return mail.Refuse(mail.KindTooMany, "this account's hourly limit for sending is reached, please try again later")
	}
	if over(day.messages+1, l.MessagesPerDay) || over(day.recipients+recipients, l.RecipientsPerDay) {
		return mail.Refuse(mail.KindTooMany, "this account's daily limit for sending is reached, please try again tomorrow")
	}
	u.hours[0].messages++
	u.hours[0].recipients += recipients
	return nil
}

// Knows reports whether an account's messages are counted already. If not, Restore has to come before the next Take.
func (a *Allowance) Knows(account mail.AccountID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used[account] != nil
}

// Restore counts what an account has sent before, a message to one recipient at each of the times; not if it is known already.
func (a *Allowance) Restore(account mail.AccountID, sent []time.Time) {
	now := hourOf(a.clock.Now())
	u := &usage{hour: now}
	for _, at := range sent {
		if ago := now - hourOf(at); ago >= 0 && ago < int64(len(u.hours)) {
			u.hours[ago].messages++
			u.hours[ago].recipients++
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.used[account] == nil {
		a.used[account] = u
	}
}

func over(n, limit int) bool { return limit > 0 && n > limit }

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// advance shifts the hours so that the first is the current one.
func (u *usage) advance(hour int64) {
	for ; u.hour < hour && u.hours != ([24]count{}); u.hour++ {
		copy(u.hours[1:], u.hours[:len(u.hours)-1])
		u.hours[0] = count{}
	}
	u.hour = max(u.hour, hour)
}

// sums gives the last hour, with the share of the clock hour before that belongs to it, and the last day.
func (u *usage) sums(now time.Time) (hour, day count) {
	rest := 3600 - now.Unix()%3600
	share := func(n int) int { return int(int64(n) * rest / 3600) }
	hour = count{u.hours[0].messages + share(u.hours[1].messages), u.hours[0].recipients + share(u.hours[1].recipients)}
	for _, c := range u.hours {
		day.messages += c.messages
		day.recipients += c.recipients
	}
	return hour, day
}

// sweep forgets accounts that have been silent for a day, once an hour; it wants mu held.
func (a *Allowance) sweep(now time.Time) {
	if cmp.Compare(hourOf(now), hourOf(a.swept)) == 0 {
		return
	}
	a.swept = now
	for id, u := range a.used {
		if hourOf(now)-u.hour >= int64(len(u.hours)) {
			delete(a.used, id)
		}
	}
}
