package imapd

import (
	"fmt"
	"strings"
	"testing"
)

// TestHeadersOfManyMessages fetches headers of messages whose bodies are looked for ahead, alone and with what is behind them, and compares
// with the whole messages.
func TestHeadersOfManyMessages(t *testing.T) {
	s := start(t, Options{})
	p := s.login(t)
	var whole []string
	for i, lines := range []int{0, 1, 60, 900, 9000} { // not packed, packed, in chunks
		head := fmt.Sprintf("From: Bert <bert@sued.test>\r\nX-Long: %s\r\n and more\r\nSubject: number %d\r\n\r\n", strings.Repeat("x", 40*i), i)
		m := head + strings.Repeat("A line of text as people write it, seventy characters or so long.\r\n", lines)
		whole = append(whole, m)
		p.send(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s", len(m), m))
		if got := p.until("a "); !strings.HasPrefix(got[len(got)-1], "a OK") {
			t.Fatal(got)
		}
	}
	p.ask("s", "SELECT INBOX")
	for _, c := range []struct {
		items string
		of    func(i int, m string) []string // the literals
	}{
		{"BODY.PEEK[HEADER]", func(_ int, m string) []string { return []string{header(m)} }},
		{"RFC822.HEADER", func(_ int, m string) []string { return []string{header(m)} }},
		{"BODY.PEEK[HEADER]<6.30>", func(_ int, m string) []string { return []string{header(m)[6:36]} }},
		{"BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[HEADER.FIELDS.NOT (X-Long)]", func(i int, _ string) []string {
			subject := fmt.Sprintf("Subject: number %d\r\n\r\n", i)
			return []string{subject, "From: Bert <bert@sued.test>\r\n" + subject}
		}},
		{"BODY.PEEK[HEADER] BODY.PEEK[TEXT]", func(_ int, m string) []string { return []string{header(m), m[len(header(m)):]} }},
		{"BODY.PEEK[TEXT]", func(_ int, m string) []string { return []string{m[len(header(m)):]} }},
		{"BODY.PEEK[HEADER] BODY.PEEK[1]", func(_ int, m string) []string { return []string{header(m), m[len(header(m)):]} }},
	} {
		p.send("f FETCH 1:* (" + c.items + ")")
		got := strings.Join(p.until("f "), "\r\n")
		for i, m := range whole {
			for _, want := range c.of(i, m) {
				literal := fmt.Sprintf("{%d}\r\n%s", len(want), want)
				if !strings.Contains(got, literal) {
					t.Errorf("%s of message %d is not %.200q", c.items, i+1, literal)
				}
			}
		}
	}
}

func header(m string) string { return m[:strings.Index(m, "\r\n\r\n")+4] }
