package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// bigSize is how large each message of the large mailbox is.
const bigSize = 1 << 10

// afterRestart marks a command that is the first of a connection after the server was stopped in order and started again.
const afterRestart = "SELECT after a restart"

// bigOps are the commands measured on it, in order; each is one command of one connection.
var bigOps = []struct{ name, cmd string }{
	{"SELECT", "SELECT INBOX"},
	{"FETCH 1:* (FLAGS)", "FETCH 1:* (FLAGS)"},
	{"FETCH 1:* (ENVELOPE)", "FETCH 1:* (ENVELOPE)"},
	{"FETCH 1:* (ENVELOPE), again", "FETCH 1:* (ENVELOPE)"},
	{"STORE 1:* +FLAGS (\\Seen)", "STORE 1:* +FLAGS (\\Seen)"},
	{"SEARCH SEEN", "SEARCH SEEN"},
	{"SEARCH SINCE", "SEARCH SINCE 1-Jan-2020"},
	{"SEARCH SUBJECT", "SEARCH SUBJECT benchmark"},
	{"SEARCH TEXT", "SEARCH TEXT zebra"},
	{"STORE 1:* \\Deleted", "STORE 1:* +FLAGS.SILENT (\\Deleted)"},
	{afterRestart, "SELECT INBOX"}, // here, so that nothing else is measured with caches that are cold
	{"EXPUNGE", "EXPUNGE"},
}

// imapBig measures how long each command takes on a mailbox of 100,000 messages; MESSAGES makes it smaller.
func (b *bench) imapBig() ([]result, error) {
	n := number("MESSAGES", 100_000)
	results := make([]result, len(bigOps))
	for i, op := range bigOps {
		results[i] = result{
			row: fmt.Sprintf("IMAP, %d messages: %s", n, op.name), ours: figure{name: "Posthorn", unit: "ms"}, less: true,
			peers: []figure{{name: "Dovecot", unit: "ms", aim: 2}},
		}
	}
	for range b.repeat {
		ours, err := b.bigOnce(b.posthornPlain, n)
		if err != nil {
			return nil, fmt.Errorf("posthorn: %w", err)
		}
		theirs, err := b.bigOnce(b.peerPlain, n)
		if err != nil {
			return nil, fmt.Errorf("dovecot: %w", err)
		}
		for i := range results {
			results[i].ours.runs = append(results[i].ours.runs, float64(ours[i].Microseconds())/1000)
			results[i].peers[0].runs = append(results[i].peers[0].runs, float64(theirs[i].Microseconds())/1000)
		}
	}
	return results, nil
}

func (b *bench) bigOnce(start starter, n int) ([]time.Duration, error) {
	t, err := start(benchUsers(1))
	if err != nil {
		return nil, err
	}
	defer t.stop()
	began := time.Now()
	if err := fill(t, t.users[0], n, bigSize); err != nil {
		return nil, fmt.Errorf("fill the mailbox: %w", err)
	}
	fmt.Fprintf(os.Stderr, "  %s: filled in %v\n", t.name, time.Since(began).Round(time.Millisecond))
	if err := t.calm(); err != nil {
		return nil, err
	}
	r, err := dialIMAP(t, t.users[0])
	if err != nil {
		return nil, err
	}
	defer func() { r.c.Close() }()
	took := make([]time.Duration, len(bigOps))
	for i, op := range bigOps {
		if op.name == afterRestart {
			r.c.Close()
			if err := t.restart(); err != nil {
				return nil, fmt.Errorf("restart: %w", err)
			}
			again, err := dialIMAP(t, t.users[0])
			if err != nil {
				return nil, err
			}
			r = again
		}
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
