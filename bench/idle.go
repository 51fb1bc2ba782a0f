package main

import (
	"fmt"
	"time"
)

// idle measures the memory each idle IMAP client costs, once for each side.
func (b *bench) idle() (result, error) {
	clients := number("CLIENTS", 5000) // how many sit in IDLE at once
	ours := figure{name: "Posthorn", unit: "KiB"}
	secure := figure{name: "Dovecot, TLS", unit: "KiB"}
	plain := figure{name: "Dovecot, no TLS", unit: "KiB"}
	err := inTurn(1,
		side{&ours, func() (float64, error) { return b.idleOnce(b.posthorn, clients) }},
		// A Dovecot client is a process; fewer of them tell the same.
		side{&secure, func() (float64, error) { return b.idleOnce(b.peerTLS, clients/10) }},
		side{&plain, func() (float64, error) { return b.idleOnce(b.peerPlain, clients/10) }},
	)
	return result{
		row: fmt.Sprintf("memory of each of %d idle IMAP clients, TLS", clients), ours: ours, peers: []figure{secure, plain},
		less: true, limit: 18,
	}, err
}

func (b *bench) idleOnce(start starter, clients int) (float64, error) {
	const users = 150 // so many that no account has more connections than it may
	t, err := start(benchUsers(users))
	if err != nil {
		return 0, err
	}
	defer t.stop()
	var all []*reader
	defer func() {
		for _, r := range all {
			r.c.Close()
		}
	}()
	open := func(n int) error {
		for i := range n {
			r, err := dialIMAP(t, t.users[i%len(t.users)])
			if err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
			all = append(all, r)
			if _, err := r.cmd("SELECT INBOX"); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(r.c, "i IDLE\r\n"); err != nil {
				return err
			}
			if _, err := r.r.ReadString('\n'); err != nil {
				return err
			}
		}
		return nil
	}
	// The first fill up what the server keeps of the memory that starting and hashing passwords took.
	first := clients * 2 / 5
	if err := open(first); err != nil {
		return 0, err
	}
	before, err := t.settled()
	if err != nil {
		return 0, err
	}
	clients -= first
	if err := open(clients); err != nil {
		return 0, err
	}
	after, err := t.settled()
	if err != nil {
		return 0, err
	}
	if after <= before {
		return 0, fmt.Errorf("%w: %d clients are too few to tell them from what a start leaves in memory", errNoFigure, clients)
	}
	return float64(after-before) / 1024 / float64(clients), nil
}

// settled is the memory once garbage is collected.
func (t *target) settled() (int64, error) {
	time.Sleep(3 * time.Second)
	t.heap()
	time.Sleep(2 * time.Second)
	return t.memory()
}
