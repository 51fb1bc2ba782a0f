package imapd

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// fill appends n messages with so many lines of text to the inbox, pipelined.
func (p *peer) fill(n, lines int) {
	p.t.Helper()
	text := strings.Repeat("A line of text as people write it, seventy characters or so long.\r\n", lines)
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
	p.fill(messages, 60)
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

// drain reads past the answer to the command with tag b.
func (p *peer) drain() {
	for inside := false; ; {
		l, err := p.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) { // a SEARCH answers with one long line
			inside = true
			continue
		}
		must(p.t, err)
		if !inside && strings.HasPrefix(string(l), "b ") {
			if !strings.HasPrefix(string(l), "b OK") {
				p.t.Fatalf("%q", l)
			}
			return
		}
		inside = false
	}
}

// BenchmarkBig measures commands on all of a large mailbox; an operation is one command.
func BenchmarkBig(b *testing.B) {
	const messages = 20000
	s := start(b, Options{})
	p := s.login(b)
	p.fill(messages, 12)
	p.ask("s", "SELECT INBOX")
	for _, cmd := range []string{
		"FETCH 1:* (FLAGS)", "FETCH 1:* (ENVELOPE)", "SEARCH UNSEEN", "SEARCH SINCE 1-Jan-2020", "SEARCH SUBJECT benchmark", "SEARCH SUBJECT number",
		"SEARCH TEXT zebra", "STORE 1:* +FLAGS (\\Seen)", "STORE 1:* +FLAGS.SILENT (\\Deleted)",
	} {
		b.Run(cmd, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				p.send("b " + cmd)
				p.drain()
				if strings.HasPrefix(cmd, "STORE") {
					b.StopTimer()
					p.send("b STORE 1:* FLAGS.SILENT ()")
					p.drain()
					b.StartTimer()
				}
			}
		})
	}
}

// BenchmarkVisit measures one visit of a mail program, from the connection to LOGOUT: 18 commands, as bench/ has them.
func BenchmarkVisit(b *testing.B) {
	s := start(b, Options{})
	s.login(b).fill(200, 60)
	body := strings.Repeat("A line of text as people write it, seventy characters or so long.\r\n", 60)
	b.ReportAllocs()
	for b.Loop() {
		p := s.login(b)
		for _, cmd := range []string{
			`LIST "" "*"`, "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)", "SELECT INBOX",
			"FETCH 1:50 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", "FETCH 1:50 (UID BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])",
			"FETCH 1 (BODY.PEEK[])", "FETCH 2 (BODY.PEEK[])", "FETCH 3 (BODYSTRUCTURE)", "FETCH 100:110 (BODY.PEEK[TEXT])",
			`STORE 1:5 +FLAGS (\Seen)`, `STORE 1:5 -FLAGS (\Seen)`, "SEARCH UNSEEN",
			fmt.Sprintf("APPEND INBOX {%d+}\r\nSubject: x\r\n\r\n%s", len(body)+14, body), `STORE 1 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "NOOP", "LOGOUT",
		} {
			p.send("b " + cmd)
			p.drain()
		}
		must(b, p.Close())
	}
}
