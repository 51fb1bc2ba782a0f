package imapd

import (
	"fmt"
	"strings"
	"testing"
)

// fill appends n messages of about 4 KiB to the inbox, pipelined.
func (p *peer) fill(n int) {
	p.t.Helper()
	text := strings.Repeat("A line of text as people write it, seventy characters or so long.\r\n", 60)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range n {
			m := fmt.Sprintf("From: Bert <bert@sued.test>\r\nTo: anna@nord.test\r\nSubject: number %d\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\n"+
				"Message-ID: <%d@sued.test>\r\n\r\n%s", i, i, text)
			if _, err := fmt.Fprintf(p, "f%d APPEND INBOX {%d+}\r\n%s\r\n", i, len(m), m); err != nil {
				return
			}
		}
	}()
	p.until(fmt.Sprintf("f%d ", n-1))
	<-sent
}

// BenchmarkFetch measures FETCH over TLS, by message.
func BenchmarkFetch(b *testing.B) {
	const messages = 2000
	s := start(b, Options{})
	p := s.login(b)
	p.fill(messages)
	p.ask("s", "SELECT INBOX")
	for _, items := range []string{"(UID FLAGS)", "(UID FLAGS ENVELOPE BODYSTRUCTURE)", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)])", "(UID BODY.PEEK[])"} {
		b.Run(items, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; n < b.N; n += messages {
				p.send("b FETCH 1:" + fmt.Sprint(min(messages, b.N-n)) + " " + items)
				for {
					l, err := p.r.ReadSlice('\n')
					must(b, err)
					if strings.HasPrefix(string(l), "b OK") {
						break
					}
				}
			}
		})
	}
}
