package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

func zone(t *testing.T) *resolve.Zone {
	t.Helper()
	z := resolve.MustZone(`
a.test.        MX 10 mx1.a.test.
a.test.        MX 20 mx2.a.test.
a.test.        MX 20 mx3.a.test.
ours.test.     MX 10 far.test.
ours.test.     MX 20 US.test.
ours.test.     MX 20 same.test.
ours.test.     MX 30 farther.test.
best.test.     MX 10 us.test.
best.test.     MX 10 other.test.
null.test.     MX 0 .
plain.test.    A 192.0.2.1
mx1.a.test.    A 192.0.2.10
mx1.a.test.    A 192.0.2.11
mx1.a.test.    AAAA 2001:db8::10
nothing.a.test. TXT x
`)
	for i := range 40 {
		if err := z.Add(fmt.Sprintf("many.test. MX %d mx%d.many.test.\nmx1.many.test. A 192.0.2.%d", i, i, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	z.Break("broken.test")
	return z
}

// inOrder leaves equal preferences as they come.
func inOrder(int, func(int, int)) {}

func TestRoute(t *testing.T) {
	r := New(Options{Resolver: zone(t), Names: []string{"us.Test."}, Shuffle: inOrder, Rules: []Rule{
		{Domain: "lmtp.test", Via: Smarthost{Host: "box.test", Protocol: LMTP}},
		{Domain: "prov.test", Via: Smarthost{Host: "mail.prov.test", Security: Implicit, Login: "me"}},
		{Domain: "sub.test", Via: Smarthost{Host: "mail.sub.test", Login: "me"}},
	}})
	for _, tc := range []struct {
		domain mail.Domain
		key    string
		hosts  string // name:port ...
		kind   mail.Kind
	}{
		{"a.test", "a.test", "mx1.a.test:25 mx2.a.test:25 mx3.a.test:25", 0},
		{"ours.test", "ours.test", "far.test:25", 0},
		{"plain.test", "plain.test", "plain.test:25", 0},
		{"[192.0.2.7]", "[192.0.2.7]", "192.0.2.7:25", 0},
		{"[IPv6:2001:db8::7]", "[IPv6:2001:db8::7]", "2001:db8::7:25", 0},
		{"lmtp.test", "box.test:24", "box.test:24", 0},
		{"prov.test", "me@mail.prov.test:465", "mail.prov.test:465", 0},
		{"sub.test", "me@mail.sub.test:587", "mail.sub.test:587", 0},
		{"best.test", "best.test", "", mail.KindLoop},
		{"null.test", "null.test", "", mail.KindNoMail},
		{"nowhere.test", "nowhere.test", "", mail.KindNoSuchDomain},
		{"x.broken.test", "x.broken.test", "", mail.KindUnavailable},
	} {
		got, err := r.Route(t.Context(), tc.domain)
		if tc.kind == 0 && err != nil || tc.kind != 0 && !mail.IsKind(err, tc.kind) {
			t.Errorf("%s: %v", tc.domain, err)
		}
		if routed := r.Routed(tc.domain); routed != strings.Contains(tc.key, ".test:") {
			t.Errorf("%s: routed is %v", tc.domain, routed)
		}
		var hosts []string
		for _, h := range got.Hosts {
			hosts = append(hosts, fmt.Sprintf("%s:%d", h.Name, h.Port))
		}
		if s := strings.Join(hosts, " "); s != tc.hosts || got.Key != tc.key {
			t.Errorf("%s: %q by %q", tc.domain, s, got.Key)
		}
	}
	if got, err := r.Route(t.Context(), "many.test"); err != nil || len(got.Hosts) != maxHosts {
		t.Errorf("%d hosts, %v", len(got.Hosts), err)
	}
	all := New(Options{Resolver: zone(t), Rules: []Rule{{Via: Smarthost{Host: "smart.test"}}}})
	for _, d := range []mail.Domain{"a.test", "nowhere.test", "[192.0.2.7]"} {
		if got, err := all.Route(t.Context(), d); err != nil || got.Smarthost == nil || got.Key != "smart.test:25" {
			t.Errorf("%s through the smarthost for all: %+v %v", d, got, err)
		}
	}
}

func TestEqualPreferencesAreRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	r := New(Options{Resolver: zone(t), Shuffle: rnd.Shuffle})
	second := map[string]int{}
	for range 200 {
		got, err := r.Route(t.Context(), "a.test")
		if err != nil || got.Hosts[0].Name != "mx1.a.test" {
			t.Fatal(got, err)
		}
		second[got.Hosts[1].Name]++
	}
	if second["mx2.a.test"] < 60 || second["mx3.a.test"] < 60 {
		t.Fatal(second)
	}
}

func TestAddrs(t *testing.T) {
	r := New(Options{Resolver: zone(t), Shuffle: inOrder})
	got, err := r.Addrs(t.Context(), Host{Name: "mx1.a.test", Port: 25})
	if err != nil || fmt.Sprint(got) != "[[2001:db8::10]:25 192.0.2.10:25 192.0.2.11:25]" {
		t.Fatal(got, err)
	}
	if got, err := r.Addrs(t.Context(), Host{Name: "mx1.many.test", Port: 25}); err != nil || len(got) != maxAddrs {
		t.Fatal(got, err)
	}
	if got, err := r.Addrs(t.Context(), Host{Name: "192.0.2.9", Port: 587}); err != nil || fmt.Sprint(got) != "[192.0.2.9:587]" {
		t.Fatal(got, err)
	}
	for host, kind := range map[string]mail.Kind{
		"nothing.a.test": mail.KindNoSuchDomain, "none.test": mail.KindNoSuchDomain, "broken.test": mail.KindUnavailable,
	} {
		if _, err := r.Addrs(t.Context(), Host{Name: host}); !mail.IsKind(err, kind) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// Two logins at one provider are two routes: what goes over one must not go over the other.
func TestKeyTellsLoginsApart(t *testing.T) {
	via := Smarthost{Host: "smtp.provider.test", Port: 587, Security: StartTLS}
	one, two, lmtp := via, via, via
	one.Login, two.Login, lmtp.Protocol = "one", "two", LMTP
	r := New(Options{Rules: []Rule{{"a.test", one}, {"b.test", two}, {"c.test", one}, {"d.test", via}, {"e.test", lmtp}}})
	if a, c := r.Key("a.test"), r.Key("c.test"); a != c {
		t.Errorf("one route has two keys: %q %q", a, c)
	}
	seen := map[string]mail.Domain{}
	for _, d := range []mail.Domain{"a.test", "b.test", "d.test", "e.test"} {
		if other, ok := seen[r.Key(d)]; ok {
			t.Errorf("%s and %s share the key %q", d, other, r.Key(d))
		}
		seen[r.Key(d)] = d
	}
}

// The administrator's localhost is this machine; the DNS of strangers does not lead mail to it by that name.
func TestLocalhost(t *testing.T) {
	r := New(Options{Resolver: zone(t), Rules: []Rule{{"a.test", Smarthost{Host: "LocalHost", Port: 2525}}}})
	to, err := r.Route(t.Context(), "a.test")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Addrs(t.Context(), to.Hosts[0]); err != nil || fmt.Sprint(got) != "[127.0.0.1:2525 [::1]:2525]" {
		t.Errorf("%v %v", got, err)
	}
	if got, err := r.Addrs(t.Context(), Host{Name: "localhost", Port: 25}); err == nil {
		t.Errorf("an exchanger named localhost leads to %v", got)
	}
}
