package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is the remote server of a session: it takes mail for anybody unless told otherwise. It is deliberately not built from
// Posthorn's own code.
type sink struct {
	ln net.Listener
	wg sync.WaitGroup

	mu       sync.Mutex // guards what follows
	changed  chan struct{}
	replies  map[string]string // local part → reply to its RCPT
	messages [][]string        // lines, dots unstuffed, envelope lines first
	conns    map[net.Conn]bool
}

func newSink(t *testing.T) *sink {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{ln: ln, changed: make(chan struct{}), replies: map[string]string{}, conns: map[net.Conn]bool{}}
	s.wg.Go(s.accept)
	t.Cleanup(func() {
		ln.Close()
		s.mu.Lock()
		for c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

func (s *sink) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			s.serve(c)
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			c.Close()
		})
	}
}

func (s *sink) serve(c net.Conn) {
	r := bufio.NewReader(c)
	say := func(line string) { _, _ = fmt.Fprintf(c, "%s\r\n", line) }
	say("220 sink.remote.test ESMTP")
	var envelope []string
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(line)
		switch {
		case strings.HasPrefix(verb, "EHLO"):
			say("250-sink.remote.test")
			say("250-PIPELINING")
			say("250-8BITMIME")
			say("250 ENHANCEDSTATUSCODES")
		case strings.HasPrefix(verb, "MAIL"):
			envelope = []string{line}
			say("250 2.1.0 ok")
		case strings.HasPrefix(verb, "RCPT"):
			reply := s.reply(line)
			if strings.HasPrefix(reply, "250") {
				envelope = append(envelope, line)
			}
			say(reply)
		case verb == "DATA":
			if len(envelope) < 2 {
				say("503 5.5.1 no recipients")
				continue
			}
			say("354 go ahead")
			lines, ok := readData(r)
			if !ok {
				return
			}
			s.take(append(envelope, lines...))
			say("250 2.0.0 taken by the sink")
		case verb == "QUIT":
			say("221 2.0.0 bye")
			return
		case verb == "RSET", verb == "NOOP":
			envelope = nil
			say("250 2.0.0 ok")
		default:
			say("500 5.5.2 what?")
		}
	}
}

func readData(r *bufio.Reader) ([]string, bool) {
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, false
		}
		line = strings.TrimSuffix(line, "\r\n")
		if line == "." {
			return lines, true
		}
		lines = append(lines, strings.TrimPrefix(line, "."))
	}
}

func (s *sink) reply(rcpt string) string {
	_, path, _ := strings.Cut(rcpt, "<")
	local, _, _ := strings.Cut(path, "@")
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.replies[local]; ok {
		return r
	}
	return "250 2.1.5 ok"
}

func (s *sink) answer(local, reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply == "ok" {
		delete(s.replies, local)
		return
	}
	s.replies[local] = reply
}

func (s *sink) take(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, lines)
	close(s.changed)
	s.changed = make(chan struct{})
}

// waitFor waits until n messages are there.
func (s *sink) waitFor(n int) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		got, changed := len(s.messages), s.changed
		s.mu.Unlock()
		if got > n {
			return fmt.Errorf("the sink has %d messages, wanted %d", got, n)
		}
		if got == n {
			return nil
		}
		select {
		case <-changed:
		case <-deadline.C:
			return fmt.Errorf("the sink has %d messages after %v, wanted %d", got, patience, n)
		}
	}
}

func (s *sink) last() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) == 0 {
		return nil
	}
	return s.messages[len(s.messages)-1]
}
