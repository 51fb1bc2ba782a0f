package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

func TestStringForms(t *testing.T) {
	long := strings.Repeat("x", maxQuoted+1)
	for _, c := range []struct {
		in, utf7, utf8 string
	}{
		{"", `""`, `""`},
		{"abc", `"abc"`, `"abc"`},
		{`a"b\`, `"a\"b\\"`, `"a\"b\\"`},
		{"a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
		{"ü", "{2}\r\nü", `"ü"`},
		{"\xff", "{1}\r\n\xff", "{1}\r\n\xff"},
		{"a\x00b", "{2}\r\nab", "{2}\r\nab"},
		{long, "{4097}\r\n" + long, "{4097}\r\n" + long},
	} {
		if got := string(AppendString(nil, c.in, UTF7)); got != c.utf7 {
			t.Errorf("%q: %q, want %q", c.in, got, c.utf7)
		}
		if got := string(AppendString(nil, c.in, UTF8)); got != c.utf8 {
			t.Errorf("%q in UTF-8: %q, want %q", c.in, got, c.utf8)
		}
	}
}

func TestAppendMailbox(t *testing.T) {
	for _, c := range []struct{ in, utf7, utf8 string }{
		{"INBOX", "INBOX", `"INBOX"`},
		{"Entwürfe", "Entw&APw-rfe", `"Entwürfe"`},
		{"a b", `"a b"`, `"a b"`},
		{`a"b`, `"a\"b"`, `"a\"b"`},
		{"a&b", "a&-b", `"a&b"`},
		{"a*", `"a*"`, `"a*"`},
		{"", `""`, `""`},
	} {
		if got := string(AppendMailbox(nil, c.in, UTF7)); got != c.utf7 {
			t.Errorf("%q: %s, want %s", c.in, got, c.utf7)
		}
		if got := string(AppendMailbox(nil, c.in, UTF8)); got != c.utf8 {
			t.Errorf("%q in UTF-8: %s, want %s", c.in, got, c.utf8)
		}
	}
}

// FuzzStrings holds reading and writing against each other.
func FuzzStrings(f *testing.F) {
	f.Add("a b\"\\")
	f.Add("Entwürfe & 台北")
	f.Add("a\r\nb")
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			return
		}
		for _, enc := range []Encoding{UTF7, UTF8} {
			p := NewParser(AppendString(nil, s, enc))
			if got := p.AString(); p.End() != nil || got != s {
				t.Fatalf("%q as a string reads as %q, %v", s, got, p.Err())
			}
		}
		p := NewParser(AppendMailbox(nil, s, UTF8))
		p.UTF8 = true
		got := p.Mailbox()
		if p.End() != nil { // not a name that we would ever store
			return
		}
		p7 := NewParser(AppendMailbox(nil, s, UTF7))
		if got7 := p7.Mailbox(); p7.End() != nil || got7 != got {
			t.Fatalf("mailbox %q reads as %q in UTF-8 and %q, %v in UTF-7", s, got, got7, p7.Err())
		}
	})
}

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, NewPool())
	w.Untagged(3, "FETCH (FLAGS ").Flags(mail.FlagSeen|mail.FlagDeleted, []string{"$junk", "x"}).Raw(" UID ").Number(7)
	w.Raw(" INTERNALDATE ").Time(time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)).Raw(" BODY[] ")
	if err := w.Literal(5, strings.NewReader("hello, and more")); err != nil {
		t.Fatal(err)
	}
	w.Raw(")").CRLF()
	w.Reply("a1", NO, "ALERT", "no\r\nü way")
	w.Continue("Ready")
	if out.Len() != 0 {
		t.Error("written before Flush")
	}
	if err := w.Flush(); err != nil || w.buf != nil {
		t.Fatal(err, "or a buffer is held")
	}
	want := "* 3 FETCH (FLAGS (\\Deleted \\Seen $junk x) UID 7 INTERNALDATE \"03-Feb-2026 04:05:06 +0000\" BODY[] {5}\r\nhello)\r\n" +
		"a1 NO [ALERT] no     way\r\n+ Ready\r\n"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestWriterStreamsLargeLiterals(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, NewPool())
	body := strings.Repeat("0123456789abcdef", 100_000)
	if err := w.Literal8(int64(len(body)), strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	if cap(w.buf) > bigBuffer {
		t.Errorf("buffer grew to %d bytes", cap(w.buf))
	}
	w.CRLF()
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "~{1600000}\r\n"+body+"\r\n" {
		t.Errorf("%d bytes: %.40q", len(got), got)
	}
}

func TestWriterKeepsTheFirstError(t *testing.T) {
	w := NewWriter(io.Discard, NewPool())
	if err := w.Literal(10, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	w.Raw("more")
	if err := w.Flush(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestEnvelopeAndStructure(t *testing.T) {
	env := &message.Envelope{
		RawDate: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", Subject: "IMAP4rev2 WG mtg summary and minutes",
		From: []message.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		To:   []message.Address{{Local: "imap", Domain: "cac.washington.edu"}},
		Cc: []message.Address{{Name: "A Group", Mark: message.MarkGroupStart}, {Local: "minutes", Domain: "CNRI.Reston.VA.US"},
			{Mark: message.MarkGroupEnd}},
		MessageID: "<B27397-0100000@cac.washington.edu>",
	}
	got := string(AppendEnvelope(nil, env, UTF7))
	want := `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ` +
		`(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ` +
		`(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ` +
		`((NIL NIL "A Group" NIL)(NIL NIL "minutes" "CNRI.Reston.VA.US")(NIL NIL NIL NIL)) NIL NIL "<B27397-0100000@cac.washington.edu>")`
	if got != want {
		t.Errorf("envelope\ngot  %s\nwant %s", got, want)
	}
	text := message.Part{Type: "text", Subtype: "plain", Params: message.Params{{Name: "charset", Value: "utf-8"}},
		Encoding: "8bit", BodyStart: 10, End: 110, Lines: 5}
	inner := message.Part{Type: "message", Subtype: "rfc822", BodyStart: 200, End: 300, Lines: 9,
		Envelope: &message.Envelope{Subject: "in"}, Children: []message.Part{text}}
	file := message.Part{Type: "image", Subtype: "png", Encoding: "base64", BodyStart: 1, End: 3, ID: "<i@x>",
		Disposition: "attachment", DispositionParams: message.Params{{Name: "filename", Value: "a.png"}},
		Language: []string{"de", "en"}, MD5: "Q2", Location: "l", Description: "d"}
	root := &message.Part{Type: "multipart", Subtype: "mixed", Params: message.Params{{Name: "boundary", Value: "b"}},
		Children: []message.Part{text, inner, file}}
	got = string(AppendStructure(nil, root, Basic, UTF7))
	want = `(("text" "plain" ("charset" "utf-8") NIL NIL "8bit" 100 5)("message" "rfc822" NIL NIL NIL "7bit" 100 ` +
		`(NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "utf-8") NIL NIL "8bit" 100 5) 9)` +
		`("image" "png" NIL "<i@x>" "d" "base64" 2) "mixed")`
	if got != want {
		t.Errorf("basic\ngot  %s\nwant %s", got, want)
	}
	got = string(AppendStructure(nil, root, Extended, UTF7))
	want = `(("text" "plain" ("charset" "utf-8") NIL NIL "8bit" 100 5 NIL NIL NIL NIL)("message" "rfc822" NIL NIL NIL "7bit" 100 ` +
		`(NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "utf-8") NIL NIL "8bit" 100 5 NIL NIL NIL NIL) 9 NIL NIL NIL NIL)` +
		`("image" "png" NIL "<i@x>" "d" "base64" 2 "Q2" ("attachment" ("filename" "a.png")) ("de" "en") "l") ` +
		`"mixed" ("boundary" "b") NIL NIL NIL)`
	if got != want {
		t.Errorf("extended\ngot  %s\nwant %s", got, want)
	}
}

func BenchmarkFetchFlags(b *testing.B) {
	w := NewWriter(io.Discard, NewPool())
	keywords := []string{"$forwarded"}
	b.ReportAllocs()
	for i := range b.N {
		w.Untagged(uint32(i), "FETCH (UID ").Number(uint64(i)).Raw(" FLAGS ").
			Flags(mail.FlagSeen|mail.FlagAnswered, keywords).Raw(" MODSEQ (").Number(123456).Raw("))").CRLF()
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkParseFetch(b *testing.B) {
	args := []byte("1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID)])")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewParser(args).Fetch(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNumbersAreCounted(t *testing.T) {
	var s Set
	for _, r := range []Range{{1, 12}, {95, 105}, {998, 1001}, {4294967290, 4294967295}} {
		s.AddRange(r.First, r.Last)
	}
	s.AddRange(20000, 21500)
	var want strings.Builder
	for n := range s.All() {
		fmt.Fprintf(&want, " %d", n)
	}
	var got bytes.Buffer
	w := NewWriter(&got, NewPool())
	if err := w.Numbers(s).Flush(); err != nil || got.String() != want.String() {
		t.Fatalf("%v, %q", err, got.String())
	}
}

// TestLiteralBehindALongAnswer has a literal follow an answer that has grown the small buffer.
func TestLiteralBehindALongAnswer(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 10_000)
	for _, before := range []int{newBuffer - 20, newBuffer, newBuffer + 1, 5 << 10, flushAt - 20, flushAt, bigBuffer, bigBuffer + 1} {
		var out bytes.Buffer
		w := NewWriter(&out, NewPool())
		answer := strings.Repeat("x", before)
		w.Append(func(dst []byte) []byte { return append(dst, answer...) })
		source := &greedy{t: t, r: strings.NewReader(body)}
		if err := w.Literal(int64(len(body)), source); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != answer+"{160000}\r\n"+body {
			t.Errorf("behind %d bytes come %d: %.40q", before, len(got), got)
		}
	}
}

// greedy fails a test that reads into nothing, which for ever gives nothing.
type greedy struct {
	t *testing.T
	r io.Reader
}

func (g *greedy) Read(p []byte) (int, error) {
	if len(p) == 0 {
		g.t.Fatal("read into an empty buffer")
	}
	return g.r.Read(p)
}
