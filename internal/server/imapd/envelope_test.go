package imapd

import (
	"fmt"
	"strings"
	"testing"
)

// TestTextBehindALongEnvelope fetches the envelope of a letter to many and its text in one answer.
func TestTextBehindALongEnvelope(t *testing.T) {
	s := start(t, Options{})
	p := s.login(t)
	var b strings.Builder
	b.WriteString("Subject: to all\r\nTo: ")
	for i := range 120 {
		fmt.Fprintf(&b, "colleague%d@nord.example,\r\n ", i)
	}
	b.WriteString("the.last@nord.example\r\n\r\n")
	b.WriteString(strings.Repeat("Dear all, see below.\r\n", 1000))
	p.send(fmt.Sprintf("a APPEND INBOX {%d}", b.Len()))
	p.until("+ ")
	p.send(b.String())
	p.until("a OK")
	p.ask("b", "SELECT INBOX")
	got := p.ask("c", "FETCH 1 (ENVELOPE BODY.PEEK[])")
	if len(got) != 2 || !strings.HasSuffix(got[0], b.String()+")") || !strings.HasPrefix(got[1], "c OK") {
		t.Errorf("%d lines came: %.200q", len(got), got)
	}
}
