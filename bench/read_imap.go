package main

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// reader is a bare IMAP connection.
type reader struct {
	c   net.Conn
	r   *bufio.Reader
	tag int
	// doubles allows for more messages than were sent: a peer that tries again after an answer it did not hear delivers twice.
	doubles bool
}

func dialIMAP(t *target, user string) (*reader, error) {
	c, err := t.dialIMAP()
	if err != nil {
		return nil, err
	}
	r := &reader{c: c, r: bufio.NewReaderSize(c, 64<<10), doubles: t.metrics == ""}
	if _, err := r.r.ReadString('\n'); err != nil {
		return nil, err
	}
	if _, err := r.cmd("LOGIN %s %s", user, t.password); err != nil {
		return nil, err
	}
	return r, nil
}

// cmd sends a command and returns the untagged lines.
func (r *reader) cmd(format string, args ...any) ([]string, error) {
	r.tag++
	tag := "t" + strconv.Itoa(r.tag)
	_ = r.c.SetDeadline(time.Now().Add(5 * time.Minute))
	if _, err := fmt.Fprintf(r.c, tag+" "+format+"\r\n", args...); err != nil {
		return nil, err
	}
	var lines []string
	for {
		line, err := r.r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				return nil, fmt.Errorf("%s: %q", format, line)
			}
			return lines, nil
		}
		lines = append(lines, line)
	}
}

var statusMessages = regexp.MustCompile(`MESSAGES (\d+)`)

// openReaders logs every user in. It is done before the clock starts: what a login costs is another row's question.
func openReaders(t *target) ([]*reader, error) {
	readers := make([]*reader, 0, len(t.users))
	for _, u := range t.users {
		r, err := dialIMAP(t, u)
		if err != nil {
			closeReaders(readers)
			return nil, fmt.Errorf("log in %s: %w", u, err)
		}
		readers = append(readers, r)
	}
	return readers, nil
}

func closeReaders(readers []*reader) {
	for _, r := range readers {
		r.c.Close()
	}
}

// waitReadable returns when every mailbox holds so many messages.
func waitReadable(readers []*reader, want int) error {
	for _, r := range readers {
		if err := r.waitCount(want); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) waitCount(want int) error {
	deadline := time.Now().Add(5 * time.Minute)
	for {
		lines, err := r.cmd("STATUS INBOX (MESSAGES)")
		if err != nil {
			return err
		}
		m := statusMessages.FindStringSubmatch(strings.Join(lines, ""))
		if m == nil {
			return fmt.Errorf("no STATUS in %q", lines)
		}
		n, _ := strconv.Atoi(m[1])
		if n == want || n > want && r.doubles {
			return nil
		}
		if n > want || time.Now().After(deadline) {
			return fmt.Errorf("%d messages, wanted %d", n, want)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
