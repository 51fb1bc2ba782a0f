package limit

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Policy says how failed logins are answered. Failures are counted by address and by account; the stricter counts.
type Policy struct {
	Free     int           // so many failures cost nothing: people mistype
	Delay    time.Duration // the first delay after that; it doubles with each further failure
	MaxDelay time.Duration
	// LockAddress and LockAccount are how many failures lock an address, or an account for strangers.
	LockAddress, LockAccount int
	LockTime                 time.Duration // the first lock; it doubles with each further failure
	MaxLock                  time.Duration
	Forget                   time.Duration // failures are forgotten after so long without another
	Trust                    time.Duration // so long a successful login exempts its address from a lock of the account
	MaxKeys                  int           // bounds the memory: addresses, accounts and pairs of both, each
}

// DefaultPolicy suits people with a handful of devices and a few who share an address.
func DefaultPolicy() Policy {
	return Policy{
		Free: 3, Delay: time.Second, MaxDelay: 16 * time.Second,
		LockAddress: 20, LockAccount: 50, LockTime: 5 * time.Minute, MaxLock: 24 * time.Hour,
		Forget: 24 * time.Hour, Trust: 30 * 24 * time.Hour, MaxKeys: 100_000,
	}
}

// Guard makes guessing passwords slow and then impossible. An attacker cannot lock an account's owner out: where the owner has logged in
// before is exempt from the account's count. Nor can he clear his address's count by logging in to an account of his own: a success
// takes back only the failures for that account.
type Guard struct {
	clock  clock.Clock
	policy Policy

	mu        sync.Mutex
	addresses *recent[Key, failures] // guarded by mu
	accounts  *recent[Key, failures] // guarded by mu
	pairs     *recent[pair, history] // guarded by mu
}

type pair struct{ address, account Key }

type failures struct {
	count       int
	last        time.Time
	lockedUntil time.Time
}

// history is what an address did to an account.
type history struct {
	failed      int
	last        time.Time
	trustedFrom time.Time
}

// Verdict says how to treat a login.
type Verdict struct {
	// LockedUntil is set if the login must be refused without looking at the password.
	LockedUntil time.Time
	// Delay is how long to wait before looking at the password.
	Delay time.Duration
}

// Locked reports whether the login must be refused unseen.
func (v Verdict) Locked() bool { return !v.LockedUntil.IsZero() }

// NewGuard makes a guard.
func NewGuard(c clock.Clock, p Policy) *Guard {
	return &Guard{
		clock: c, policy: p,
		addresses: newRecent[Key, failures](p.MaxKeys),
		accounts:  newRecent[Key, failures](p.MaxKeys),
		pairs:     newRecent[pair, history](p.MaxKeys),
	}
}

// Check is asked before a login is looked at. Account is the name as the client gave it, whether there is such an account or not, so
// that the answer tells a stranger nothing.
func (g *Guard) Check(address netip.Addr, account string) Verdict {
	now := g.clock.Now()
	p := pair{ByAddress(address), ByName(account)}
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.verdict(g.addresses.find(p.address), now)
	if g.trusts(p, now) {
		return v
	}
	byAccount := g.verdict(g.accounts.find(p.account), now)
	v.Delay = max(v.Delay, byAccount.Delay)
	if byAccount.LockedUntil.After(v.LockedUntil) {
		v.LockedUntil = byAccount.LockedUntil
	}
	return v
}

// Trusts reports whether somebody has logged in to an account from an address before, not too long ago.
func (g *Guard) Trusts(address netip.Addr, account string) bool {
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trusts(pair{ByAddress(address), ByName(account)}, now)
}

// trusts is Trusts under the lock.
func (g *Guard) trusts(p pair, now time.Time) bool {
	h := g.pairs.find(p)
	return h != nil && !h.trustedFrom.IsZero() && now.Sub(h.trustedFrom) < g.policy.Trust
}

// Wait returns nil when a login may be looked at, after the delay Check asks for; or a fault of KindLoginLater if it is locked, or ctx's
// error.
func (g *Guard) Wait(ctx context.Context, address netip.Addr, account string) error {
	v := g.Check(address, account)
	if v.Locked() {
		return mail.Refuse(mail.KindLoginLater, "too many failed logins, please try again later")
	}
	return g.clock.Sleep(ctx, v.Delay)
}

func (g *Guard) verdict(f *failures, now time.Time) Verdict {
	if f == nil || now.Sub(f.last) >= g.policy.Forget && !f.lockedUntil.After(now) {
		return Verdict{}
	}
	v := Verdict{Delay: double(g.policy.Delay, f.count-g.policy.Free, g.policy.MaxDelay)}
	if f.lockedUntil.After(now) {
		v.LockedUntil = f.lockedUntil
	}
	return v
}

// double is first, doubled with each of n beyond the first, up to limit; nothing if n is not positive.
func double(first time.Duration, n int, limit time.Duration) time.Duration {
	if n <= 0 {
		return 0
	}
	d := first
	for ; n > 1 && d < limit; n-- {
		d *= 2
	}
	return min(d, limit)
}

// Failed records a wrong name or password.
func (g *Guard) Failed(address netip.Addr, account string) {
	now := g.clock.Now()
	p := pair{ByAddress(address), ByName(account)}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count(g.addresses.at(p.address), g.policy.LockAddress, now)
	h := g.pairs.at(p)
	if now.Sub(h.last) >= g.policy.Forget {
		h.failed = 0
	}
	h.failed++
	h.last = now
	// A device with an old password must not lock the account for its owner's other devices: where he has logged in before
	// counts by address alone.
	if h.trustedFrom.IsZero() || now.Sub(h.trustedFrom) >= g.policy.Trust {
		g.count(g.accounts.at(p.account), g.policy.LockAccount, now)
	}
}

func (g *Guard) count(f *failures, lock int, now time.Time) {
	if now.Sub(f.last) >= g.policy.Forget {
		*f = failures{}
	}
	f.count++
	f.last = now
	if lock > 0 && f.count >= lock {
		f.lockedUntil = now.Add(double(g.policy.LockTime, f.count-lock+1, g.policy.MaxLock))
	}
}

// Succeeded records a login that was right: the account's failures are forgotten, and those of this address for this account.
func (g *Guard) Succeeded(address netip.Addr, account string) {
	now := g.clock.Now()
	p := pair{ByAddress(address), ByName(account)}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accounts.drop(p.account)
	h := g.pairs.at(p)
	if f := g.addresses.find(p.address); f != nil {
		if f.count -= h.failed; f.count <= 0 {
			g.addresses.drop(p.address)
		}
	}
	*h = history{trustedFrom: now}
}

// Forgive forgets every failure of an account, as an operator may ask.
func (g *Guard) Forgive(account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accounts.drop(ByName(account))
}
