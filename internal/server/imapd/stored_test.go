package imapd

import (
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// TestStoredNeverLies holds what is told from a stored summary to what the decoded envelope tells.
func TestStoredNeverLies(t *testing.T) {
	values := []string{
		"", "Grüße vom Zebra", "=?utf-8?q?Z=C3=A9bra_zebra?=", "Tab\tin a Zebra", "\u212aelvin \u0130stanbul", "a = ? sign", "plain ZEBRA crossing", "cafe\u0301", "\x01odd\x7f",
		"<1.2@nord.test>", "\xe9t\xe9 zebra",
	}
	lists := [][]message.Address{
		nil, {{Name: "Anna \"the\" Berg", Local: "anna.berg", Domain: "nord.test"}}, {{Local: "a", Domain: "b"}, {Local: "c", Domain: "d"}},
		{{Name: "Friends", Mark: message.MarkGroupStart}, {Name: "Zébra", Local: "z", Domain: "Zoo.test"}, {Mark: message.MarkGroupEnd}},
		{{Name: "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", Local: "\u212a", Domain: "x"}},
	}
	needles := []string{
		"", "zebra", "grüße", "kelvin", "istanbul", "i", "in a zebra", "\t", " ", "=?", "= ?", "café", "odd", "@nord", "b>, <c", "anna \"the\" berg <anna", "friends zébra", "zoo.test>", "\x01",
		"été", "crossing", "crossings",
	}
	told, hits := 0, 0
	for _, value := range values {
		for _, list := range lists {
			s := message.Summary{Preview: "a zebra", Envelope: message.Envelope{
				Subject: value, MessageID: value, RawInReplyTo: value, From: list, To: list, Cc: list, Bcc: list, References: []string{"zebra"},
			}}
			row, err := s.AppendBinary(nil)
			must(t, err)
			for _, field := range []string{"subject", "message-id", "in-reply-to", "from", "to", "cc", "bcc"} {
				for _, n := range needles {
					m := matcher{}
					k := imap.SearchKey{Op: imap.SeHeader, Field: field, Text: fold(n)}
					whole := envelopeField(&s.Envelope, field)
					want := whole != "" && strings.Contains(fold(whole), k.Text)
					ok, know := m.stored(k, row)
					if know {
						told++
					}
					if ok {
						hits++
					}
					if know && ok != want {
						t.Errorf("%s %q: %q is told to be in it: %v", field, whole, n, ok)
					}
				}
			}
		}
	}
	if told < 5000 || hits < 500 {
		t.Errorf("only %d told, %d hits", told, hits)
	}
	if _, know := (&matcher{}).stored(imap.SearchKey{Field: "subject"}, []byte{1, 2}); know {
		t.Error("told from a damaged summary")
	}
}
