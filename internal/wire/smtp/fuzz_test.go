package smtp

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// FuzzParse gives a line to every parser; what MAIL and RCPT accept must survive formatting and parsing.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"MAIL FROM:<a@b.example> SIZE=1 BODY=8BITMIME RET=HDRS ENVID=x+2By", "MAIL FROM:<jörg@nörd.example> SMTPUTF8 HOLDFOR=7",
		`MAIL FROM:<"a\"> b"@[IPv6:2001:db8::1]> REQUIRETLS`, "RCPT TO:<@a.example,@b.example:c@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c",
		`RCPT TO:<Postmaster> ORCPT=utf-8;\x{F6}@x`, "BDAT 100 LAST", "AUTH PLAIN AGEAYg==", "EHLO [192.0.2.1]", "NOOP", "\x00\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, args := ParseCommand(in)
		switch v {
		case VerbMail:
			fuzzMail(t, args)
		case VerbRcpt:
			fuzzRcpt(t, args)
		case VerbBdat:
			if n, _, err := ParseBdat(args); err == nil && n < 0 {
				t.Fatalf("%q is %d bytes", in, n)
			}
		case VerbAuth:
			if m, initial, err := ParseAuth(args); err == nil && (m == "" || strings.ContainsRune(initial, ' ')) {
				t.Fatalf("%q: %q %q", in, m, initial)
			}
		case VerbUnknown:
			if !bytes.Equal(args, in) {
				t.Fatalf("%q became %q", in, args)
			}
		default:
			_, _ = ParseHello(args)
		}
	})
}

func fuzzMail(t *testing.T, args []byte) {
	env, err := ParseMail(args, all, now)
	if err != nil {
		if mail.AsFault(err).Kind == mail.KindInternal {
			t.Fatalf("%q: %v is no refusal", args, err)
		}
		return
	}
	line := AppendMail(nil, &env, all)
	if bytes.ContainsAny(line, "\r\n\x00") {
		t.Fatalf("formats as %q", line)
	}
	if !env.HoldUntil.IsZero() {
		return // the zone and fractions of seconds are not kept
	}
	back, err := ParseMail(line[len("MAIL "):], all, now)
	if err != nil && env.Size >= 1e18 {
		return
	}
	if err != nil || !reflect.DeepEqual(back, env) {
		t.Fatalf("%q: %+v, formatted %q, is %+v, %v", args, env, line, back, err)
	}
}

func fuzzRcpt(t *testing.T, args []byte) {
	r, err := ParseRcpt(args, all, "self.example")
	if err != nil {
		return
	}
	line := AppendRcpt(nil, &r, all)
	if bytes.ContainsAny(line, "\r\n\x00") {
		t.Fatalf("formats as %q", line)
	}
	back, err := ParseRcpt(line[len("RCPT "):], all, "self.example")
	if len(line) > maxOriginal {
		return // the encoding here can be longer than the one that was read
	}
	if err != nil || back != r {
		t.Fatalf("%q: %+v, formatted %q, is %+v, %v", args, r, line, back, err)
	}
}

// FuzzReply holds that a reply that was read reads the same after being formatted.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 OK\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "250-x\r\n250-SIZE 5\r\n250-AUTH PLAIN\r\n250 LIMITS RCPTMAX=5\r\n", "421\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ReadReply(&lines{in})
		if err != nil {
			return
		}
		h := ReadHello(r)
		if h2, err := ReadReply(&lines{h.Reply("x").Append(nil)}); err != nil || h2.Code != 250 {
			t.Fatalf("hello %+v: %v", h, err)
		}
		wire := r.Append(nil)
		back, err := ReadReply(&lines{wire})
		if err != nil || back.Code != r.Code || len(back.Lines) != len(r.Lines) {
			t.Fatalf("%q: %+v, formatted %q, is %+v, %v", in, r, wire, back, err)
		}
	})
}

func BenchmarkParseMail(b *testing.B) {
	line := []byte("MAIL FROM:<somebody@mail.example.org> SIZE=4096 BODY=8BITMIME")
	b.ReportAllocs()
	for b.Loop() {
		v, args := ParseCommand(line)
		if _, err := ParseMail(args, all, now); err != nil || v != VerbMail {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRcpt(b *testing.B) {
	line := []byte("RCPT TO:<somebody@mail.example.org>")
	b.ReportAllocs()
	for b.Loop() {
		_, args := ParseCommand(line)
		if _, err := ParseRcpt(args, all, "self.example"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	r := Say(250, "2.1.5", "Recipient ok")
	buf := make([]byte, 0, 100)
	b.ReportAllocs()
	for b.Loop() {
		buf = r.Append(buf[:0])
	}
}
