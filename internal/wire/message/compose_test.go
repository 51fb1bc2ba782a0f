package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"
)

func TestComposeIsReadByOthers(t *testing.T) {
	subject := "Grüße aus Kiel, mit einem langen Betreff, der über mehrere Zeilen geht und Überraschungen enthält"
	text := "Hallo Jan,\n\nschöne Grüße = alles gut. " + strings.Repeat("lang ", 50) + "\n.\nFrom me\n"
	file := bytes.Repeat([]byte{0, 1, 2, 0xff, '\r', '\n'}, 1000)
	name := "Übersicht über die außerordentlich vielen Möglichkeiten (endgültig).pdf"
	for _, enc := range []HeaderEncoding{HeaderASCII, HeaderUTF8} {
		var b bytes.Buffer
		c := NewComposer(&b, enc)
		c.Addresses("From", Address{Name: "Käthe, die Große", Local: "kaethe", Domain: "nord.test"})
		c.Addresses("To", Address{Name: "Jan", Local: "jan", Domain: "sued.test"}, Address{Local: "x y", Domain: "sued.test"})
		c.Addresses("Cc")
		c.Text("Subject", subject)
		c.Date(time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC))
		c.Field("Message-ID", "<1@nord.test>")
		m := c.Multipart("mixed")
		alt := m.Multipart("alternative")
		w := alt.Part(Leaf{Type: "text/plain", Params: Params{{"charset", "utf-8"}}, Encoding: "quoted-printable"})
		mustWrite(t, w, text)
		w = alt.Part(Leaf{Type: "text/html", Params: Params{{"charset", "utf-8"}}, Encoding: "quoted-printable"})
		mustWrite(t, w, "<p>ü</p>")
		if err := alt.Close(); err != nil {
			t.Fatal(err)
		}
		w = m.Part(Leaf{Type: "application/pdf", Encoding: "base64", Disposition: "attachment", Filename: name})
		mustWrite(t, w, string(file))
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}

		e, err := enmime.ReadEnvelope(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Errors) > 0 {
			t.Errorf("another parser complains: %v", e.Errors)
		}
		if got := e.GetHeader("Subject"); got != subject {
			t.Errorf("subject %q", got)
		}
		from, err := e.AddressList("From")
		if err != nil || from[0].Name != "Käthe, die Große" || from[0].Address != "kaethe@nord.test" {
			t.Errorf("from %v, %v", from, err)
		}
		to, err := e.AddressList("To")
		if err != nil || len(to) != 2 || to[0].Name != "Jan" {
			t.Errorf("to %v, %v", to, err)
		}
		if got := strings.ReplaceAll(e.Text, "\r\n", "\n"); strings.TrimSpace(got) != strings.TrimSpace(text) {
			t.Errorf("text %q", e.Text)
		}
		if len(e.Attachments) != 1 || e.Attachments[0].FileName != name || !bytes.Equal(e.Attachments[0].Content, file) {
			t.Errorf("attachments %v", e.Attachments)
		}

		s := scan(t, b.Bytes(), 1000)
		if got := DecodeText(s.Envelope.Subject); got != subject {
			t.Errorf("our subject %q", got)
		}
		if got := s.Envelope.From[0].DisplayName(); got != "Käthe, die Große" {
			t.Errorf("our from %q", got)
		}
		if got := s.Find(2).Filename(); got != name {
			t.Errorf("our file name %q", got)
		}
		if s.Traits.Has(LongLines) || s.Traits.Has(BodyBinary) || s.Traits.Has(Body8Bit) {
			t.Errorf("traits %b", s.Traits)
		}
		if s.Traits.Has(Header8Bit) != (enc == HeaderUTF8) {
			t.Errorf("header has 8 bits: %b", s.Traits)
		}
		for line := range strings.SplitSeq(b.String(), "\r\n") {
			if len(line) > foldAt+10 {
				t.Errorf("a line of %d: %s", len(line), line)
			}
		}
	}
}

func mustWrite(t *testing.T, w io.WriteCloser, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestComposeTellsErrors(t *testing.T) {
	c := NewComposer(failingWriter{}, HeaderASCII)
	c.Text("Subject", "x")
	if err := c.Body(Leaf{Type: "text/plain"}).Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a broken writer gives %v", err)
	}
	c = NewComposer(io.Discard, HeaderASCII)
	w := c.Body(Leaf{Type: "text/plain"})
	c.Text("Subject", "late")
	if err := w.Close(); !errors.Is(err, errComposed) {
		t.Errorf("a late field gives %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestNoInjection(t *testing.T) {
	var b bytes.Buffer
	c := NewComposer(&b, HeaderUTF8)
	c.Text("Subject", "x\r\nBcc: evil@x.test")
	c.Field("X-Field", "a\r\nb")
	c.Addresses("From", Address{Name: "n\r\nTo: x", Local: "a", Domain: "b.test"})
	_ = c.Body(Leaf{Type: "text/plain"}).Close()
	h, err := ParseHeader(b.Bytes())
	if err != nil || len(h) != 5 || h.Count("Bcc")+h.Count("To") > 0 {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestFold(t *testing.T) {
	v := strings.Repeat("word ", 40) + strings.Repeat("x", 100) + " end"
	got := Fold("Subject", v)
	if unfold([]byte(got)) != v {
		t.Errorf("folding changes the value: %q", got)
	}
	for i, line := range strings.Split("Subject: "+got, "\r\n") {
		if len(line) > foldAt && !strings.Contains(line, "xxx") || i > 0 && line[0] != ' ' {
			t.Errorf("line %q", line)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("From: \"a, b\" <x@y>, g: c@d;\r\nSubject: =?utf-8?q?=C3=BC?= x\r\n fold\r\n\r\n")
	f.Add("Content-Type: text/plain; name*0*=utf-8''%C3; name*1=x\r\nDate: Sat, 21 Nov 2026 21:11:03 +0100\r\n\r\nbody")
	f.Add("References: <a@b> (c) <d\r\n e@f>\r\nSubject: Re[2]: [x] =?x?b?\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHeader([]byte(s))
		if err != nil {
			return
		}
		n := 0
		for _, field := range h {
			n += len(field.Raw)
			v := field.Value()
			if strings.ContainsAny(v, "\r\n") {
				t.Fatalf("value %q", v)
			}
			if d := DecodeText(v); strings.ContainsFunc(d, isControl) {
				t.Fatalf("text %q", d)
			}
			list := ParseAddressList(v)
			if again := ParseAddressList(FormatAddressList(list)); len(again) > len(list)+2 {
				t.Fatalf("%q: %+v, written and read %+v", v, list, again)
			}
			if base, _ := BaseSubjectReply(v); base != strings.TrimSpace(base) {
				t.Fatalf("base subject %q", base)
			}
			ParseMessageIDs(v)
			ParseDate(v)
			_, _, ps := parseContentType(v)
			ps.Get("name")
			e := EncodeText(v, HeaderASCII)
			if got := DecodeText(e); got != strings.TrimSpace(printable(v)) {
				if !strings.Contains(v, "=?") {
					t.Fatalf("%q encoded %q decoded %q", v, e, got)
				}
			}
		}
		if n > len(s) {
			t.Fatalf("fields of %d bytes from %d", n, len(s))
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("SGFsbG8=", true)
	f.Add("a=3D=\r\nb \r\n", false)
	f.Fuzz(func(t *testing.T, s string, b64 bool) {
		enc := "quoted-printable"
		if b64 {
			enc = "base64"
		}
		out, err := io.ReadAll(Decode(strings.NewReader(s), enc))
		if err != nil || len(out) > len(s) {
			t.Fatalf("%d bytes from %d, %v", len(out), len(s), err)
		}
		one, _ := io.ReadAll(Decode(iotestOneByte{strings.NewReader(s)}, enc))
		if !bytes.Equal(one, out) {
			t.Fatalf("byte by byte %q, at once %q", one, out)
		}
	})
}

type iotestOneByte struct{ r io.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }
