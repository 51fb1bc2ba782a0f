package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// idleClients is how many clients sit in IDLE at once; CLIENTS changes it, for a quick look.
func idleClients() int {
	if n, err := strconv.Atoi(os.Getenv("CLIENTS")); err == nil && n > 0 {
		return n
	}
	return 5000
}

// idle measures the memory each idle IMAP client costs; a figure is clients per MiB, so that larger is better.
func (b *bench) idle() (result, error) {
	ours := figure{name: "Posthorn (TLS)", unit: "clients/MiB"}
	peer := figure{name: "Dovecot (no TLS)", unit: "clients/MiB"}
	v, err := b.idleOnce(b.startPosthorn, idleClients())
	if err != nil {
		return result{}, fmt.Errorf("posthorn: %w", err)
	}
	ours.runs = append(ours.runs, v)
	// A Dovecot client is a process; fewer of them tell the same.
	if v, err = b.idleOnce(b.startPeers, idleClients()/10); err != nil {
		return result{}, fmt.Errorf("dovecot: %w", err)
	}
	peer.runs = append(peer.runs, v)
	return result{ours: ours, peers: []figure{peer}}, nil
}

func (b *bench) idleOnce(start func(users []string) (*target, error), clients int) (float64, error) {
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
	fmt.Fprintf(os.Stderr, "  %s: %.1f KiB for each idle client\n", t.name, float64(after-before)/1024/float64(clients))
	return float64(clients) / (float64(after-before) / (1 << 20)), nil
}

// settled is the memory once garbage is collected.
func (t *target) settled() (int64, error) {
	time.Sleep(3 * time.Second)
	t.heap()
	time.Sleep(2 * time.Second)
	return t.memory()
}

// rss is the proportional resident memory of processes, in bytes (shared pages counted once).
func rss(pids []int) (int64, error) {
	var total int64
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				total += kib << 10
			}
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("no memory figures for %v", pids)
	}
	return total, nil
}

// pidsOf finds processes by a pattern of their command line.
func pidsOf(pattern string) []int {
	out, _ := exec.Command("pgrep", "-f", pattern).Output()
	var pids []int
	for _, f := range strings.Fields(string(out)) {
		if n, err := strconv.Atoi(f); err == nil && n != os.Getpid() {
			pids = append(pids, n)
		}
	}
	return pids
}
