package main

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/posthorn-mail/posthorn/interop/node"
)

// growth fills one mailbox with a million small messages and asks three things: how fast mail still goes into it, how soon a
// server with it answers after its start, and how much memory it takes while the mailbox is in use. MESSAGES makes it smaller.
func (b *bench) growth() ([]result, error) {
	n := number("MESSAGES", 1_000_000)
	t, srv, err := b.startNode(benchUsers(1+b.repeat), b.binary)
	if err != nil {
		return nil, err
	}
	defer t.stop()
	r, err := dialIMAP(t, t.users[0])
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := pour(t.mx, t.users[0], n, 512, 64); err != nil {
		return nil, fmt.Errorf("fill the mailbox: %w", err)
	}
	if err := r.waitCount(n); err != nil {
		return nil, err
	}
	r.c.Close()
	took := time.Since(began).Seconds()
	fmt.Fprintf(os.Stderr, "  filled in %.0f s, %.0f/s; %d MiB on disk\n", took, float64(n)/took, diskUse(t.data)>>20)
	if err := t.calm(); err != nil {
		return nil, err
	}
	rates, err := b.grown(t, n)
	if err != nil {
		return nil, err
	}
	rates.row = fmt.Sprintf("delivery into a mailbox of %d messages, 4 KiB, 20 sessions", n)
	start, err := b.readiness(t, srv)
	if err != nil {
		return nil, err
	}
	start.row = fmt.Sprintf("start with those %d messages in the store until SMTP and IMAP greet (stopped in order, and killed)", n)
	memory, err := b.inUse(t, srv)
	if err != nil {
		return nil, err
	}
	memory.row = fmt.Sprintf("most resident memory with the mailbox of %d messages in use (SELECT, FETCH of all flags, SEARCH, delivery)", n)
	return []result{rates, start, memory}, nil
}

// grown delivers into the full mailbox, into empty ones beside it, and into empty ones of a server that has nothing else.
func (b *bench) grown(t *target, full int) (result, error) {
	fresh, _, err := b.startNode(benchUsers(b.repeat), b.binary)
	if err != nil {
		return result{}, err
	}
	defer fresh.stop()
	d := delivery{size: 4 << 10, sessions: 20, mailboxes: 1}
	const messages = 60000 // enough for the merging that they cause to fall within the time
	deliver := func(t *target, name, user string, holds int) (float64, error) {
		r, err := dialIMAP(t, user)
		if err != nil {
			return 0, err
		}
		defer r.c.Close()
		l := d.load(t.mx, []string{user}, messages)
		before, began := t.cost(), time.Now()
		if err := sendAll(l); err != nil {
			return 0, err
		}
		if err := r.waitCount(holds + messages); err != nil {
			return 0, err
		}
		took := time.Since(began).Seconds()
		named := *t
		named.name = name
		named.since(before, messages, d.size)
		return messages / took, nil
	}
	ours := figure{name: "Posthorn", unit: "/s"}
	beside := figure{name: "into an empty mailbox of the same store", unit: "/s", aim: 0.9}
	alone := figure{name: "into an empty mailbox of a fresh server", unit: "/s", aim: 0.9}
	run := 0
	err = b.inTurn(
		side{&ours, func() (float64, error) { return deliver(t, "full mailbox", t.users[0], full+run*messages) }},
		side{&beside, func() (float64, error) { return deliver(t, beside.name, t.users[1+run], 0) }},
		side{&alone, func() (float64, error) {
			run++
			return deliver(fresh, alone.name, fresh.users[run-1], 0)
		}},
	)
	return result{ours: ours, peers: []figure{beside, alone}}, err
}

// readiness starts the server again after it was stopped in order and after it was killed, and waits for both greetings.
func (b *bench) readiness(t *target, srv *node.Node) (result, error) {
	ours := figure{name: "Posthorn", unit: "ms"}
	for range b.repeat {
		for _, end := range []func() error{srv.Stop, srv.Kill} {
			if err := end(); err != nil {
				return result{}, fmt.Errorf("stop: %w", err)
			}
			syscall.Sync()
			ready, err := b.restart(t, srv)
			if err != nil {
				return result{}, err
			}
			fmt.Fprintf(os.Stderr, "  ready after %v\n", ready)
			ours.runs = append(ours.runs, float64(ready.Microseconds())/1000)
		}
	}
	return result{ours: ours, less: true, limit: 1000}, nil
}

// restart starts the server and returns when SMTP and IMAP have greeted.
func (b *bench) restart(t *target, srv *node.Node) (time.Duration, error) {
	began := time.Now()
	greeted := make(chan error, 1)
	go func() { greeted <- cmp.Or(greets(t.mx, "220 "), greets(srv.Addr("imap"), "* OK")) }()
	var ready time.Duration
	_, err := b.cleanup.starting(func() (func(), error) {
		if err := srv.Start(); err != nil {
			return nil, err
		}
		return func() {}, nil // t.stop ends it
	})
	if err != nil {
		return 0, err
	}
	err = <-greeted
	ready = time.Since(began)
	return ready, err
}

// greets waits until somebody greets at an address.
func greets(addr, want string) error {
	deadline := time.Now().Add(time.Minute)
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			line, err := bufio.NewReader(c).ReadString('\n')
			c.Close()
			if err == nil && !strings.HasPrefix(line, want) {
				return fmt.Errorf("%q", line)
			}
			return err
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// inUse works with the full mailbox after a start and reports the most memory that was resident.
func (b *bench) inUse(t *target, srv *node.Node) (result, error) {
	r, err := dialIMAP(t, t.users[0])
	if err != nil {
		return result{}, err
	}
	defer r.c.Close()
	tell := func(what string, began time.Time) {
		now, _ := t.memory()
		fmt.Fprintf(os.Stderr, "  %-26s %5.2f s, %d MiB now, %d at most\n", what, time.Since(began).Seconds(), now>>20, highWater(srv.Pid())>>20)
	}
	tell("after the start", time.Now())
	for _, cmd := range []string{
		"SELECT INBOX", "FETCH 1:* (FLAGS)", "SEARCH UNSEEN", "SEARCH SINCE 1-Jan-2020", "UID SEARCH SUBJECT benchmark",
	} {
		began := time.Now()
		if err := r.run(cmd); err != nil {
			return result{}, err
		}
		tell(cmd, began)
	}
	began := time.Now()
	l := delivery{size: 4 << 10, sessions: 20, mailboxes: 1}.load(t.mx, t.users[:1], 20000)
	if err := sendAll(l); err != nil {
		return result{}, err
	}
	tell("20,000 deliveries", began)
	began = time.Now()
	if err := r.run("NOOP"); err != nil {
		return result{}, err
	}
	tell("NOOP", began)
	ours := figure{name: "Posthorn", unit: "MiB", runs: []float64{float64(highWater(srv.Pid())) / (1 << 20)}}
	return result{ours: ours, less: true, limit: 300}, nil
}
