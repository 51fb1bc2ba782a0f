package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// load is what the senders do.
type load struct {
	addr     string
	sessions int
	messages int // for each session
	size     int // bytes of each message
	from     string
	rcpts    func(session, message int) []string
	// Who logs in first; nil for nobody.
	user, password func(session int) string
	tls            bool // from the start
	reconnect      bool // a connection for each message, with a full handshake if it is TLS
	starttls       bool
}

// sendAll runs the load and returns when the last message has its 250.
func sendAll(l load) error {
	var wg sync.WaitGroup
	errs := make(chan error, l.sessions)
	for s := range l.sessions {
		wg.Go(func() {
			if err := l.session(s); err != nil {
				errs <- fmt.Errorf("session %d: %w", s, err)
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

type client struct {
	c net.Conn
	r *bufio.Reader
}

func (l load) session(s int) error {
	body := message(l.size, l.from)
	began := time.Now().UnixNano()
	var c *client
	defer func() {
		if c != nil {
			c.c.Close()
		}
	}()
	for m := range l.messages {
		if c == nil {
			var err error
			if c, err = l.connect(s); err != nil {
				return err
			}
		}
		if err := c.send(l.from, l.rcpts(s, m), fmt.Appendf(nil, "Message-ID: <%d.%d.%d@remote.test>\r\n", began, s, m), body); err != nil {
			return fmt.Errorf("message %d: %w", m, err)
		}
		if l.reconnect || m == l.messages-1 {
			if err := c.ask("QUIT\r\n", "221"); err != nil {
				return fmt.Errorf("quit: %w", err)
			}
			c.c.Close()
			c = nil
		}
	}
	return nil
}

func (l load) connect(s int) (*client, error) {
	nc, err := net.Dial("tcp", l.addr)
	if err != nil {
		return nil, err
	}
	if l.tls {
		nc = tls.Client(nc, clientTLS())
	}
	c := &client{c: nc, r: bufio.NewReader(nc)}
	if _, err := c.reply("220"); err != nil {
		return nil, err
	}
	if err := c.ask("EHLO bench.test\r\n", "250"); err != nil {
		return nil, err
	}
	if l.starttls {
		if err := c.ask("STARTTLS\r\n", "220"); err != nil {
			return nil, err
		}
		c.c = tls.Client(nc, clientTLS())
		c.r = bufio.NewReader(c.c)
		if err := c.ask("EHLO bench.test\r\n", "250"); err != nil {
			return nil, err
		}
	}
	if l.user == nil {
		return c, nil
	}
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + l.user(s) + "\x00" + l.password(s)))
	return c, c.ask("AUTH PLAIN "+secret+"\r\n", "235")
}

func (c *client) ask(line, want string) error {
	if _, err := c.c.Write([]byte(line)); err != nil {
		return err
	}
	_, err := c.reply(want)
	return err
}

// reply reads one reply, however many lines it has.
func (c *client) reply(want string) (string, error) {
	_ = c.c.SetReadDeadline(time.Now().Add(5 * time.Minute))
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if !strings.HasPrefix(line, want) {
			return "", fmt.Errorf("wanted %s, got %q", want, line)
		}
		return line, nil
	}
}

// send pipelines one envelope, as every mail server of today does (RFC 2920).
func (c *client) send(from string, rcpts []string, first, body []byte) error {
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL FROM:<%s>\r\n", from)
	for _, r := range rcpts {
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", r)
	}
	b.WriteString("DATA\r\n")
	if _, err := c.c.Write([]byte(b.String())); err != nil {
		return err
	}
	for range 1 + len(rcpts) {
		if _, err := c.reply("250"); err != nil {
			return err
		}
	}
	if _, err := c.reply("354"); err != nil {
		return err
	}
	pieces := net.Buffers{first, body}
	if _, err := pieces.WriteTo(c.c); err != nil {
		return err
	}
	_, err := c.reply("250")
	return err
}

// message makes a message of about size bytes, ended by the dot line. Its text is like text: neither one letter repeated nor
// random, so that compression does on it what it does on mail. From is the sender's address, which a login must own.
func message(size int, from string) []byte {
	var b strings.Builder
	b.WriteString("From: Bench <" + from + ">\r\nTo: Someone <someone@nord.test>\r\nSubject: A message of the benchmark\r\n" +
		"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n")
	words := strings.Fields("post horn letter carrier road night lantern village mountain river bridge stable coach " +
		"window morning answer stamp ink paper wax seal neighbour distance snow summer harvest market town gate")
	seed := uint32(2463534242)
	line := 0
	for b.Len() < size-3 {
		seed ^= seed << 13
		seed ^= seed >> 17
		seed ^= seed << 5
		w := words[seed%uint32(len(words))]
		b.WriteString(w)
		line += len(w) + 1
		if line > 66 {
			b.WriteString("\r\n")
			line = 0
			continue
		}
		b.WriteByte(' ')
	}
	b.WriteString("\r\n.\r\n")
	return []byte(b.String())
}
