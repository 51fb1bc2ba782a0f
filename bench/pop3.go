package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const popMessages = 10_000

// pipelined is how many messages a client that pipelines asks for at a time (RFC 2449 section 6.6).
const pipelined = 16

// pop3 measures a download of a whole mailbox, in messages a second.
func (b *bench) pop3() ([]result, error) {
	floor, floorPlain := figure{name: "answers from memory, TLS", unit: "/s"}, figure{name: "answers from memory, no TLS", unit: "/s"}
	return b.bothWays(ways{
		what: "POP3, download of 10,000 messages", peer: "Dovecot", unit: "/s", aim: 2, ours: popOnce(1), theirs: popOnce(1),
		floor:      &side{&floor, func() (float64, error) { return b.popFloor(underTLS) }},
		floorPlain: &side{&floorPlain, func() (float64, error) { return b.popFloor(inClear) }},
	})
}

// pop3Pipelined is pop3 with a client that asks for the next messages before it has the last.
func (b *bench) pop3Pipelined() ([]result, error) {
	return b.bothWays(ways{
		what: "POP3, download of 10,000 messages by a client that pipelines", peer: "Dovecot", unit: "/s", aim: 2,
		ours: popOnce(pipelined), theirs: popOnce(pipelined),
	})
}

// popFloor downloads from a server that keeps nothing.
func (b *bench) popFloor(p privacy) (float64, error) {
	t, err := b.floorTarget(p)
	if err != nil {
		return 0, err
	}
	defer t.stop()
	return timePOP(t, 1)
}

func popOnce(ahead int) func(start starter) (float64, error) {
	return func(start starter) (float64, error) {
		t, err := start(benchUsers(1))
		if err != nil {
			return 0, err
		}
		defer t.stop()
		if err := fill(t, t.users[0], popMessages, 4<<10); err != nil {
			return 0, fmt.Errorf("fill the mailbox: %w", err)
		}
		defer t.profile()()
		return timePOP(t, ahead)
	}
}

// timePOP downloads everything, in messages a second; ahead is how many the client asks for at a time.
func timePOP(t *target, ahead int) (float64, error) {
	before := t.cost()
	began := time.Now()
	var took time.Duration
	err := popAll(t, ahead, func() {
		took = time.Since(began)
		t.each(before, popMessages)
	})
	return popMessages / took.Seconds(), err
}

// popAll downloads everything. It calls whole before QUIT, with which a process of Dovecot's ends and takes its books with it.
func popAll(t *target, ahead int, whole func()) error {
	c, err := net.Dial("tcp", t.pop3)
	if err != nil {
		return err
	}
	defer c.Close()
	if t.secure {
		c = tls.Client(c, clientTLS())
	}
	_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
	r := bufio.NewReaderSize(c, 64<<10)
	ok := func() error {
		line, err := r.ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "+OK") {
			err = fmt.Errorf("%q", line)
		}
		return err
	}
	if err := ok(); err != nil {
		return err
	}
	for _, cmd := range []string{"USER " + t.users[0], "PASS " + t.password} {
		if _, err := fmt.Fprintf(c, "%s\r\n", cmd); err != nil {
			return err
		}
		if err := ok(); err != nil {
			return err
		}
	}
	for i := range popMessages {
		if i%ahead == 0 {
			var ask strings.Builder
			for n := i + 1; n <= min(i+ahead, popMessages); n++ {
				fmt.Fprintf(&ask, "RETR %d\r\n", n)
			}
			if _, err := io.WriteString(c, ask.String()); err != nil {
				return err
			}
		}
		if err := ok(); err != nil {
			return err
		}
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return err
			}
			if string(line) == ".\r\n" {
				break
			}
		}
	}
	whole()
	_, err = fmt.Fprintf(c, "QUIT\r\n")
	return err
}
