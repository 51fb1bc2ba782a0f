package directory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

func setUp(tb testing.TB) *Directory {
	tb.Helper()
	d := openDirectory(tb, openStore(tb), Options{Hostname: "mx.nord.test"})
	ctx := tb.Context()
	addDomains(tb, d, "nord.test", "all.test", "empty.test")
	must(tb, d.AddDomainAlias(ctx, "north.test", "nord.test"))
	addAccount(tb, d, "", "Anna@nord.test", "anna.b@nord.test", "a+b@nord.test")
	addAccount(tb, d, "", "jürgen@nord.test")
	off := addAccount(tb, d, "", "off@nord.test")
	must(tb, d.SetStatus(ctx, off.ID, Disabled))
	addAccount(tb, d, "", "c@all.test")
	must(tb, d.SetCatchAll(ctx, "all.test", address(tb, "c@all.test")))
	for a, to := range map[string][]string{
		"info":   {"anna@nord.test"},
		"both":   {"anna@nord.test", "anna.b@nord.test", "jürgen@nord.test", "x@elsewhere.test", "X@elsewhere.test"},
		"out":    {"x@elsewhere.test"},
		"loop":   {"loop2@nord.test"},
		"loop2":  {"loop@nord.test", "info@nord.test"},
		"lost":   {"nobody@nord.test"},
		"dead":   {"off@nord.test"},
		"tagged": {"anna+fixed@nord.test"},
	} {
		must(tb, d.SetAlias(ctx, address(tb, a+"@nord.test"), addresses(tb, to...)))
	}
	must(tb, d.AddGroup(ctx, address(tb, "team@nord.test"), "Team", addresses(tb, "both@nord.test", "c@all.test", "inner@nord.test")))
	must(tb, d.AddGroup(ctx, address(tb, "inner@nord.test"), "", addresses(tb, "team@nord.test", "off@nord.test", "y@elsewhere.test")))
	must(tb, d.AddGroup(ctx, address(tb, "solo@nord.test"), "", addresses(tb, "anna@nord.test")))
	return d
}

func say(r Resolution) string {
	var out []string
	for _, l := range r.Locals {
		s := l.Address.String()
		if l.Tag != "" {
			s += "[" + l.Tag + "]"
		}
		out = append(out, s)
	}
	for _, a := range r.Remotes {
		out = append(out, "->"+a.String())
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestResolve(t *testing.T) {
	d := setUp(t)
	for _, tt := range []struct {
		address string
		want    string // "" with a kind, or not ours
		kind    mail.Kind
	}{
		{"anna@nord.test", "Anna@nord.test", 0},
		{"ANNA@Nord.TEST", "Anna@nord.test", 0},
		{"anna.b@nord.test", "anna.b@nord.test", 0},
		{"anna+Tag@nord.test", "Anna@nord.test[Tag]", 0},
		{"anna+a+b@nord.test", "Anna@nord.test[a+b]", 0},
		{"a+b@nord.test", "a+b@nord.test", 0},
		{"+anna@nord.test", "", mail.KindNoSuchUser},
		{"ju\u0308rgen@nord.test", "jürgen@nord.test", 0},
		{"JÜRGEN+x@nord.test", "jürgen@nord.test[x]", 0},
		{"anna@north.test", "Anna@nord.test", 0},
		{"anna+t@north.test", "Anna@nord.test[t]", 0},
		{"nobody@nord.test", "", mail.KindNoSuchUser},
		{"nobody@north.test", "", mail.KindNoSuchUser},
		{"off@nord.test", "", mail.KindDisabled},
		{"dead@nord.test", "", mail.KindDisabled},
		{"lost@nord.test", "", mail.KindNoSuchUser},
		{"info@nord.test", "Anna@nord.test", 0},
		{"info+x@nord.test", "Anna@nord.test[x]", 0},
		{"tagged@nord.test", "Anna@nord.test[fixed]", 0},
		{"both@nord.test", "->x@elsewhere.test Anna@nord.test jürgen@nord.test", 0},
		{"out@nord.test", "->x@elsewhere.test", 0},
		{"loop@nord.test", "Anna@nord.test", 0},
		{"team@nord.test", "->x@elsewhere.test ->y@elsewhere.test Anna@nord.test c@all.test jürgen@nord.test", 0},
		{"anything@all.test", "c@all.test", 0},
		{"x@elsewhere.test", "", 0},
		{"x@sub.nord.test", "", 0},
		{"x@[192.0.2.1]", "", 0},
		{"postmaster@nord.test", "Anna@nord.test", 0}, // the oldest account
		{"PostMaster@empty.test", "Anna@nord.test", 0},
		{"abuse@north.test", "Anna@nord.test", 0},
		{"postmaster@all.test", "c@all.test", 0},
		{"postmaster@mx.nord.test", "Anna@nord.test", 0},
		{"hostmaster@mx.nord.test", "", 0},
		{"postmaster@elsewhere.test", "", 0},
		{"nobody@empty.test", "", mail.KindNoSuchUser},
	} {
		for _, temperature := range []string{"cold", "warm"} {
			r, err := d.Resolve(t.Context(), address(t, tt.address))
			if tt.kind != 0 {
				wantKind(t, err, tt.kind, tt.address)
				continue
			}
			if err != nil || say(r) != tt.want || r.Ours != (tt.want != "") {
				t.Errorf("%s (%s): %q ours=%v, %v; want %q", tt.address, temperature, say(r), r.Ours, err, tt.want)
			}
		}
	}
	r, err := d.Resolve(t.Context(), mail.Address{Local: "POSTMASTER"})
	if err != nil || say(r) != "Anna@nord.test" {
		t.Errorf("postmaster without a domain: %q %v", say(r), err)
	}
	_, err = d.Resolve(t.Context(), mail.Address{Local: "anna"})
	wantKind(t, err, mail.KindBadAddress, "anna without a domain")
	r, err = d.Resolve(t.Context(), address(t, "anna@nord.test"))
	if err != nil || r.Locals[0].Lang != text.DE || len(r.Via) != 0 {
		t.Errorf("language %v via %v, %v", r.Locals[0].Lang, r.Via, err)
	}
	r, err = d.Resolve(t.Context(), address(t, "loop@nord.test"))
	if err != nil || fmt.Sprint(r.Via) != "[loop@nord.test loop2@nord.test info@nord.test]" {
		t.Errorf("via %v, %v", r.Via, err)
	}
}

func TestPostmasterAsConfigured(t *testing.T) {
	for boss, want := range map[string]string{
		"boss@nord.test":       "boss@nord.test",
		"admin@elsewhere.test": "->admin@elsewhere.test",
		"gone@nord.test":       "first@nord.test", // must be accepted, whatever was configured
		"postmaster@nord.test": "first@nord.test",
		"abuse@nord.test":      "first@nord.test",
	} {
		d := openDirectory(t, openStore(t), Options{Postmaster: address(t, boss)})
		addDomains(t, d, "nord.test", "two.test")
		addAccount(t, d, "", "first@nord.test")
		addAccount(t, d, "", "boss@nord.test")
		for _, a := range []string{"postmaster@nord.test", "abuse@two.test"} {
			if r, err := d.Resolve(t.Context(), address(t, a)); err != nil || say(r) != want {
				t.Errorf("%s with %s: %q %v", a, boss, say(r), err)
			}
		}
		addAccount(t, d, "", "Postmaster@two.test")
		if r, err := d.Resolve(t.Context(), address(t, "postmaster@two.test")); err != nil || say(r) != "Postmaster@two.test" {
			t.Errorf("an address of its own: %q %v", say(r), err)
		}
	}
	d := openDirectory(t, openStore(t), Options{})
	addDomains(t, d, "nord.test")
	_, err := d.Resolve(t.Context(), address(t, "postmaster@nord.test"))
	wantKind(t, err, mail.KindNoSuchUser, "nobody at all")
}

func TestResolveIsBounded(t *testing.T) {
	d := openDirectory(t, openStore(t), Options{})
	ctx := t.Context()
	addDomains(t, d, "nord.test")
	addAccount(t, d, "", "end@nord.test")
	for i := range maxDepth + 1 {
		to := fmt.Sprintf("hop%d@nord.test", i-1)
		if i == 0 {
			to = "end@nord.test"
		}
		must(t, d.SetAlias(ctx, address(t, fmt.Sprintf("hop%d@nord.test", i)), addresses(t, to)))
	}
	if r, err := d.Resolve(ctx, address(t, fmt.Sprintf("hop%d@nord.test", maxDepth-1))); err != nil || say(r) != "end@nord.test" {
		t.Errorf("deepest allowed: %q %v", say(r), err)
	}
	_, err := d.Resolve(ctx, address(t, fmt.Sprintf("hop%d@nord.test", maxDepth)))
	wantKind(t, err, mail.KindLimit, "too deep")

	var groups []mail.Address
	for g := range 3 {
		var members []mail.Address
		for i := range maxTargets {
			members = append(members, mail.Address{Local: fmt.Sprintf("m%d-%d", g, i), Domain: "elsewhere.test"})
		}
		a := address(t, fmt.Sprintf("g%d@nord.test", g))
		must(t, d.AddGroup(ctx, a, "", members))
		groups = append(groups, a)
	}
	if r, err := d.Resolve(ctx, groups[0]); err != nil || len(r.Remotes) != maxTargets {
		t.Errorf("a large group: %d %v", len(r.Remotes), err)
	}
	must(t, d.AddGroup(ctx, address(t, "all@nord.test"), "", groups))
	_, err = d.Resolve(ctx, address(t, "all@nord.test"))
	wantKind(t, err, mail.KindLimit, "too many")
	wantKind(t, d.AddMember(ctx, groups[0], address(t, "one@more.test")), mail.KindLimit, "member too many")
}

func TestManyLocalsAreDeduplicated(t *testing.T) {
	d := openDirectory(t, openStore(t), Options{})
	addDomains(t, d, "nord.test")
	var members []string
	for i := range 20 {
		addAccount(t, d, "", fmt.Sprintf("u%d@nord.test", i), fmt.Sprintf("v%d@nord.test", i))
		members = append(members, fmt.Sprintf("u%d@nord.test", i), fmt.Sprintf("v%d@nord.test", i))
	}
	must(t, d.AddGroup(t.Context(), address(t, "all@nord.test"), "", addresses(t, members...)))
	r, err := d.Resolve(t.Context(), address(t, "all@nord.test"))
	if err != nil || len(r.Locals) != 20 {
		t.Fatalf("%d locals, %v", len(r.Locals), err)
	}
}

func TestMaySend(t *testing.T) {
	d := setUp(t)
	anna, err := d.ByAddress(t.Context(), address(t, "ANNA@north.test"))
	must(t, err)
	c, err := d.ByAddress(t.Context(), address(t, "c@all.test"))
	must(t, err)
	for from, want := range map[string]bool{
		"anna@nord.test": true, "Anna.B@nord.test": true, "anna+x@nord.test": true, "anna@north.test": true, "a+b@nord.test": true,
		"info@nord.test": true, "info+x@nord.test": true, "loop@nord.test": true,
		"postmaster@nord.test": false, "both@nord.test": false, "team@nord.test": false, "solo@nord.test": false, "out@nord.test": false, "jürgen@nord.test": false,
		"nobody@nord.test": false, "x@elsewhere.test": false, "off@nord.test": false, "anything@all.test": false, "anna@nord.test.evil.test": false,
	} {
		err := d.MaySend(t.Context(), anna.ID, address(t, from))
		if want != (err == nil) {
			t.Errorf("anna as %s: %v", from, err)
		}
		if err != nil {
			wantKind(t, err, mail.KindSenderNotYours, from)
		}
	}
	must(t, d.MaySend(t.Context(), anna.ID, mail.Address{}))
	wantKind(t, d.MaySend(t.Context(), c.ID, address(t, "anything@all.test")), mail.KindSenderNotYours, "the catch-all's owner")
	must(t, d.MaySend(t.Context(), c.ID, address(t, "c@all.test")))
}
