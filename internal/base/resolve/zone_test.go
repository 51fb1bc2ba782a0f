package resolve

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

const testZone = `
nord.test.          MX 20 mx2.nord.test.
nord.test.          MX 10 MX1.nord.test.
nord.test.          TXT "v=spf1 " "mx \"quoted\" \195\188 -all"
mx1.nord.test.      A 192.0.2.1
mx1.nord.test.      AAAA 2001:db8::1
mx2.nord.test.      A 192.0.2.2
null.test.          MX 0 .
mixed.test.         MX 0 .
mixed.test.         MX 10 mx1.nord.test.
plain.test.         A 192.0.2.3
alias.test.         CNAME nord.test.
dangling.test.      CNAME nowhere.test.
loop.test.          CNAME loop.test.
*.wild.test.        A 192.0.2.9
a.b.deep.test.      A 192.0.2.10
_25._tcp.mx1.nord.test. TLSA 3 1 1 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20
1.2.0.192.in-addr.arpa. PTR mx1.nord.test.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR Mx1.Nord.Test.
`

// resolvers are the zone itself and a client that asks it over the network: they must not differ.
func resolvers(t *testing.T, z *Zone) map[string]Resolver {
	t.Helper()
	srv, err := Serve(z, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	c, err := New(Options{Servers: []netip.AddrPort{srv.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Resolver{"zone": z, "client": c}
}

func TestMX(t *testing.T) {
	z := MustZone(testZone)
	if err := z.Add("many.test. MX 1 mx1.nord.test."); err != nil {
		t.Fatal(err)
	}
	for i := range 60 { // more than fits into a datagram
		if err := z.Add("many.test. MX 10 a-rather-long-name-of-a-mail-server-" + string(rune('a'+i%26)) +
			string(rune('a'+i/26)) + ".some.where.in.many.test."); err != nil {
			t.Fatal(err)
		}
	}
	z.Break("broken.test")
	nord := []MX{{"mx1.nord.test", 10}, {"mx2.nord.test", 20}}
	for _, tc := range []struct {
		domain                mail.Domain
		hosts                 []MX
		null, notFound, later bool
	}{
		{domain: "nord.test", hosts: nord},
		{domain: "alias.test", hosts: nord},
		{domain: "null.test", null: true},
		{domain: "mixed.test", hosts: []MX{{"mx1.nord.test", 10}}},
		{domain: "plain.test"},
		{domain: "b.deep.test"}, // exists, without records
		{domain: "nothing.test", notFound: true},
		{domain: "dangling.test", notFound: true},
		{domain: "loop.test", later: true},
		{domain: "sub.broken.test", later: true},
	} {
		for name, r := range resolvers(t, z) {
			a, err := r.MX(t.Context(), tc.domain)
			if IsNotFound(err) != tc.notFound || IsTemporary(err) != tc.later {
				t.Errorf("%s %s: error %v", name, tc.domain, err)
			}
			if !slices.Equal(a.Hosts, tc.hosts) || a.Null != tc.null || a.Secure {
				t.Errorf("%s %s: %+v", name, tc.domain, a)
			}
		}
	}
	for name, r := range resolvers(t, z) {
		if a, err := r.MX(t.Context(), "many.test"); err != nil || len(a.Hosts) != 61 {
			t.Errorf("%s: a large answer came as %d hosts, %v", name, len(a.Hosts), err)
		}
	}
}

func TestOtherRecords(t *testing.T) {
	z := MustZone(testZone)
	for name, r := range resolvers(t, z) {
		ctx := t.Context()
		addrs, secure, err := r.Addrs(ctx, "mx1.Nord.test")
		want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
		if err != nil || secure || !slices.Equal(addrs, want) {
			t.Errorf("%s: addresses %v %v %v", name, addrs, secure, err)
		}
		if addrs, _, err := r.Addrs(ctx, "x.y.wild.test"); err != nil || len(addrs) != 1 {
			t.Errorf("%s: wildcard %v %v", name, addrs, err)
		}
		if addrs, _, err := r.Addrs(ctx, "nord.test"); err != nil || len(addrs) != 0 {
			t.Errorf("%s: no data is %v %v", name, addrs, err)
		}
		if _, _, err := r.Addrs(ctx, "nothing.test"); !IsNotFound(err) {
			t.Errorf("%s: no name is %v", name, err)
		}
		if txt, err := r.TXT(ctx, "nord.test"); err != nil || !slices.Equal(txt, []string{`v=spf1 mx "quoted" ü -all`}) {
			t.Errorf("%s: text %q %v", name, txt, err)
		}
		for _, a := range want {
			if names, err := r.PTR(ctx, a); err != nil || !slices.Equal(names, []string{"mx1.nord.test"}) {
				t.Errorf("%s: name of %s %q %v", name, a, names, err)
			}
		}
		tlsa, _, err := r.TLSA(ctx, "_25._tcp.mx1.nord.test")
		if err != nil || len(tlsa) != 1 || tlsa[0].Usage != 3 || len(tlsa[0].Data) != 32 || tlsa[0].Data[31] != 0x20 {
			t.Errorf("%s: TLSA %+v %v", name, tlsa, err)
		}
		if _, err := r.TXT(ctx, "a..b"); !IsNotFound(err) {
			t.Errorf("%s: a name that is none: %v", name, err)
		}
	}
	z.Sign()
	for name, r := range resolvers(t, z) {
		a, err := r.MX(t.Context(), "nord.test")
		_, secure, err2 := r.Addrs(t.Context(), "mx1.nord.test")
		if err != nil || err2 != nil || !a.Secure || !secure {
			t.Errorf("%s: a signed zone is not secure: %v %v", name, err, err2)
		}
	}
}

func TestDeliverable(t *testing.T) {
	z := MustZone(testZone)
	z.Break("broken.test")
	for domain, want := range map[mail.Domain]error{
		"nord.test": nil, "plain.test": nil, "[192.0.2.1]": nil,
		"null.test": mail.Refuse(mail.KindNoMail, ""), "nothing.test": mail.Refuse(mail.KindNoSuchDomain, ""),
		"b.deep.test": mail.Refuse(mail.KindNoSuchDomain, ""), "broken.test": mail.Refuse(mail.KindUnavailable, ""),
	} {
		err := Deliverable(t.Context(), z, domain)
		if want == nil && err == nil {
			continue
		}
		if want == nil || err == nil || mail.AsFault(err).Kind != mail.AsFault(want).Kind {
			t.Errorf("%s: %v, want %v", domain, err, want)
		}
	}
}

func TestZoneChanges(t *testing.T) {
	z := MustZone("a.b.test. A 192.0.2.1")
	z.Break("b.test")
	if _, _, err := z.Addrs(t.Context(), "a.b.test"); !IsTemporary(err) {
		t.Fatal(err)
	}
	z.Mend("b.test")
	before, _, err := z.Addrs(t.Context(), "a.b.test")
	if err != nil {
		t.Fatal(err)
	}
	z.Remove("a.b.test")
	if _, _, err := z.Addrs(t.Context(), "b.test"); !IsNotFound(err) {
		t.Fatal(err)
	}
	if err := z.Add("a.b.test. 30 A 192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	after, _, err := z.Addrs(t.Context(), "a.b.test")
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Fatal(after, err)
	}
	if _, err := ParseZone("this is no zone", ""); err == nil {
		t.Fatal("nonsense was read as a zone")
	}
	if _, err := Serve(z, "192.0.2.1:53"); err == nil {
		t.Fatal("served off loopback")
	}
}
