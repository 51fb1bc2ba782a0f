package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// imapMix measures a day of mail programs, in commands a second: each client has a mailbox of its own with 200 messages and
// goes round: log in, list, status, select, fetch headers and bodies, store, append, expunge, log out.
func (b *bench) imapMix(clients int) ([]result, error) {
	once := func(start starter) (float64, error) { return mixOnce(start, clients) }
	return b.bothWays(ways{
		what: fmt.Sprintf("IMAP mix, %d clients", clients), peer: "Dovecot", unit: "commands/s", aim: 3, ours: once, theirs: once,
	})
}

func mixOnce(start starter, clients int) (float64, error) {
	t, err := start(benchUsers(clients))
	if err != nil {
		return 0, err
	}
	defer t.stop()
	for _, u := range t.users {
		if err := fill(t, u, 200, 4<<10); err != nil {
			return 0, err
		}
	}
	defer t.profile()()
	before := t.cost()
	var commands atomic.Int64
	errs := make(chan error, clients)
	began := time.Now()
	until := began.Add(10 * time.Second)
	var wg sync.WaitGroup
	for _, u := range t.users {
		wg.Go(func() {
			for time.Now().Before(until) {
				n, err := mixRound(t, u)
				commands.Add(int64(n))
				if err != nil {
					errs <- fmt.Errorf("%s: %w", u, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return 0, err
	}
	took := time.Since(began)
	t.each(before, int(commands.Load()))
	return float64(commands.Load()) / took.Seconds(), nil
}

// mixRound is one visit of a mail program.
func mixRound(t *target, user string) (int, error) {
	r, err := dialIMAP(t, user)
	if err != nil {
		return 0, err
	}
	defer r.c.Close()
	done := 1
	body := message(4<<10, "bench@remote.test")
	body = body[:len(body)-3]
	cmds := []string{
		`LIST "" "*"`, "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)", "SELECT INBOX",
		"FETCH 1:50 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", "FETCH 1:50 (UID BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])",
		"FETCH 1 (BODY.PEEK[])", "FETCH 2 (BODY.PEEK[])", "FETCH 3 (BODYSTRUCTURE)", "FETCH 100:110 (BODY.PEEK[TEXT])",
		`STORE 1:5 +FLAGS (\Seen)`, `STORE 1:5 -FLAGS (\Seen)`, "SEARCH UNSEEN",
		fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(body), body), `STORE 1 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "NOOP",
	}
	for _, c := range cmds {
		if err := r.run(c); err != nil {
			return done, err
		}
		done++
	}
	_, err = r.cmd("LOGOUT")
	return done + 1, err
}
