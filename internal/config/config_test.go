package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestExampleHoldsTheDefaults(t *testing.T) {
	got, err := Parse("posthorn.toml", []byte(Example("mail.nord.test", "data")))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Hostname.Domain = "mail.nord.test"
	// An empty list in the file and an absent one mean the same.
	want.Listen.LMTP, got.Listen.LMTP = nil, nilIfEmpty(got.Listen.LMTP)
	got.Listen.ProxyFrom, got.DNS.Servers = nilIfEmpty(got.Listen.ProxyFrom), nilIfEmpty(got.DNS.Servers)
	got.Listen.Trusted, got.Listen.LoginWithoutTLSFrom = nilIfEmpty(got.Listen.Trusted), nilIfEmpty(got.Listen.LoginWithoutTLSFrom)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example says\n%+v, the defaults are\n%+v", got, want)
	}
}

func nilIfEmpty[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}

// TestExampleNamesEveryKey holds the example to the schema, so that no key is left undocumented.
func TestExampleNamesEveryKey(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[Config]().PkgPath() {
			return
		}
		for i := range typ.NumField() {
			if key := typ.Field(i).Tag.Get("toml"); key != "" {
				if !strings.Contains(example, key) {
					t.Errorf("the example does not show %s", key)
				}
				walk(typ.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
	uncommented := strings.NewReplacer("\n#[", "\n[", "\n#cert", "\ncert", "\n#key", "\nkey", "\n#domains", "\ndomains", "\n#host", "\nhost",
		"\n#tls", "\ntls", "\n#user", "\nuser", "\n#protocol", "\nprotocol", "\n#password", "\npassword").Replace(example)
	uncommented = strings.Replace(uncommented, "trust = \"\"", "", 1) // a key after a table belongs to the table
	c, err := Parse("x", []byte(strings.ReplaceAll(uncommented, "HOSTNAME", "mx.test")))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.TLS.Certificates) != 1 || len(c.Routes) != 1 {
		t.Errorf("the commented parts do not parse to what they show: %+v", c)
	}
}

func TestErrorsNameFileAndLine(t *testing.T) {
	for src, want := range map[string]string{
		"hostname = \"a.test\"\nhostnam = 1":                    "f.toml:2: unknown key hostnam",
		"hostname = \"a.test\"\n[listen]\n\nstmp = []":          "f.toml:4: unknown key listen.stmp",
		"hostname = \"a.test\"\ndata = 5":                       "f.toml:2: ",
		"hostname = \"a.test\"\n[mail]\nmax_size = \"lots\"":    "f.toml:3: ",
		"hostname = \"a.test\"\n[mail]\nmax_size = \"1 KiB\"":   "f.toml:3: mail.max_size: must be at least 64 KiB",
		"hostname = \"not a host\"":                             "f.toml:1: ",
		"hostname = \"[192.0.2.1]\"":                            "f.toml:1: ",
		"data = \"x\"":                                          "f.toml: hostname: is missing",
		"hostname = \"a.test\"\n[listen]\nsmtp = [\"25\"]":      "f.toml:3: ",
		"hostname = \"a.test\"\n[listen]\nsmtp = [\":smtp\"]":   "f.toml:3: ",
		"hostname = \"a.test\"\n[queue]\ngive_up = \"-5h\"":     "f.toml:3: ",
		"hostname = \"a.test\"\n[log]\nlevel = \"loud\"":        "f.toml:3: ",
		"hostname = \"a.test\"\n[log]\nformat = \"xml\"":        "f.toml:3: ",
		"hostname = \"a.test\"\n[dns]\nservers = [\"one\"]":     "f.toml:3: dns.servers: ",
		"hostname = \"a.test\"\n[[route]]\nhost=\"b\"":          "f.toml:2: route: a route needs domains",
		"hostname = \"a.test\"\n[listen]\nproxy_from = [\"x\"]": "f.toml:3: ",
		"hostname = ": "f.toml:1: ",
		"hostname = \"a.test\"\n[[route]]\nhost=\"b\"\ndomains=[\"*\"]\nuser=\"u\"":                                             "f.toml:2: route: a route's login needs both",
		"hostname = \"a.test\"\n[[route]]\nhost=\"b\"\ndomains=[\"*\"]\nuser=\"u\"\npassword_file=\"p\"\ntls=\"opportunistic\"": "f.toml:2: route: a route with a login needs TLS",
	} {
		_, err := Parse("f.toml", []byte(src))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q\n gave %v\n want %s…", src, err, want)
		}
	}
}

func TestLoadMakesPathsAbsolute(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "posthorn.toml")
	src := "hostname = \"Müller.Test\"\n[mail]\nmax_size = \"10MB\"\njourney = \"7d\"\n[[tls.certificate]]\ncert = \"a.pem\"\nkey = \"/k.pem\"\n"
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != filepath.Join(dir, "data") || c.TLS.Certificates[0] != (Certificate{filepath.Join(dir, "a.pem"), "/k.pem"}) {
		t.Errorf("paths: %+v", c)
	}
	if c.Hostname.Domain != "xn--mller-kva.test" || c.Mail.MaxSize != 10_000_000 || c.Mail.Journey.Std() != 7*24*time.Hour {
		t.Errorf("values: %+v", c)
	}
}

func TestNetworks(t *testing.T) {
	c, err := Parse("f", []byte("hostname = \"a.test\"\n[listen]\ntrusted = [\"192.0.2.7\", \"2001:db8::1\", \"10.1.2.3/8\"]"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(Prefixes(c.Listen.Trusted)), "[192.0.2.7/32 2001:db8::1/128 10.0.0.0/8]"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	_, err = Parse("f", []byte("hostname = \"a.test\"\n[listen]\ntrusted = [\"printer\"]"))
	if err == nil || !strings.HasPrefix(err.Error(), "f:3: ") || !strings.Contains(err.Error(), "is not an address or a network") {
		t.Errorf("got %v", err)
	}
}

func TestRouteHostPort(t *testing.T) {
	for in, want := range map[string]string{"a": "a 0 <nil>", "a:26": "a 26 <nil>", "[2001:db8::1]:25": "2001:db8::1 25 <nil>"} {
		r := Route{Host: in}
		h, p, err := r.HostPort()
		if got := fmt.Sprint(h, " ", p, " ", err); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
	if _, _, err := (&Route{Host: "a:smtp"}).HostPort(); err == nil {
		t.Error("a port by name was taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Example("a.test", "d")))
	f.Fuzz(func(t *testing.T, src []byte) {
		if c, err := Parse("f", src); err == nil && c.Hostname.Domain == "" {
			t.Error("a configuration without a hostname was taken")
		}
	})
}
