package imapd

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

func TestAppendLower(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := make([]byte, rnd.IntN(40))
		ascii := true
		for i := range b {
			b[i] = byte(rnd.IntN(128 + rnd.IntN(2)*128))
			ascii = ascii && b[i] < 0x80
		}
		got, isASCII := appendLower([]byte("X"), b)
		want := "X" + strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, latin(b))
		if latin(got) != want || isASCII != ascii {
			t.Fatalf("%q became %q, %v", b, got, isASCII)
		}
	}
}

// latin makes each byte a rune, so that strings.Map leaves bytes over 127 alone.
func latin(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// TestProbeNeverLies holds the short cut to what the full comparison finds.
func TestProbeNeverLies(t *testing.T) {
	fields := []string{
		"Subject: Grüße vom Zebra\r\n", "Subject: =?utf-8?q?Z=C3=A9bra_zebra?=\r\n", "X-Odd: ze\rbra\r\n", "SUBJECT : one\r\n two  three\r\n",
		"From: \"Anna \\\"the\\\" Berg\" <anna.berg@nord.test>\r\n", "X: \u212aelvin \u0130stanbul\r\n", "To: a@b, c@d\r\n", "X-Y:\r\n",
	}
	needles := []string{
		"zebra", "grüße", "kelvin", "istanbul", "i", "one two", "two  three", "subject: one", "x-odd", ": ", "anna", "\"the\"", "@nord", "b, c", "zé", "=", "x-y:",
	}
	hits := 0
	for _, f := range fields {
		header, err := message.ParseHeader([]byte(f + "\r\n"))
		must(t, err)
		for _, n := range needles {
			m := matcher{}
			text := fold(n)
			may := m.probe(imap.SearchKey{Text: text}).mayBeInHeader([]byte(f + "\r\n"))
			for _, h := range header {
				if strings.Contains(fold(h.Name()+": "+message.DecodeText(h.Value())), text) {
					hits++
					if !may {
						t.Errorf("%q is in %q, but was not looked for", n, f)
					}
				}
			}
		}
	}
	if hits < 15 {
		t.Errorf("only %d hits: the test tests nothing", hits)
	}
	m := matcher{}
	if m.probe(imap.SearchKey{Text: "giraffe"}).mayBeInHeader([]byte(fields[0])) {
		t.Error("looked for what cannot be there")
	}
}
