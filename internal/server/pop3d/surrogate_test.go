package pop3d

import (
	"bytes"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

const international = "Received: from müller.test by mx\r\n" +
	"From: Jürgen <jürgen@süd.test>\r\n" +
	"To: \"Müller, Änne\" <anne@süd.test>, Freunde: übel@nord.test, x@nord.test;\r\n" +
	"Subject: Grüße aus dem Süden, und zwar so lange, dass es auf einer Zeile keinen Platz mehr hat, sondern gefaltet wird\r\n" +
	"Message-ID: <ä@süd.test>\r\n" +
	"X-Plain: stays\r\n as it is\r\n" +
	"\r\n"

func TestAClientWithoutUTF8GetsASurrogate(t *testing.T) {
	w := newWorld(t, Options{})
	w.append(w.anna, international+"Größe\r\n")
	c := w.dial(w.secure)
	c.play("S~ \\+OK .*\nC: UTF8\nS~ \\+OK .*\nC: USER anna\nS~ \\+OK .*\nC: PASS geheim\nS~ \\+OK .*\nC: RETR 1\nS~ \\+OK .*")
	if got := strings.Join(c.multi(), "\r\n") + "\r\n"; got != international+"Größe\r\n" {
		t.Errorf("with UTF8: %q", got)
	}
	c.play("C: QUIT\nS~ \\+OK .*\nEND")

	c = w.login("anna")
	c.play("C: RETR 1\nS~ \\+OK .*")
	got := strings.Join(c.multi(), "\r\n") + "\r\n"
	header, body, _ := strings.Cut(got, "\r\n\r\n")
	if body != "Größe\r\n" || !isASCII([]byte(header)) {
		t.Errorf("without UTF8: %q", got)
	}
	c.play("C: TOP 1 0\nS~ \\+OK .*")
	if top := strings.Join(c.multi(), "\r\n"); top != header+"\r\n" {
		t.Errorf("TOP: %q", top)
	}
	h, err := message.ParseHeader([]byte(header + "\r\n"))
	must(t, err)
	for name, want := range map[string]string{
		"Subject":    "Grüße aus dem Süden, und zwar so lange, dass es auf einer Zeile keinen Platz mehr hat, sondern gefaltet wird",
		"Received":   "from m?ller.test by mx",
		"Message-ID": "<?@s?d.test>",
		"X-Plain":    "stays as it is",
	} {
		if v := message.DecodeText(h.Get(name)); v != want {
			t.Errorf("%s: %q", name, v)
		}
	}
	list := message.ParseAddressList(h.Get("To"))
	if len(list) != 5 || list[0].DisplayName() != "Müller, Änne" || list[0].Domain != "xn--sd-hka.test" && !strings.HasPrefix(list[0].Domain, "xn--") ||
		list[2].Domain != "utf8.invalid" || list[3].Local != "x" {
		t.Errorf("To: %q gives %+v", h.Get("To"), list)
	}
	list = message.ParseAddressList(h.Get("From"))
	if len(list) != 2 || list[0].Mark != message.MarkGroupStart || !strings.Contains(list[0].DisplayName(), "Jürgen jürgen@") {
		t.Errorf("From: %q gives %+v", h.Get("From"), list)
	}
}

func TestHeadersThatStayAsTheyAre(t *testing.T) {
	long := "X-A: " + strings.Repeat("a", 500) + "\r\n"
	for name, m := range map[string]string{
		"ASCII":          "Subject: a\r\n\r\nä",
		"no body":        "Subject: ä\r\n",
		"not UTF-8":      "Subject: \xe4\r\n\r\nx",
		"endless header": strings.Repeat(long, message.MaxHeader/len(long)+2) + "Subject: ä\r\n\r\n",
		"nothing":        "",
	} {
		h, at, err := headerFor([]byte(m)[:min(len(m), pieceSize)], strings.NewReader(m))
		if h != nil || at != 0 || err != nil {
			t.Errorf("%s: %.100q %d %v", name, h, at, err)
		}
	}
	m := strings.Repeat(long, 2*pieceSize/len(long)) + "Subject: ä\r\n\r\nbody"
	h, at, err := headerFor([]byte(m)[:pieceSize], strings.NewReader(m))
	if err != nil || m[at:] != "body" || !bytes.Contains(h, []byte("Subject: =?utf-8?")) || !isASCII(h) {
		t.Errorf("a long header: %d %v", at, err)
	}
}

// FuzzSurrogate: whatever the header, a surrogate is ASCII, is one header block, and is not made where it need not be.
func FuzzSurrogate(f *testing.F) {
	f.Add([]byte(international))
	f.Add([]byte("To: ü: ö, ä <a@b>;\r\n\r\n"))
	f.Add([]byte("ä\r\nFrom: <ä@\r\n ß>\r\n\r\n"))
	f.Fuzz(func(t *testing.T, m []byte) {
		h, at, err := headerFor(m[:min(len(m), pieceSize)], bytes.NewReader(m))
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return
		}
		if !isASCII(h) || !bytes.HasSuffix(h, crlf) || at > int64(len(m)) {
			t.Fatalf("%q became %q", m, h)
		}
		if i := bytes.Index(h, endOfHeader); i >= 0 && i != len(h)-len(endOfHeader) {
			t.Fatalf("%q became two blocks: %q", m, h)
		}
	})
}

func BenchmarkHeaderFor(b *testing.B) {
	first := []byte("Subject: one\r\nTo: anna@nord.test\r\n" + strings.Repeat("X-Field: some value as they have\r\n", 30) + "\r\nbody")
	b.ReportAllocs()
	for b.Loop() {
		if h, _, err := headerFor(first, nil); h != nil || err != nil {
			b.Fatal(string(h), err)
		}
	}
}

func TestIsASCII(t *testing.T) {
	for n := range 20 {
		b := bytes.Repeat([]byte{0x7f}, n)
		if !isASCII(b) {
			t.Errorf("%q is not ASCII", b)
		}
		for i := range b {
			c := bytes.Clone(b)
			c[i] = 0x80
			if isASCII(c) {
				t.Errorf("%q is ASCII", c)
			}
		}
	}
}
