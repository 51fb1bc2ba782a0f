package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// bigSize is how large each message of the large mailbox is.
const bigSize = 1 << 10

// bigMailbox is how many messages the large mailbox holds; MESSAGES changes it, for a quick look.
func bigMailbox() int {
	if n, err := strconv.Atoi(os.Getenv("MESSAGES")); err == nil && n > 0 {
		return n
	}
	return 100_000
}

// bigOps are the commands measured on it, in order; each is one command of one connection.
var bigOps = []struct{ name, cmd string }{
	{"SELECT", "SELECT INBOX"},
	{"FETCH 1:* (FLAGS)", "FETCH 1:* (FLAGS)"},
	{"FETCH 1:* (ENVELOPE)", "FETCH 1:* (ENVELOPE)"},
	{"STORE 1:* +FLAGS (\\Seen)", "STORE 1:* +FLAGS (\\Seen)"},
	{"SEARCH SEEN", "SEARCH SEEN"},
	{"SEARCH SINCE", "SEARCH SINCE 1-Jan-2020"},
	{"SEARCH SUBJECT", "SEARCH SUBJECT benchmark"},
	{"SEARCH TEXT", "SEARCH TEXT zebra"},
	{"STORE 1:* \\Deleted", "STORE 1:* +FLAGS.SILENT (\\Deleted)"},
	{"EXPUNGE", "EXPUNGE"},
}

// imapBig measures each command on a mailbox of 100,000 messages; a figure is operations a second, so that larger is better.
func (b *bench) imapBig() ([]result, error) {
	results := make([]result, len(bigOps))
	for i, op := range bigOps {
		results[i] = result{
			row: fmt.Sprintf("IMAP, %d messages: %s", bigMailbox(), op.name), ours: figure{name: "Posthorn", unit: "/s"},
			peers: []figure{{name: "Dovecot", unit: "/s"}},
		}
	}
	for range b.repeat {
		ours, err := b.bigOnce(b.startPosthorn)
		if err != nil {
			return nil, fmt.Errorf("posthorn: %w", err)
		}
		theirs, err := b.bigOnce(b.startPeers)
		if err != nil {
			return nil, fmt.Errorf("dovecot: %w", err)
		}
		for i := range results {
			results[i].ours.runs = append(results[i].ours.runs, 1/ours[i].Seconds())
			results[i].peers[0].runs = append(results[i].peers[0].runs, 1/theirs[i].Seconds())
		}
	}
	return results, nil
}

func (b *bench) bigOnce(start func(users []string) (*target, error)) ([]time.Duration, error) {
	t, err := start(benchUsers(1))
	if err != nil {
		return nil, err
	}
	defer t.stop()
	began := time.Now()
	if err := fill(t, t.users[0], bigMailbox(), bigSize); err != nil {
		return nil, fmt.Errorf("fill the mailbox: %w", err)
	}
	fmt.Fprintf(os.Stderr, "  %s: filled in %v\n", t.name, time.Since(began).Round(time.Millisecond))
	r, err := dialIMAP(t, t.users[0])
	if err != nil {
		return nil, err
	}
	defer r.c.Close()
	took := make([]time.Duration, len(bigOps))
	for i, op := range bigOps {
		before := t.cost()
		began := time.Now()
		if err := r.run(op.cmd); err != nil {
			return nil, err
		}
		took[i] = time.Since(began)
		cpu := t.cost().cpu - before.cpu
		fmt.Fprintf(os.Stderr, "  %-28s %v, %v of CPU\n", op.name, took[i].Round(time.Millisecond), cpu)
	}
	return took, nil
}

// run sends a command and reads past its answer without keeping it.
func (r *reader) run(cmd string) error {
	_ = r.c.SetDeadline(time.Now().Add(10 * time.Minute))
	if _, err := io.WriteString(r.c, "x "+cmd+"\r\n"); err != nil {
		return err
	}
	for inside := false; ; {
		line, err := r.r.ReadSlice('\n')
		if inside || errors.Is(err, bufio.ErrBufferFull) { // a SEARCH answers with one long line
			if inside = err != nil; inside && !errors.Is(err, bufio.ErrBufferFull) {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if len(line) > 2 && line[0] == 'x' && line[1] == ' ' {
			if line[2] != 'O' {
				return fmt.Errorf("%s: %q", cmd, line)
			}
			return nil
		}
	}
}

// fill appends n messages over IMAP, several on the way at once (LITERAL+).
func fill(t *target, user string, n, size int) error {
	r, err := dialIMAP(t, user)
	if err != nil {
		return err
	}
	defer r.c.Close()
	body := message(size, "bench@remote.test")
	body = body[:len(body)-3] // without the dot line
	one := fmt.Appendf(nil, "a APPEND INBOX {%d+}\r\n%s\r\n", len(body), body)
	const window = 200
	errs := make(chan error, 1)
	slots := make(chan struct{}, window)
	go func() {
		for range n {
			line, err := r.r.ReadString('\n')
			for err == nil && !strings.HasPrefix(line, "a ") {
				line, err = r.r.ReadString('\n')
			}
			if err == nil && !strings.HasPrefix(line, "a OK") {
				err = fmt.Errorf("append: %q", line)
			}
			if err != nil {
				errs <- err
				r.c.Close()
				return
			}
			<-slots
		}
		errs <- nil
	}()
	_ = r.c.SetDeadline(time.Now().Add(20 * time.Minute))
	for range n {
		slots <- struct{}{}
		if _, err := r.c.Write(one); err != nil {
			return <-errs
		}
	}
	return <-errs
}
