package smtp

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

const all = ^Extensions(0)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func addr(s string) mail.Address {
	if s == "" {
		return mail.Address{}
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func TestParseCommand(t *testing.T) {
	for _, c := range []struct {
		in   string
		verb Verb
		args string
	}{
		{"EHLO mail.example.org", VerbEhlo, "mail.example.org"}, {"ehlo x", VerbEhlo, "x"}, {"HeLo  x ", VerbHelo, "x"},
		{"LHLO x", VerbLhlo, "x"}, {"MAIL FROM:<>", VerbMail, "FROM:<>"}, {"RCPT TO:<a@b.example>", VerbRcpt, "TO:<a@b.example>"},
		{"DATA", VerbData, ""}, {"BDAT 1 LAST", VerbBdat, "1 LAST"}, {"RSET", VerbRset, ""}, {"NOOP hello", VerbNoop, "hello"},
		{"QUIT", VerbQuit, ""}, {"VRFY a", VerbVrfy, "a"}, {"EXPN a", VerbExpn, "a"}, {"HELP", VerbHelp, ""},
		{"StartTLS", VerbStartTLS, ""}, {"AUTH PLAIN =", VerbAuth, "PLAIN ="},
		{"", VerbUnknown, ""}, {"DAT", VerbUnknown, "DAT"}, {"DATAX", VerbUnknown, "DATAX"}, {" DATA", VerbUnknown, " DATA"},
		{"STARTTLSX", VerbUnknown, "STARTTLSX"}, {"GET / HTTP/1.1", VerbUnknown, "GET / HTTP/1.1"}, {"?", VerbUnknown, "?"},
		{"DATA\tx", VerbUnknown, "DATA\tx"},
	} {
		if v, args := ParseCommand([]byte(c.in)); v != c.verb || string(args) != c.args {
			t.Errorf("%q: %v %q, want %v %q", c.in, v, args, c.verb, c.args)
		}
	}
}

func TestParseMail(t *testing.T) {
	for _, c := range []struct {
		in   string
		want mail.Envelope
	}{
		{"FROM:<>", mail.Envelope{}},
		{"from:<a@b.example>", mail.Envelope{From: addr("a@b.example")}},
		{"FROM: <a@b.example>", mail.Envelope{From: addr("a@b.example")}},
		{"FROM:<@x.example,@y.example:a@b.example>", mail.Envelope{From: addr("a@b.example")}},
		{`FROM:<"a>b <c\" "@b.example> SIZE=7`, mail.Envelope{From: mail.Address{Local: `a>b <c" `, Domain: "b.example"}, Size: 7}},
		{"FROM:<a@[192.0.2.1]>", mail.Envelope{From: addr("a@[192.0.2.1]")}},
		{"FROM:<a@[IPv6:2001:db8::1]>", mail.Envelope{From: addr("a@[IPv6:2001:db8::1]")}},
		{"FROM:<jörg@nörd.example> SMTPUTF8", mail.Envelope{From: addr("jörg@nörd.example"), UTF8: true}},
		{"FROM:<> BODY=7BIT", mail.Envelope{}},
		{"FROM:<> body=8bitmime  SIZE=0 ", mail.Envelope{Body: mail.Body8Bit}},
		{"FROM:<> BODY=BINARYMIME RET=FULL", mail.Envelope{Body: mail.BodyBinary, Return: mail.ReturnFull}},
		{"FROM:<> RET=hdrs ENVID=a+2Bb+3D", mail.Envelope{Return: mail.ReturnHeaders, EnvID: "a+b="}},
		{"FROM:<> SIZE=99999999999999999999", mail.Envelope{Size: math.MaxInt64}},
		{"FROM:<> AUTH=<>", mail.Envelope{}},
		{"FROM:<> AUTH=e+3Dmc2@example.com", mail.Envelope{}},
		{"FROM:<> HOLDFOR=60", mail.Envelope{HoldUntil: now.Add(time.Minute)}},
		{"FROM:<> HOLDUNTIL=2026-12-24T18:00:00Z", mail.Envelope{HoldUntil: time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)}},
		{"FROM:<> REQUIRETLS", mail.Envelope{RequireTLS: true}},
	} {
		got, err := ParseMail([]byte(c.in), all, now)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if got.From != c.want.From || got.Size != c.want.Size || got.Body != c.want.Body || got.UTF8 != c.want.UTF8 ||
			got.Return != c.want.Return || got.EnvID != c.want.EnvID || got.RequireTLS != c.want.RequireTLS ||
			!got.HoldUntil.Equal(c.want.HoldUntil) {
			t.Errorf("%q:\n got %+v\nwant %+v", c.in, got, c.want)
		}
	}
}

func TestParseMailRefuses(t *testing.T) {
	for _, c := range []struct {
		in   string
		ext  Extensions
		kind mail.Kind
	}{
		{"", all, mail.KindSyntax},
		{"TO:<a@b.example>", all, mail.KindSyntax},
		{"FROM:a@b.example", all, mail.KindSyntax},
		{"FROM:<a@b.example", all, mail.KindSyntax},
		{"FROM:<a@b.example>SIZE=1", all, mail.KindSyntax},
		{`FROM:<"a@b.example>`, all, mail.KindSyntax},
		{"FROM:<a>", all, mail.KindBadAddress},
		{"FROM:<a@>", all, mail.KindBadAddress},
		{"FROM:<a..b@c..example>", all, mail.KindBadAddress},
		{"FROM:<a@b.example\x00>", all, mail.KindBadAddress},
		{"FROM:<@x.example>", all, mail.KindBadAddress},
		{"FROM:<@x.example,y.example:a@b.example>", all, mail.KindBadAddress},
		{"FROM:<@x.example,:a@b.example>", all, mail.KindBadAddress},
		{"FROM:<" + strings.Repeat("a", 256) + "@b.example>", all, mail.KindBadAddress},
		{"FROM:<" + strings.Repeat("a", 2000) + "@b.example>", all, mail.KindBadAddress},
		{"FROM:<jörg@b.example>", all, mail.KindNeedsUTF8},
		{"FROM:<a@nörd.example>", all, mail.KindNeedsUTF8},
		{"FROM:<j\xf6rg@b.example> SMTPUTF8", all, mail.KindSyntax},
		{"FROM:<> SIZE", all, mail.KindSyntax},
		{"FROM:<> SIZE=", all, mail.KindSyntax},
		{"FROM:<> SIZE=x", all, mail.KindSyntax},
		{"FROM:<> SIZE=-1", all, mail.KindSyntax},
		{"FROM:<> SIZE=999999999999999999999", all, mail.KindSyntax},
		{"FROM:<> SIZE=1 size=2", all, mail.KindSyntax},
		{"FROM:<> BODY=9BIT", all, mail.KindSyntax},
		{"FROM:<> BODY=BINARYMIME", all &^ BinaryMIME, mail.KindSyntax},
		{"FROM:<> SMTPUTF8=1", all, mail.KindSyntax},
		{"FROM:<> REQUIRETLS=yes", all, mail.KindSyntax},
		{"FROM:<> RET=ALL", all, mail.KindSyntax},
		{"FROM:<> ENVID=" + strings.Repeat("x", 101), all, mail.KindSyntax},
		{"FROM:<> ENVID=a+0Db", all, mail.KindSyntax},
		{"FROM:<> ENVID=a+0", all, mail.KindSyntax},
		{"FROM:<> AUTH=+0A", all, mail.KindSyntax},
		{"FROM:<> HOLDFOR=0", all, mail.KindSyntax},
		{"FROM:<> HOLDFOR=9999999999", all, mail.KindSyntax},
		{"FROM:<> HOLDFOR=5 HOLDUNTIL=2026-12-24T18:00:00Z", all, mail.KindSyntax},
		{"FROM:<> HOLDUNTIL=tomorrow", all, mail.KindSyntax},
		{"FROM:<> X=1 -Y", all, mail.KindUnsupported},
		{"FROM:<> =1", all, mail.KindSyntax},
		{"FROM:<> SOLICIT=x", all, mail.KindUnsupported},
		{"FROM:<> SIZE=1", 0, mail.KindUnsupported},
		{"FROM:<> BODY=8BITMIME", 0, mail.KindUnsupported},
		{"FROM:<> SMTPUTF8", 0, mail.KindUnsupported},
		{"FROM:<> RET=FULL", 0, mail.KindUnsupported},
		{"FROM:<> REQUIRETLS", 0, mail.KindUnsupported},
		{"FROM:<> HOLDFOR=5", 0, mail.KindUnsupported},
		{"FROM:<> AUTH=<>", 0, mail.KindUnsupported},
	} {
		got, err := ParseMail([]byte(c.in), c.ext, now)
		if !mail.IsKind(err, c.kind) {
			t.Errorf("%.80q: %+v, error %v, want kind %d", c.in, got, err, c.kind)
		}
	}
}

func TestParseRcpt(t *testing.T) {
	for _, c := range []struct {
		in   string
		want mail.Recipient
	}{
		{"TO:<a@b.example>", mail.Recipient{Address: addr("a@b.example")}},
		{"to: <a@B.Example>", mail.Recipient{Address: addr("a@b.example")}},
		{"TO:<PostMaster>", mail.Recipient{Address: mail.Address{Local: "PostMaster", Domain: "self.example"}}},
		{"TO:<@hop.example:a@b.example>", mail.Recipient{Address: addr("a@b.example")}},
		{"TO:<a@b.example> NOTIFY=NEVER", mail.Recipient{Address: addr("a@b.example"), Notify: mail.NotifyNever}},
		{"TO:<a@b.example> NOTIFY=success,DELAY", mail.Recipient{Address: addr("a@b.example"), Notify: mail.NotifySuccess | mail.NotifyDelay}},
		{"TO:<a@b.example> ORCPT=RFC822;x+2By@z.example NOTIFY=FAILURE", mail.Recipient{Address: addr("a@b.example"),
			Notify: mail.NotifyFailure, OriginalType: "rfc822", Original: "x+y@z.example"}},
		{`TO:<a@b.example> ORCPT=utf-8;j\x{F6}rg\x{2B}x@b.example`, mail.Recipient{Address: addr("a@b.example"),
			OriginalType: "utf-8", Original: "jörg+x@b.example"}},
		{"TO:<jörg@b.example> ORCPT=utf-8;jörg@b.example", mail.Recipient{Address: addr("jörg@b.example"),
			OriginalType: "utf-8", Original: "jörg@b.example"}},
	} {
		got, err := ParseRcpt([]byte(c.in), all, "self.example")
		if err != nil || got != c.want {
			t.Errorf("%q:\n got %+v, %v\nwant %+v", c.in, got, err, c.want)
		}
	}
}

func TestParseRcptRefuses(t *testing.T) {
	for _, c := range []struct {
		in   string
		ext  Extensions
		kind mail.Kind
	}{
		{"FROM:<a@b.example>", all, mail.KindSyntax},
		{"TO:<>", all, mail.KindBadAddress},
		{"TO:<a>", all, mail.KindBadAddress},
		{"TO:a@b.example", all, mail.KindSyntax},
		{"TO:<jörg@b.example>", all &^ SMTPUTF8, mail.KindNeedsUTF8},
		{"TO:<a@b.example> NOTIFY=NEVER,DELAY", all, mail.KindSyntax},
		{"TO:<a@b.example> NOTIFY=", all, mail.KindSyntax},
		{"TO:<a@b.example> NOTIFY=SUCCESS,", all, mail.KindSyntax},
		{"TO:<a@b.example> NOTIFY", all, mail.KindSyntax},
		{"TO:<a@b.example> NOTIFY=DELAY NOTIFY=DELAY", all, mail.KindSyntax},
		{"TO:<a@b.example> NOTIFY=DELAY", all &^ DSN, mail.KindUnsupported},
		{"TO:<a@b.example> ORCPT=a@b.example", all, mail.KindSyntax},
		{"TO:<a@b.example> ORCPT=rfc822;", all, mail.KindSyntax},
		{"TO:<a@b.example> ORCPT=rfc822;a=b", all, mail.KindSyntax},
		{"TO:<a@b.example> ORCPT=;a@b.example", all, mail.KindSyntax},
		{"TO:<a@b.example> ORCPT=rfc822;a+0D+0Ab", all, mail.KindSyntax},
		{"TO:<a@b.example> ORCPT=rfc822;" + strings.Repeat("a", 500), all, mail.KindSyntax},
		{`TO:<a@b.example> ORCPT=utf-8;\x{D800}@b.example`, all, mail.KindSyntax},
		{`TO:<a@b.example> ORCPT=utf-8;\x{110000}@b.example`, all, mail.KindSyntax},
		{`TO:<a@b.example> ORCPT=utf-8;a+2Bb`, all, mail.KindSyntax},
		{"TO:<a@b.example> SIZE=1", all, mail.KindUnsupported},
	} {
		got, err := ParseRcpt([]byte(c.in), c.ext, "self.example")
		if !mail.IsKind(err, c.kind) {
			t.Errorf("%.80q: %+v, error %v, want kind %d", c.in, got, err, c.kind)
		}
	}
}

func TestParseBdat(t *testing.T) {
	for _, c := range []struct {
		in   string
		size int64
		last Last
		ok   bool
	}{
		{"0", 0, false, true}, {"86 LAST", 86, true, true}, {"0 last", 0, true, true}, {"999999999999999999", 999999999999999999, false, true},
		{"", 0, false, false}, {"x", 0, false, false}, {"-1", 0, false, false}, {"+1", 0, false, false}, {"1 FIRST", 0, false, false},
		{"9999999999999999999", 0, false, false}, {"1 LAST LAST", 0, false, false}, {"LAST", 0, false, false}, {"1  LAST", 1, true, true},
		{"0x10", 0, false, false},
	} {
		size, last, err := ParseBdat([]byte(c.in))
		if size != c.size || last != c.last || (err == nil) != c.ok {
			if c.ok || err == nil {
				t.Errorf("%q: %d, %v, %v", c.in, size, last, err)
			}
		}
	}
}

func TestParseAuth(t *testing.T) {
	for _, c := range []struct {
		in, mechanism, initial string
		ok                     bool
	}{
		{"PLAIN", "PLAIN", "", true}, {"plain =", "PLAIN", "=", true}, {"SCRAM-SHA-256-PLUS biws", "SCRAM-SHA-256-PLUS", "biws", true},
		{"", "", "", false}, {"PLAIN a b", "", "", false}, {"PL/AIN", "", "", false}, {"ABCDEFGHIJKLMNOPQRSTU", "", "", false},
	} {
		m, i, err := ParseAuth([]byte(c.in))
		if m != c.mechanism || i != c.initial || (err == nil) != c.ok {
			t.Errorf("%q: %q %q %v", c.in, m, i, err)
		}
	}
}

func TestParseHello(t *testing.T) {
	for in, ok := range map[string]bool{
		"mail.example.org": true, "[192.0.2.1]": true, "my_pc": true, "": false, "two words": false, "b\x00d": false,
		"BÜRO-PC": true, "B\xdcRO-PC": true, strings.Repeat("a", 256): false,
	} {
		if _, err := ParseHello([]byte(in)); (err == nil) != ok {
			t.Errorf("%q: %v", in, err)
		}
	}
	if got, err := ParseHello([]byte("B\xdcRO-PC")); err != nil || got != "B?RO-PC" {
		t.Errorf("%q %v", got, err)
	}
}
