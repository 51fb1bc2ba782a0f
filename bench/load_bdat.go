package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"time"
)

// pour puts n small messages into one mailbox by SMTP as fast as it goes: many sessions, each with many whole transactions on
// the way (BDAT may be pipelined, RFC 3030 section 4.2). It fills; it does not measure.
func pour(addr, rcpt string, n, size, sessions int) error {
	return inShares(n, sessions, func(session, share int) error { return pourSession(addr, rcpt, session, share, size) })
}

func pourSession(addr, rcpt string, session, n, size int) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	c := &client{c: nc, r: bufio.NewReader(nc)}
	if _, err := c.reply("220"); err != nil {
		return err
	}
	if err := c.ask("EHLO bench.test\r\n", "250"); err != nil {
		return err
	}
	const group, groups = 16, 4 // messages in one write, and writes whose replies are still to come
	body := bytes.TrimSuffix(message(size, "bench@remote.test"), []byte(".\r\n"))
	slots := make(chan struct{}, groups)
	answered := make(chan error, 1)
	go func() {
		for at := 0; at < n; at += group {
			for range 3 * min(group, n-at) { // MAIL, RCPT, BDAT
				if _, err := c.reply("250"); err != nil {
					answered <- err
					nc.Close()
					return
				}
			}
			<-slots
		}
		answered <- nil
	}()
	began := time.Now().UnixNano()
	var b bytes.Buffer
	for at := 0; at < n; at += group {
		b.Reset()
		for m := at; m < min(n, at+group); m++ {
			id := fmt.Sprintf("Message-ID: <%d.%d.%d@remote.test>\r\n", began, session, m)
			fmt.Fprintf(&b, "MAIL FROM:<bench@remote.test>\r\nRCPT TO:<%s>\r\nBDAT %d LAST\r\n%s", rcpt, len(id)+len(body), id)
			b.Write(body)
		}
		slots <- struct{}{}
		if _, err := nc.Write(b.Bytes()); err != nil {
			return <-answered
		}
	}
	if err := <-answered; err != nil {
		return err
	}
	return c.ask("QUIT\r\n", "221")
}
