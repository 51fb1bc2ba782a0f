package mail

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	tests := []struct{ in, want string }{
		{"anna@nord.test", "anna@nord.test"},
		{"Anna@NORD.Test", "Anna@nord.test"},
		{"anna@nord.test.", "anna@nord.test"},
		{`"anna berg"@nord.test`, `"anna berg"@nord.test`},
		{`"anna"@nord.test`, "anna@nord.test"},
		{`"a\"b"@nord.test`, `"a\"b"@nord.test`},
		{`"a@b"@nord.test`, `"a@b"@nord.test`},
		{"anna+tag@nord.test", "anna+tag@nord.test"},
		{"jürgen@müller.test", "jürgen@xn--mller-kva.test"},
		{"ju\u0308rgen@nord.test", "jürgen@nord.test"}, // NFD becomes NFC
		{"x@xn--mller-kva.test", "x@xn--mller-kva.test"},
		{"x@straße.test", "x@xn--strae-oqa.test"},
		{"x@[192.0.2.1]", "x@[192.0.2.1]"},
		// Not by the book, and in use.
		{"an..na@nord.test", `"an..na"@nord.test`},
		{".anna.@nord.test", `".anna."@nord.test`},
		{"anna@No_Rd.test", "anna@no_rd.test"},
		{"anna@-nord-._tcp.test", "anna@-nord-._tcp.test"},
		{"anna@R3---sn.test", "anna@r3---sn.test"},
		{strings.Repeat("a", 255) + "@nord.test", strings.Repeat("a", 255) + "@nord.test"},
		{"x@[IPv6:2001:DB8::1]", "x@[IPv6:2001:db8::1]"},
	}
	for _, tt := range tests {
		a, err := ParseAddress(tt.in)
		if err != nil {
			t.Errorf("ParseAddress(%q): %v", tt.in, err)
			continue
		}
		if a.String() != tt.want {
			t.Errorf("ParseAddress(%q) = %q, want %q", tt.in, a.String(), tt.want)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, in := range []string{
		"", "@", "anna", "anna@", "@nord.test", "anna@@nord.test",
		"an na@nord.test", "anna@nord..test", "anna@no_rd..test", "anna@.no_rd.test", "anna@nö_rd.test", "anna@xn--no_rd.test", "anna@no%rd.test",
		"anna@[192.0.2]",
		"anna@[IPv6:192.0.2.1]", "anna@[IPv6:fe80::1%eth0]", "anna@[192.0.2.1", `"anna@nord.test`, `"an"na"@nord.test`,
		"anna@nord.test\r\nRCPT TO:<x@y>", "an\x00na@nord.test", "an\u009bna@nord.test", "an\u0085na@nord.test", "\"an\u2028na\"@nord.test", "\"an\nna\"@nord.test", "\xff@nord.test",
		strings.Repeat("a", 256) + "@nord.test", "a@" + strings.Repeat("_", 64) + ".test", "a@" + strings.Repeat("b", 64) + ".test",
		"a@" + strings.Repeat("bcdefgh.", 32) + "test", "<anna@nord.test>",
	} {
		if a, err := ParseAddress(in); err == nil {
			t.Errorf("ParseAddress(%q) = %q, want an error", in, a)
		}
	}
}

func TestConforms(t *testing.T) {
	for in, want := range map[string]bool{
		"anna@nord.test": true, `"anna berg"@nord.test`: true, "x@[192.0.2.1]": true, "x@xn--mller-kva.test": true, "x@a-b.r3---sn.test": true,
		"an..na@nord.test": false, ".anna@nord.test": false, "anna.@nord.test": false, "anna@no_rd.test": false, "anna@-nord.test": false,
		"anna@nord-.test": false, strings.Repeat("a", 65) + "@nord.test": false, "a@" + strings.Repeat("bcdefgh.", 31) + "test": true,
		strings.Repeat("a", 10) + "@" + strings.Repeat("bcdefgh.", 31) + "test": false,
	} {
		a, err := ParseAddress(in)
		if err != nil || a.Conforms() != want {
			t.Errorf("%q: %v, %v", in, a.Conforms(), err)
		}
	}
	if (Address{}).Conforms() || Domain("").Conforms() {
		t.Error("nothing conforms")
	}
}

func TestDomainUnicode(t *testing.T) {
	d, err := ParseDomain("MÜLLER.test")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Unicode(); got != "müller.test" {
		t.Errorf("Unicode() = %q", got)
	}
	if d != "xn--mller-kva.test" {
		t.Errorf("canonical form is %q", d)
	}
}

func TestLiteral(t *testing.T) {
	a, err := ParseAddress("x@[IPv6:2001:db8::1]")
	if err != nil {
		t.Fatal(err)
	}
	ip, ok := a.Domain.Literal()
	if !ok || ip.String() != "2001:db8::1" {
		t.Errorf("Literal() = %v, %v", ip, ok)
	}
	if _, ok := Domain("nord.test").Literal(); ok {
		t.Error("a name is no literal")
	}
}

// FuzzParseAddress holds that what is accepted is within the limits, free of controls, and reads back as itself.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"anna@nord.test", `"a b\"c"@nord.test`, "jürgen@müller.test", "x@[IPv6:::1]", "a@b\r\n", "@@", "ａ@ｂ.test", "a..b@c_d.test", ".@-_-", "x@R3---sn.XN--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.String(), "\r\n\x00") {
			t.Fatalf("%q holds a control character", a.String())
		}
		if len(a.Local) > mostLocal || len(a.Domain) > MaxDomainLen {
			t.Fatalf("%q is over the limits", a.String())
		}
		b, err := ParseAddress(a.String())
		if err != nil || b != a {
			t.Fatalf("%q reads back as %q, %v (from %q)", a, b, err, s)
		}
	})
}

func BenchmarkParseAddress(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAddress("anna.berg@nord.test"); err != nil {
			b.Fatal(err)
		}
	}
}
