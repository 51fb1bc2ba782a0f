package message

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
)

// FuzzReadHeader holds the reader of headers to the bytes: what it takes and what it leaves is the whole message, and what
// is written anew is read the same.
func FuzzReadHeader(f *testing.F) {
	f.Add([]byte("From: a@b.test\r\nSubject: x\r\n y\r\n\r\nbody"))
	f.Add([]byte("From a@b Sat\nTo : x\n\n"))
	f.Add([]byte("no header: at all\r\nreally"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(msg), 16)
		h, err := ReadHeader(r)
		if err != nil {
			return
		}
		rest, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if n := h.Size() + len(rest); n > len(msg) {
			t.Fatalf("%d bytes out of %d", n, len(msg))
		}
		if !bytes.HasSuffix(msg, rest) {
			t.Fatalf("the body %q is not the message's end", rest)
		}
		block := h.AppendTo(nil)
		again, err := ParseHeader(block)
		if err != nil || len(again) != len(h) {
			t.Fatalf("%d fields, written and read %d, %v", len(h), len(again), err)
		}
		for i := range h {
			if h[i].Name() != again[i].Name() || h[i].Value() != again[i].Value() {
				t.Fatalf("%q became %q", h[i].Raw, again[i].Raw)
			}
			if h[i].Name() == "" {
				t.Fatalf("%q is no field", h[i].Raw)
			}
		}
	})
}

// FuzzCompose holds the Composer to its own reader: no value can make a field, and text comes back as it was.
func FuzzCompose(f *testing.F) {
	f.Add("Grüße aus Kiel", "Käthe, die Große", "body\n.\nFrom x\n", true)
	f.Add("=?utf-8?q?x?=", "\r\nBcc: x@y", "\x00\xff", false)
	f.Fuzz(func(t *testing.T, subject, name, body string, ascii bool) {
		enc := HeaderUTF8
		if ascii {
			enc = HeaderASCII
		}
		var b bytes.Buffer
		c := NewComposer(&b, enc)
		c.Addresses("From", Address{Name: name, Local: "a", Domain: "b.test"})
		c.Text("Subject", subject)
		m := c.Multipart("mixed")
		w := m.Part(Leaf{Type: "text/plain", Params: Params{{"charset", "utf-8"}}, Encoding: "base64", Disposition: "attachment", Filename: name})
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		h, err := ParseHeader(b.Bytes())
		if err != nil || len(h) != 4 {
			t.Fatalf("%d fields in %q, %v", len(h), b.Bytes(), err)
		}
		s := scan(t, b.Bytes(), 7)
		if got, want := collapse(DecodeText(s.Envelope.Subject)), collapse(printable(subject)); got != want {
			t.Fatalf("subject %q, want %q", got, want)
		}
		if len(s.Envelope.From) != 1 || s.Envelope.From[0].Local != "a" || s.Envelope.From[0].Domain != "b.test" {
			t.Fatalf("from %+v of %q", s.Envelope.From, name)
		}
		p := s.Find(1)
		out, err := io.ReadAll(Decode(bytes.NewReader(b.Bytes()[p.BodyStart:p.End]), p.Encoding))
		if err != nil || string(out) != body {
			t.Fatalf("body %q, want %q, %v", out, body, err)
		}
		if ascii && strings.ContainsFunc(b.String(), func(r rune) bool { return r >= 0x80 }) {
			t.Fatalf("not ASCII: %q", b.Bytes())
		}
	})
}
