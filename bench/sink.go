package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// sink is Postfix's smtp-sink: a server that takes everything and keeps nothing, the floor of every sending path.
type sink struct {
	addr string
	cmd  *exec.Cmd
	stop func()

	mu      sync.Mutex // guards messages
	counted int
}

var sinkCount = regexp.MustCompile(`mesg=(\d+)`)

func (b *bench) startSink() (*sink, error) {
	port, err := peers.FreePort()
	if err != nil {
		return nil, err
	}
	return b.startSinkAt(fmt.Sprintf("127.0.0.1:%d", port))
}

func (b *bench) startSinkAt(addr string) (*sink, error) {
	bin, err := peers.Ensure("smtp-sink", "postfix")
	if err != nil {
		return nil, err
	}
	s := &sink{addr: addr}
	s.stop, err = b.cleanup.starting(func() (func(), error) {
		s.cmd = exec.Command(bin, "-c", "-u", "nobody", s.addr, "1000")
		s.cmd.Dir = b.dir // tells sweep whose it is
		out, err := s.cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := s.cmd.Start(); err != nil {
			return nil, err
		}
		go s.count(out)
		return func() {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}, nil
	})
	if err != nil {
		return nil, err
	}
	if err := peers.WaitForPort(s.addr); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// count reads the running counters, which smtp-sink rewrites on one line.
func (s *sink) count(out io.Reader) {
	sc := bufio.NewScanner(out)
	sc.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		for i, c := range data {
			if c == '\r' || c == '\n' {
				return i + 1, data[:i], nil
			}
		}
		if atEOF {
			return len(data), nil, io.EOF
		}
		return 0, nil, nil
	})
	for sc.Scan() {
		if m := sinkCount.FindSubmatch(sc.Bytes()); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			s.mu.Lock()
			s.counted = n
			s.mu.Unlock()
		}
	}
}

func (s *sink) messages() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counted
}

// waitFor returns when the sink has taken n messages since it started.
func (s *sink) waitFor(n int) error {
	deadline := time.Now().Add(5 * time.Minute)
	for s.messages() < n {
		if time.Now().After(deadline) {
			return fmt.Errorf("the sink has %d messages, wanted %d", s.messages(), n)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}
