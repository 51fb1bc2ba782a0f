package limit

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

func newClock() *clock.Fake { return clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestKeys(t *testing.T) {
	same := [][2]string{
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	}
	for _, p := range same {
		if ByAddress(addr(p[0])) != ByAddress(addr(p[1])) {
			t.Errorf("%s and %s must count together", p[0], p[1])
		}
	}
	for _, p := range [][2]string{{"192.0.2.1", "192.0.2.2"}, {"2001:db8:1:2::1", "2001:db8:1:3::1"}} {
		if ByAddress(addr(p[0])) == ByAddress(addr(p[1])) {
			t.Errorf("%s and %s must count apart", p[0], p[1])
		}
	}
	if ByName("Anna@Nord.Test") != ByName("anna@nord.test") {
		t.Error("names must count whatever their case")
	}
	ByAddress(netip.Addr{}) // a connection without an address (a socket) must not break
}

func TestBuckets(t *testing.T) {
	c := newClock()
	b := NewBuckets(c, Rate{Burst: 3, Per: 30 * time.Second}, 10)
	for i := range 3 {
		if wait, ok := b.Take("a", 1); !ok || wait != 0 {
			t.Fatalf("take %d: %v %v", i, wait, ok)
		}
	}
	if wait, ok := b.Take("a", 1); ok || wait != 10*time.Second {
		t.Fatalf("beyond the burst: wait %v, %v", wait, ok)
	}
	if _, ok := b.Take("b", 3); !ok {
		t.Fatal("another key has its own bucket")
	}
	if wait, ok := b.Take("b", 99); ok || wait != 30*time.Second {
		t.Fatalf("more than can ever be: wait %v, %v", wait, ok)
	}
	c.Advance(10 * time.Second)
	if _, ok := b.Take("a", 1); !ok {
		t.Fatal("a token must have come back")
	}
	if _, ok := b.Take("a", 1); ok {
		t.Fatal("only one token must have come back")
	}
	c.Advance(time.Hour)
	if _, ok := b.Take("a", 3); !ok {
		t.Fatal("the bucket must be full again")
	}
	if _, ok := b.Take("a", 1); ok {
		t.Fatal("the bucket must never hold more than its burst")
	}
	if _, ok := NewBuckets(c, Rate{}, 1).Take("a", 1000); !ok {
		t.Fatal("no rate, no limit")
	}
}

func TestBucketsAreBounded(t *testing.T) {
	b := NewBuckets(newClock(), Rate{Burst: 1, Per: time.Hour}, 100)
	for i := range 1000 {
		b.Take(Key(strconv.Itoa(i)), 1)
		b.Take("mine", 1)
	}
	if n := b.keys.len(); n != 100 {
		t.Errorf("%d keys are kept", n)
	}
	if _, ok := b.Take("mine", 1); ok {
		t.Error("what is used often must not be forgotten")
	}
}

func TestGates(t *testing.T) {
	g := NewGates(2)
	leave, ok := g.Enter("a")
	_, ok2 := g.Enter("a")
	_, ok3 := g.Enter("a")
	if !ok || !ok2 || ok3 {
		t.Fatalf("entered %v %v %v", ok, ok2, ok3)
	}
	if _, ok := g.Enter("b"); !ok {
		t.Fatal("another key has its own gate")
	}
	leave()
	leave() // a second time changes nothing
	if _, ok := g.Enter("a"); !ok {
		t.Fatal("a place must be free again")
	}
	if _, ok := g.Enter("a"); ok {
		t.Fatal("only one place must have been free")
	}
}

var (
	office = addr("192.0.2.1")
	eve    = addr("198.51.100.66")
)

func testPolicy() Policy {
	return Policy{Free: 2, Delay: time.Second, MaxDelay: 4 * time.Second, LockAddress: 6, LockAccount: 8, LockTime: time.Minute,
		MaxLock: 3 * time.Minute, Forget: time.Hour, Trust: 24 * time.Hour, MaxKeys: 100}
}

func TestGuardSlowsThenLocksAnAddress(t *testing.T) {
	c := newClock()
	g := NewGuard(c, testPolicy())
	for i, want := range []int{0, 0, 0, 1, 2, 4} {
		v := g.Check(eve, "user"+strconv.Itoa(i)) // another account each time: the address counts
		if v.Locked() || v.Delay != time.Duration(want)*time.Second {
			t.Fatalf("after %d failures: %+v, want %ds", i, v, want)
		}
		g.Failed(eve, "user"+strconv.Itoa(i))
	}
	if v := g.Check(eve, "other"); !v.LockedUntil.Equal(c.Now().Add(time.Minute)) {
		t.Fatalf("not locked for a minute: %+v", v)
	}
	if v := g.Check(office, "other"); v.Locked() || v.Delay != 0 {
		t.Fatalf("another address suffers: %+v", v)
	}
	for _, want := range []int{2, 3, 3} { // doubled, up to MaxLock
		c.Advance(3 * time.Minute)
		if v := g.Check(eve, "other"); v.Locked() || v.Delay != 4*time.Second {
			t.Fatalf("after the lock: %+v", v)
		}
		g.Failed(eve, "other")
		if v := g.Check(eve, "x"); !v.LockedUntil.Equal(c.Now().Add(time.Duration(want) * time.Minute)) {
			t.Fatalf("locked until %v, want %d minutes", v.LockedUntil.Sub(c.Now()), want)
		}
	}
	c.Advance(2 * time.Hour)
	if v := g.Check(eve, "x"); v != (Verdict{}) {
		t.Fatalf("not forgotten: %+v", v)
	}
}

func TestGuardLocksAnAccountForStrangersOnly(t *testing.T) {
	g := NewGuard(newClock(), testPolicy())
	g.Succeeded(office, "anna@nord.test")
	for i := range 8 {
		g.Failed(addr("198.51.100."+strconv.Itoa(i)), "Anna@nord.test") // a botnet: each address fails once
	}
	if v := g.Check(eve, "anna@nord.test"); !v.Locked() {
		t.Fatalf("the account is not locked for a stranger: %+v", v)
	}
	if v := g.Check(office, "anna@nord.test"); v != (Verdict{}) {
		t.Fatalf("the owner is locked out of her own office: %+v", v)
	}
	if v := g.Check(eve, "bert@nord.test"); v.Locked() {
		t.Fatal("another account is locked too")
	}
	g.Forgive("anna@nord.test")
	if v := g.Check(eve, "anna@nord.test"); v != (Verdict{}) {
		t.Fatalf("not forgiven: %+v", v)
	}
}

func TestGuardSuccessTakesBackOnlyItsOwnFailures(t *testing.T) {
	g := NewGuard(newClock(), testPolicy())
	for range 3 {
		g.Failed(eve, "eve")
		g.Failed(eve, "anna")
	}
	if !g.Check(eve, "bert").Locked() {
		t.Fatal("six failures must lock")
	}
	g = NewGuard(newClock(), testPolicy())
	for range 4 {
		g.Failed(eve, "anna")
		g.Succeeded(eve, "eve")
	}
	if v := g.Check(eve, "bert"); v.Delay != 2*time.Second {
		t.Fatalf("an own account washed the address clean: %+v", v)
	}
	g.Succeeded(eve, "anna")
	if v := g.Check(eve, "bert"); v != (Verdict{}) {
		t.Fatalf("success did not take back its failures: %+v", v)
	}
}

func TestGuardWait(t *testing.T) {
	c := newClock()
	g := NewGuard(c, testPolicy())
	for range 3 {
		g.Failed(eve, "anna")
	}
	done := make(chan error)
	go func() { done <- g.Wait(t.Context(), eve, "anna") }()
	if err := c.AwaitWaiters(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Second)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g.Failed(eve, "anna")
	}
	if err := g.Wait(t.Context(), eve, "anna"); !mail.IsKind(err, mail.KindLoginLater) {
		t.Fatalf("locked, but Wait gave %v", err)
	}
}

func TestGuardIsBounded(t *testing.T) {
	g := NewGuard(newClock(), testPolicy())
	for i := range 1000 {
		g.Failed(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), strconv.Itoa(i))
	}
	if g.addresses.len() != 100 || g.accounts.len() != 100 || g.pairs.len() != 100 {
		t.Error("memory is not bounded")
	}
}

func BenchmarkTake(b *testing.B) {
	l := NewBuckets(clock.Real(), Rate{Burst: 1 << 30, Per: time.Second}, 1000)
	b.ReportAllocs()
	for b.Loop() {
		l.Take(ByAddress(office), 1)
	}
}
