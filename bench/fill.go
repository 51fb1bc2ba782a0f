package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// fill puts n messages into a user's inbox over IMAP as fast as the server offers it: many in one command (MULTIAPPEND, RFC 3502) or,
// without it, by several connections. It is never part of what is measured.
func fill(t *target, user string, n, size int) error {
	r, err := dialIMAP(t, user)
	if err != nil {
		return err
	}
	defer r.c.Close()
	lines, err := r.cmd("CAPABILITY")
	if err != nil {
		return err
	}
	if strings.Contains(strings.Join(lines, ""), "MULTIAPPEND") {
		return r.fill(n, size, 1000)
	}
	return inShares(n, min(16, 1+n/1000), func(_, share int) error {
		r, err := dialIMAP(t, user)
		if err != nil {
			return err
		}
		defer r.c.Close()
		return r.fill(share, size, 1)
	})
}

// inShares divides n among so many who work at the same time, and returns the first error when all have ended.
func inShares(n, workers int, work func(worker, share int) error) error {
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		share := (i+1)*n/workers - i*n/workers
		wg.Go(func() { errs <- work(i, share) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// fill appends n messages, each command with up to so many of them, several commands on the way at once (LITERAL+).
func (r *reader) fill(n, size, group int) error {
	body := message(size, "bench@remote.test")
	body = body[:len(body)-3] // without the dot line
	one := fmt.Appendf(nil, " {%d+}\r\n%s", len(body), body)
	window := max(2, 200/group)
	commands := (n + group - 1) / group
	errs := make(chan error, 1)
	slots := make(chan struct{}, window)
	go func() {
		for range commands {
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
	for n > 0 {
		slots <- struct{}{}
		cmd := net.Buffers{[]byte("a APPEND INBOX")}
		for range min(n, group) {
			cmd = append(cmd, one)
		}
		n -= min(n, group)
		cmd = append(cmd, []byte("\r\n"))
		if _, err := cmd.WriteTo(r.c); err != nil {
			return <-errs
		}
	}
	return <-errs
}

// calm waits until the target has put in order what it was filled with: until it needs less than a twentieth of a processor.
func (t *target) calm() error {
	deadline := time.Now().Add(5 * time.Minute)
	for began, last := time.Now(), t.cost(); ; {
		time.Sleep(time.Second)
		now := t.cost()
		if now.cpu-last.cpu < 50*time.Millisecond {
			fmt.Fprintf(os.Stderr, "  %s: calm after %.0f s\n", t.name, time.Since(began).Seconds())
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not come to rest", t.name)
		}
		last = now
	}
}
