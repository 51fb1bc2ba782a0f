package directory

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

var here = Attempt{Protocol: obs.ProtoIMAP, Remote: netip.MustParseAddr("192.0.2.7"), TLS: 0x0304}

// scram logs in through a real client and server.
func scram(t *testing.T, d *Directory, at Attempt, user, password, authzid string) (sasl.Identity, error) {
	t.Helper()
	ch := sasl.Channel{TLS: true}
	c, err := sasl.NewClient([]string{sasl.ScramSHA256}, sasl.Credentials{User: user, Password: password, Authzid: authzid}, ch)
	must(t, err)
	s, err := sasl.NewServer(sasl.ScramSHA256, d.Login(at), ch)
	must(t, err)
	_, response, err := c.Start()
	must(t, err)
	for {
		challenge, done, id, err := s.Next(t.Context(), response)
		if err != nil {
			return id, err
		}
		response, err = c.Next(challenge)
		must(t, err)
		if done {
			return id, c.Finish()
		}
	}
}

func TestLogin(t *testing.T) {
	d := openDirectory(t, openStore(t), Options{DefaultDomain: "a.test"})
	ctx := t.Context()
	addDomains(t, d, "a.test")
	must(t, d.AddDomainAlias(ctx, "b.test", "a.test"))
	anna := addAccount(t, d, "geheim\u00fc", "Anna@a.test", "anna.b@a.test")
	addAccount(t, d, "", "nopassword@a.test")
	off := addAccount(t, d, "geheim", "off@a.test")
	must(t, d.SetStatus(ctx, off.ID, NoLogin))
	must(t, d.SetAlias(ctx, address(t, "alias@a.test"), addresses(t, "anna@a.test")))
	for _, tt := range []struct {
		authzid, user, password string
		ok                      bool
	}{
		{"", "anna@a.test", "geheimü", true},
		{"", "ANNA@A.TEST", "geheimu\u0308", true},
		{"", "anna.b@a.test", "geheimü", true},
		{"", "anna@b.test", "geheimü", true},
		{"", "anna", "geheimü", true},
		{"anna@a.test", "anna", "geheimü", true},
		{"ANNA.B@b.test", "anna", "geheimü", true},
		{"off@a.test", "anna", "geheimü", false},
		{"nobody", "anna", "geheimü", false},
		{"", "anna", "geheim", false},
		{"", "anna", "geheimü ", false},
		{"", "anna+x", "geheimü", false},
		{"", "alias", "geheimü", false},
		{"", "nobody", "geheimü", false},
		{"", "nobody@elsewhere.test", "geheimü", false},
		{"", "nopassword", "geheimü", false},
		{"", "off", "geheim", false},
		{"", "@", "geheim", false},
		{"", "a b", "geheim", false},
	} {
		for _, mechanism := range []string{"PLAIN", "PLAIN again", "SCRAM"} {
			var id sasl.Identity
			var err error
			if mechanism == "SCRAM" {
				id, err = scram(t, d, here, tt.user, tt.password, tt.authzid)
			} else {
				id, err = d.Login(here).Plain(ctx, tt.authzid, tt.user, tt.password)
			}
			if tt.ok && (err != nil || id.Account != anna.ID || id.Login != "Anna@a.test") {
				t.Errorf("%s %q %q as %q: %v %v", mechanism, tt.user, tt.password, tt.authzid, id, err)
			}
			if !tt.ok {
				wantKind(t, err, mail.KindLoginFailed, mechanism+" "+tt.user+" "+tt.password)
			}
		}
	}
	for _, odd := range []string{"", "\x00", "a\x00", strings.Repeat("x", maxPassword+1)} {
		_, err := d.Login(here).Plain(ctx, "", "anna", odd)
		wantKind(t, err, mail.KindLoginFailed, "odd password")
	}
	_, err := d.Login(here).ScramDone(ctx, "", "anna", sasl.Proved)
	wantKind(t, err, mail.KindLoginFailed, "a proof nobody asked for")
}

func TestAChangedPasswordEndsTheOldAtOnce(t *testing.T) {
	d := openDirectory(t, openStore(t), Options{})
	addDomains(t, d, "a.test")
	a := addAccount(t, d, "old", "x@a.test")
	login := func(password string) error {
		_, err := d.Login(here).Plain(t.Context(), "", "x@a.test", password)
		return err
	}
	must(t, login("old")) // remembered from here on
	must(t, login("old"))
	must(t, d.SetPassword(t.Context(), a.ID, "new"))
	wantKind(t, login("old"), mail.KindLoginFailed, "the old password")
	must(t, login("new"))
	_, err := scram(t, d, here, "x@a.test", "old", "")
	wantKind(t, err, mail.KindLoginFailed, "the old password by SCRAM")
	must(t, d.SetPassword(t.Context(), a.ID, ""))
	wantKind(t, login("new"), mail.KindLoginFailed, "no password")
	must(t, d.SetPassword(t.Context(), a.ID, "old"))
	must(t, d.SetStatus(t.Context(), a.ID, Disabled))
	wantKind(t, login("old"), mail.KindLoginFailed, "disabled")
}

// busy makes every hash fail, so that only what needs none succeeds.
func busy(d *Directory) { d.hasher.waiting.Store(1 << 40) }

func TestAVerifiedLoginIsRememberedForSomeTime(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	d := openDirectory(t, openStore(t), Options{Clock: c})
	addDomains(t, d, "a.test")
	addAccount(t, d, "geheim", "x@a.test")
	login := func(password string) error {
		_, err := d.Login(here).Plain(t.Context(), "", "x@a.test", password)
		return err
	}
	must(t, login("geheim"))
	busy(d)
	c.Advance(verifiedFor - time.Second)
	must(t, login("geheim"))
	wantKind(t, login("other"), mail.KindLoginLater, "another password needs a hash")
	c.Advance(time.Second)
	wantKind(t, login("geheim"), mail.KindLoginLater, "forgotten by now")

	v := newVerified(c)
	for i := range maxVerified + 100 {
		v.add(mark{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if len(v.until) != maxVerified || v.has(mark{0}) || !v.has(mark{100}) {
		t.Errorf("%d remembered", len(v.until))
	}
	c.Advance(verifiedFor)
	v.add(mark{1})
	if len(v.until) != 1 || len(v.order) != 1 {
		t.Errorf("%d remembered after their time", len(v.until))
	}
}

func TestHashesAreBounded(t *testing.T) {
	h := newHasher(Hash{Concurrent: 1})
	const strangers = queuePerSlot * 3 / 4
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	waits := func(a asker) {
		before := h.waiting.Load()
		go func() { failed <- h.do(ctx, a, func() { t.Error("it was computed") }) }()
		waitFor(t, func() bool { return h.waiting.Load() == before+1 })
	}
	refused := func(a asker, what string) {
		t.Helper()
		wantKind(t, h.do(ctx, a, func() { t.Error("it was computed") }), mail.KindLoginLater, what)
	}
	must(t, h.do(t.Context(), asker{key: "first"}, func() {
		for range queuePerSlot / 2 {
			waits(asker{key: "greedy"})
		}
		refused(asker{key: "greedy"}, "more than half for one")
		for range strangers - queuePerSlot/2 {
			waits(asker{key: "others"})
		}
		refused(asker{key: "late"}, "one stranger too many")
		for range queuePerSlot - strangers {
			waits(asker{key: "owner", known: true})
		}
		refused(asker{key: "owner", known: true}, "one too many")
		cancel()
		for range queuePerSlot {
			wantKind(t, <-failed, mail.KindLoginLater, "given up")
		}
	}))
	computed := false
	must(t, h.do(t.Context(), asker{key: "greedy"}, func() { computed = true }))
	if !computed || h.waiting.Load() != 0 {
		t.Errorf("computed is %v, %d wait", computed, h.waiting.Load())
	}
}

// TestAnOwnersDeviceIsKnown: a flood from other addresses, or from his own, does not come before him.
func TestAnOwnersDeviceIsKnown(t *testing.T) {
	clk := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	d := openDirectory(t, openStore(t), Options{Clock: clk, Guard: limit.NewGuard(clk, limit.DefaultPolicy())})
	addDomains(t, d, "a.test")
	addAccount(t, d, "geheim", "x@a.test")
	l := d.Login(here)
	c, err := l.lookup(t.Context(), "X@a.test")
	must(t, err)
	if a := l.asker(c); a.known || a.key != limit.ByAddress(here.Remote) {
		t.Errorf("before the first login: %+v", a)
	}
	_, err = l.Plain(t.Context(), "", "x@a.test", "geheim")
	must(t, err)
	if a := l.asker(c); !a.known || a.key != limit.ByName("x@a.test") {
		t.Errorf("after it: %+v", a)
	}
}

func TestUnknownUsersLookLikeKnownOnes(t *testing.T) {
	st := openStore(t)
	d := openDirectory(t, st, Options{DefaultDomain: "a.test"})
	addDomains(t, d, "a.test")
	must(t, d.AddDomainAlias(t.Context(), "b.test", "a.test"))
	addAccount(t, d, "geheim", "known@a.test")
	keys := func(d *Directory, user string) sasl.ScramKeys {
		k, err := d.Login(here).Scram(t.Context(), user)
		must(t, err)
		return k
	}
	for _, name := range []string{"known", "unknown"} {
		k := keys(d, name)
		if len(k.Salt) != saltLen || k.Iterations != cheapHash.ScramIterations {
			t.Errorf("%s: %+v", name, k)
		}
		for _, spelled := range []string{name, strings.ToUpper(name), name + "@a.test", name + "@B.test"} {
			if !bytes.Equal(keys(d, spelled).Salt, k.Salt) {
				t.Errorf("%s has another salt", spelled)
			}
		}
	}
	if bytes.Equal(keys(d, "unknown").Salt, keys(d, "unknown2").Salt) {
		t.Error("unknown users share a salt")
	}
	again := openDirectory(t, st, Options{DefaultDomain: "a.test"})
	if !bytes.Equal(keys(again, "unknown").Salt, keys(d, "unknown").Salt) {
		t.Error("an unknown user's salt changes with a restart")
	}
	before := d.hasher
	d.hasher = newHasher(Hash{MemoryKiB: 8, Passes: 1, Threads: 1, Concurrent: 1})
	busy(d)
	for _, name := range []string{"known", "unknown"} {
		_, err := d.Login(here).Plain(t.Context(), "", name, "wrong")
		wantKind(t, err, mail.KindLoginLater, name+" is not hashed")
	}
	d.hasher = before
}

// TestEqualGuessesWaitForNobodyToo has two with the same wrong password come at once, for a name that is somebody's and for one that is not.
func TestEqualGuessesWaitForNobodyToo(t *testing.T) {
	d := openDirectory(t, openStore(t), Options{})
	addDomains(t, d, "a.test")
	addAccount(t, d, "geheim", "known@a.test")
	for _, name := range []string{"known@a.test", "unknown@a.test"} {
		d.hasher = newHasher(Hash{MemoryKiB: 8, Passes: 1, Threads: 1, Concurrent: 1})
		ended := make(chan error)
		must(t, d.hasher.do(t.Context(), asker{key: "other"}, func() {
			for range 2 {
				go func() {
					_, err := d.Login(here).Plain(t.Context(), "", name, "guess")
					ended <- err
				}()
				waitFor(t, func() bool { return d.hasher.waiting.Load() > 0 })
			}
			d.verified.mu.Lock()
			defer d.verified.mu.Unlock()
			if len(d.verified.now) != 1 {
				t.Errorf("%s: %d passwords are being hashed", name, len(d.verified.now))
			}
		}))
		for range 2 {
			wantKind(t, <-ended, mail.KindLoginFailed, name)
		}
	}
}

func TestGuessingIsSlowedThenLocked(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	p := limit.DefaultPolicy()
	p.Free, p.LockAddress, p.LockAccount = 100, 3, 5
	var log bytes.Buffer
	d := openDirectory(t, openStore(t), Options{
		Clock: c, Guard: limit.NewGuard(c, p), MailLog: obs.NewMailLog(&log, obs.FormatText, c, obs.NewMetrics()),
	})
	addDomains(t, d, "a.test")
	addAccount(t, d, "geheim", "x@a.test", "y@a.test")
	login := func(remote, user, password string) error {
		_, err := d.Login(Attempt{Protocol: obs.ProtoPOP3, Remote: netip.MustParseAddr(remote)}).Plain(t.Context(), "", user, password)
		return err
	}
	must(t, login("192.0.2.1", "x@a.test", "geheim"))
	for range 3 {
		wantKind(t, login("192.0.2.66", "x@a.test", "guess"), mail.KindLoginFailed, "a guess")
	}
	wantKind(t, login("192.0.2.66", "x@a.test", "geheim"), mail.KindLoginLater, "the address is locked, even with the right password")
	wantKind(t, login("192.0.2.66", "nobody@a.test", "x"), mail.KindLoginLater, "for every name")
	_, err := scram(t, d, Attempt{Remote: netip.MustParseAddr("192.0.2.66")}, "x@a.test", "geheim", "")
	wantKind(t, err, mail.KindLoginLater, "by SCRAM too")
	_, err = scram(t, d, Attempt{Remote: netip.MustParseAddr("192.0.2.67")}, "Y@a.test", "guess", "")
	wantKind(t, err, mail.KindLoginFailed, "a guess by SCRAM, by the account's other name")
	wantKind(t, login("192.0.2.68", "x@a.test", "guess"), mail.KindLoginFailed, "the fifth guess")
	wantKind(t, login("192.0.2.69", "x@a.test", "geheim"), mail.KindLoginLater, "the account is locked for strangers")
	must(t, login("192.0.2.1", "x@a.test", "geheim")) // but not for its owner

	text := log.String()
	for _, want := range []string{"event=login ", "event=login-failed", "event=locked", "name=x@a.test", "account=x@a.test"} {
		if !strings.Contains(text, want) {
			t.Errorf("the mail log lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "geheim") || strings.Contains(text, "guess") {
		t.Error("the mail log tells passwords")
	}
}

func TestStoredPasswordsTellNothing(t *testing.T) {
	h := newHasher(cheapHash)
	one, err := h.make(t.Context(), "geheim", time.Time{})
	must(t, err)
	two, err := h.make(t.Context(), "geheim", time.Time{})
	must(t, err)
	if bytes.Equal(one.Argon.Hash, two.Argon.Hash) || bytes.Equal(one.Scram.StoredKey, two.Scram.StoredKey) {
		t.Error("the same password twice is kept as the same bytes")
	}
	// Old parameters go on to work when the defaults change.
	h = newHasher(Hash{MemoryKiB: 16, Passes: 2, Threads: 2})
	if ok, err := h.check(t.Context(), asker{}, one, "geheim"); !ok || err != nil {
		t.Errorf("a password kept with other parameters: %v %v", ok, err)
	}
	if ok, err := h.check(t.Context(), asker{}, nil, "geheim"); ok || err != nil {
		t.Errorf("nobody's password: %v %v", ok, err)
	}
}

func BenchmarkLoginHashed(b *testing.B) {
	h := newHasher(Hash{})
	p, err := h.make(b.Context(), "geheim", time.Time{})
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := h.check(b.Context(), asker{}, p, "geheim"); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoginRemembered(b *testing.B) {
	d := openDirectory(b, openStore(b), Options{})
	addDomains(b, d, "a.test")
	addAccount(b, d, "geheim", "x@a.test")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Login(here).Plain(b.Context(), "", "x@a.test", "geheim"); err != nil {
			b.Fatal(err)
		}
	}
}
