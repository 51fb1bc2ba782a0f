package smtp

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// lines is a LineReader over text with CRLF.
type lines struct{ rest []byte }

func (l *lines) ReadLine() ([]byte, error) {
	line, rest, ok := bytes.Cut(l.rest, []byte("\r\n"))
	if !ok {
		return nil, io.EOF
	}
	l.rest = rest
	return line, nil
}

func read(s string) (Reply, error) { return ReadReply(&lines{[]byte(s)}) }

func TestReadReply(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Reply
	}{
		{"250 OK\r\n", Reply{250, "", []string{"OK"}}},
		{"250\r\n", Reply{250, "", []string{""}}},
		{"250 2.1.0 Sender ok\r\n", Reply{250, "2.1.0", []string{"Sender ok"}}},
		{"550-5.1.1 The address\r\n550-5.1.1 is\r\n550 5.1.1 unknown\r\n", Reply{550, "5.1.1", []string{"The address", "is", "unknown"}}},
		{"550-5.7.1 a\r\n550 b\r\n", Reply{550, "5.7.1", []string{"a", "b"}}},
		{"450 5.1.1 wrong class\r\n", Reply{450, "", []string{"5.1.1 wrong class"}}},
		{"220 2.example.org ESMTP\r\n", Reply{220, "", []string{"2.example.org ESMTP"}}},
		{"250 2.0.01 x\r\n", Reply{250, "", []string{"2.0.01 x"}}},
		{"250 2.0.0\r\n", Reply{250, "2.0.0", []string{""}}},
		{"550 no\x1b[2J\x00\x07\tway\u009b31m\r\n", Reply{550, "", []string{"no?[2J??\tway?31m"}}}, // replies are shown on terminals
		{"250 caf\xe9\r\n", Reply{250, "", []string{"caf\ufffd"}}},
	} {
		got, err := read(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v, %v, want %+v", c.in, got, err, c.want)
		}
	}
}

func TestReadReplyRefuses(t *testing.T) {
	for _, in := range []string{
		"", "25\r\n", "250x\r\n", "abc hello\r\n", "150 x\r\n", "650 x\r\n", "250-a\r\n251 b\r\n", "250-a\r\n",
		"2500 x\r\n", "250-a\r\nhello\r\n", strings.Repeat("250-x\r\n", MaxReplyLines+1) + "250 x\r\n",
		strings.Repeat("250-"+strings.Repeat("x", 2000)+"\r\n", 40) + "250 x\r\n",
	} {
		if r, err := read(in); err == nil {
			t.Errorf("%.60q: %+v", in, r)
		}
	}
}

func TestReplyAppend(t *testing.T) {
	for _, c := range []struct {
		r    Reply
		want string
	}{
		{Say(250, "2.0.0", "OK"), "250 2.0.0 OK\r\n"},
		{Say(354, "", "Go on"), "354 Go on\r\n"},
		{Reply{Code: 250}, "250 \r\n"},
		{Reply{550, "5.1.1", []string{"a", "", "c"}}, "550-5.1.1 a\r\n550-5.1.1\r\n550 5.1.1 c\r\n"},
		{Say(550, "5.0.0", "two\r\n250 lines"), "550 5.0.0 two??250 lines\r\n"},
	} {
		if got := string(c.r.Append(nil)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.r, got, c.want)
		}
	}
	if got := (Reply{550, "5.1.1", []string{"no", "such user"}}).String(); got != "550 5.1.1 no such user" {
		t.Errorf("for people: %q", got)
	}
}

func TestHello(t *testing.T) {
	r, err := read("250-mail.example.org greets you\r\n250-PIPELINING\r\n250-size 1000\r\n250-AUTH=LOGIN\r\n250-AUTH plain LOGIN\r\n" +
		"250-X-WHATEVER 1 2\r\n250-LIMITS RCPTMAX=20 MAILMAX=5 WHAT=1 RCPTDOMAINMAX=x\r\n250-FUTURERELEASE 86400 2027-01-01T00:00:00Z\r\n250 DSN\r\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Hello{Name: "mail.example.org", Ext: Pipelining | Size | Auth | Limits | FutureRelease | DSN, MaxSize: 1000,
		Auth: []string{"LOGIN", "PLAIN"}, RcptMax: 20, MailMax: 5, HoldMax: 86400, HoldLast: "2027-01-01T00:00:00Z"}
	if got := ReadHello(r); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	again, err := read(string(want.Reply("hi").Append(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := ReadHello(again); !reflect.DeepEqual(got, want) {
		t.Errorf("round trip: got %+v\nwant %+v", got, want)
	}
	if got := ReadHello(Say(502, "5.5.1", "what?")); !reflect.DeepEqual(got, Hello{}) {
		t.Errorf("of a refusal: %+v", got)
	}
}

func TestXtext(t *testing.T) {
	for _, s := range []string{"", "plain", "a+b=c", "blank and ümlaut", "\x00\xff"} {
		if got, ok := DecodeXtext(string(AppendXtext(nil, s))); !ok || got != s {
			t.Errorf("%q came back as %q, %v", s, got, ok)
		}
	}
	// The example of RFC 3461 section 4.
	if got := string(AppendXtext(nil, "a+b")); got != "a+2Bb" {
		t.Errorf("got %q", got)
	}
	for _, s := range []string{"a=b", "a+", "a+2", "a+zz", "a b", "é"} {
		if got, ok := DecodeXtext(s); ok {
			t.Errorf("%q was taken as %q", s, got)
		}
	}
}

func TestClientCommandsAreWhatServersParse(t *testing.T) {
	env := mail.Envelope{From: addr("jörg@nörd.example"), UTF8: true, Body: mail.Body8Bit, Size: 77, EnvID: "x+y=z ü", Return: mail.ReturnHeaders,
		RequireTLS: true, HoldUntil: now}
	got := string(AppendMail(nil, &env, all))
	want := "MAIL FROM:<jörg@xn--nrd-sna.example> SIZE=77 BODY=8BITMIME SMTPUTF8 REQUIRETLS HOLDUNTIL=2026-11-21T12:00:00Z RET=HDRS ENVID=x+2By+3Dz+20+C3+BC"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if back, err := ParseMail([]byte(got)[5:], all, now); err != nil || !reflect.DeepEqual(back, env) {
		t.Errorf("parsed to %+v, %v", back, err)
	}
	if got := string(AppendMail(nil, &env, 0)); got != "MAIL FROM:<jörg@xn--nrd-sna.example>" {
		t.Errorf("to a plain server: %s", got)
	}
	r := mail.Recipient{Address: addr(`"a b"@c.example`), Notify: mail.NotifySuccess | mail.NotifyFailure, OriginalType: "utf-8", Original: "jörg+x@b"}
	for ext, want := range map[Extensions]string{
		DSN:            `RCPT TO:<"a b"@c.example> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;j\x{F6}rg\x{2B}x@b`,
		DSN | SMTPUTF8: `RCPT TO:<"a b"@c.example> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;jörg\x{2B}x@b`,
	} {
		got := string(AppendRcpt(nil, &r, ext))
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if back, err := ParseRcpt([]byte(got)[5:], all, ""); err != nil || back != r {
			t.Errorf("parsed to %+v, %v", back, err)
		}
	}
}
