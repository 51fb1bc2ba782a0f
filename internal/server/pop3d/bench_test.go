package pop3d

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// BenchmarkSession logs in by TLS, fetches 100 messages of 4 KiB one after the other, and quits.
func BenchmarkSession(b *testing.B) {
	w := newWorld(b, Options{})
	const n = 100
	body := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 52)
	for range n {
		w.append(w.anna, "Subject: bench\r\nFrom: a@b.test\r\n\r\n"+body)
	}
	b.SetBytes(int64(n * len(body)))
	b.ReportAllocs()
	for b.Loop() {
		c := w.login("anna")
		for i := range n {
			c.send(fmt.Sprintf("RETR %d\r\n", i+1))
			if c.line()[0] != '+' {
				b.Fatal("no message")
			}
			for c.line() != "." {
			}
		}
		c.send("QUIT\r\n")
		if _, err := io.ReadAll(c.r); err != nil {
			b.Fatal(err)
		}
		_ = c.conn.Close()
	}
}

// BenchmarkList lists a maildrop of 10,000 messages.
func BenchmarkList(b *testing.B) {
	w := newWorld(b, Options{})
	for range 10_000 {
		w.append(w.anna, "\r\n")
	}
	c := w.login("anna")
	b.ReportAllocs()
	for b.Loop() {
		c.send("UIDL\r\n")
		for c.line() != "." {
		}
	}
}
