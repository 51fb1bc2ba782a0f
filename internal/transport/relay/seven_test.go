package relay

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

const signedMessage = "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
	"\xc3\xbcber\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n"

const mixedMessage = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: BINARY\r\n\r\n" +
	"pre\xe4mble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xc3\xbcn =\r\nend \r\n" +
	"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\n\r\xff" +
	"\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
	"Subject: inner\r\nContent-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xfcber\r\n" +
	"--b\r\n\r\nplain\r\n--b--\r\n"

const mixedSevenBit = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
	"pre?mble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn =3D\r\nend=20\r\n" +
	"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAoN/w==" +
	"\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
	"Subject: inner\r\nContent-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FCber\r\n" +
	"--b\r\n\r\nplain\r\n--b--\r\n"

func toSevenBit(t testing.TB, body string, l loss) (string, error) {
	t.Helper()
	s, err := makeSevenBit(io.NewSectionReader(strings.NewReader(body), 0, int64(len(body))), l)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := s.writeTo(&b); err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != s.size {
		t.Fatalf("%d bytes, %d were promised", b.Len(), s.size)
	}
	return b.String(), nil
}

func TestSevenBit(t *testing.T) {
	for name, tc := range map[string]struct {
		in, want string
		loss     loss
		err      error
	}{
		"7-bit already":    {in: content, want: content},
		"parts":            {in: mixedMessage, want: mixedSevenBit},
		"signed":           {in: signedMessage, err: errSigned},
		"no MIME":          {in: "Subject: x\r\n\r\n\xfcber\r\n", want: "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FCber\r\n"},
		"binary at once":   {in: "MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\n\x00" + strings.Repeat("\xff", 60), want: "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAP" + strings.Repeat("/", 74) + "\r\n/////w==\r\n"},
		"a header":         {in: "Subject: \xfc\r\n\r\nx\r\n", err: errOpaque},
		"a notice":         {in: "Subject: \xfc\r\n\r\nx\r\n", loss: mayLose, want: "Subject: ?\r\n\r\nx\r\n"},
		"base64 that lies": {in: "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n\xfc\r\n", err: errOpaque},
		"a header given back": {
			in:   "MIME-Version: 1.0\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: \xfc\r\n",
			want: "MIME-Version: 1.0\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSubject: =FC\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := toSevenBit(t, tc.in, tc.loss)
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%q, %v\nwant %q", got, err, tc.want)
			}
		})
	}
}

// TestSevenBitOnTheWay sends 8-bit and binary mail, and a notice, to servers that take neither.
func TestSevenBitOnTheWay(t *testing.T) {
	for name, tc := range map[string]struct {
		script script
		body   mail.Body
		null   bool
		in     string
		want   string
	}{
		"8-bit":            {simple, mail.Body8Bit, false, mixedMessage, mixedSevenBit},
		"binary, in lines": {simple, mail.BodyBinary, false, mixedMessage, mixedSevenBit},
		"binary, in chunks": {script(hello("CHUNKING", "8BITMIME") + `
			C: MAIL FROM:<anna@us.test>
			S: 250 ok
			C: RCPT
			S: 250 ok
			CHUNK
			S: 250 ok`), mail.BodyBinary, false, mixedMessage, mixedSevenBit},
		"a notice": {script(strings.ReplaceAll(simple, "anna@us.test", "")), mail.Body8Bit, true, "Subject: \xfc\r\n\r\n\xfc\r\n",
			"Subject: ?\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FC\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, nil, tc.script)
			b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, nil)
			m := b.message(tc.in)
			m.Body = tc.body
			if tc.null {
				m.From = mail.Address{}
			}
			if got := b.send(m, "a@x.test"); got.Results[0].Status != queue.Delivered {
				t.Fatalf("%+v", got.Results[0])
			}
			b.relay.Close()
			srv.mu.Lock()
			defer srv.mu.Unlock()
			if len(srv.bodies) != 1 || srv.bodies[0] != tc.want {
				t.Errorf("%q", srv.bodies)
			}
		})
	}
}

// FuzzSevenBit: what comes out is 7-bit, and each part says what it said before.
// A header is not written anew if a line in it is no field: all that follows the line would be lost.
func TestSevenBitKeepsHeadersThatAreNone(t *testing.T) {
	const head = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Language: de\r\n" +
		"no field\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	if _, err := toSevenBit(t, head+"gr\xc3\xbcn\r\n--b--\r\n", keepAll); !errors.Is(err, errOpaque) {
		t.Errorf("%v", err)
	}
	in := head + "green\r\n--b--\r\n"
	if out, err := toSevenBit(t, in, keepAll); err != nil || out != in {
		t.Errorf("%q, %v", out, err)
	}
}

func FuzzSevenBit(f *testing.F) {
	for _, s := range []string{content, mixedMessage, signedMessage, "\xff", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\xff\r\n--b--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, err := toSevenBit(t, in, keepAll)
		if err != nil {
			return
		}
		if high([]byte(out)) {
			t.Fatalf("%q", out)
		}
		was, is := leaves(in), leaves(out)
		if len(was) != len(is) {
			t.Fatalf("%d parts, %d before: %q", len(is), len(was), out)
		}
		for i := range was {
			if strings.TrimRight(was[i], "\r\n") != strings.TrimRight(is[i], "\r\n") {
				t.Fatalf("part %d is %q, was %q", i, is[i], was[i])
			}
		}
	})
}

// leaves are the decoded parts of a message.
func leaves(s string) []string {
	var sc message.Scanner
	_, _ = io.WriteString(&sc, s)
	sum := sc.Close()
	var out []string
	sum.Root.Walk(func(p *message.Part) bool {
		if len(p.Children) == 0 {
			b, _ := io.ReadAll(message.Decode(strings.NewReader(s[p.BodyStart:p.End]), p.Encoding))
			out = append(out, string(b))
		}
		return true
	})
	return out
}

func BenchmarkSevenBit(b *testing.B) {
	body := strings.Repeat("gr\xc3\xbcn und blau\r\n", 4096)
	r := io.NewSectionReader(strings.NewReader("Subject: x\r\n\r\n"+body), 0, int64(len(body)+14))
	b.ReportAllocs()
	b.SetBytes(r.Size())
	for b.Loop() {
		s, err := makeSevenBit(r, keepAll)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.writeTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
