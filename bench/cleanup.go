package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// workDir is where everything of a run lives, on the disk that is measured.
const workDir = "/var/tmp"

// workPrefix begins the names of a run's folders; the run's process follows.
const workPrefix = "posthorn-bench-"

var errInterrupted = errors.New("interrupted")

// cleanup knows what has to be stopped and removed, however the run ends.
type cleanup struct {
	mu     sync.Mutex // held while something starts, so that nothing is forgotten; guards the rest
	closed bool
	next   int
	open   map[int]func()
}

// starting runs f, which starts something, and returns what stops it; once is enough. After the end of the run nothing starts.
func (c *cleanup) starting(f func() (stop func(), err error)) (func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errInterrupted
	}
	stop, err := f()
	if err != nil {
		return nil, err
	}
	if c.open == nil {
		c.open = map[int]func(){}
	}
	id := c.next
	c.next++
	stop = sync.OnceFunc(stop)
	c.open[id] = stop
	return func() {
		stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, id)
	}, nil
}

// end stops what still runs, the newest first.
func (c *cleanup) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for id := c.next - 1; id >= 0; id-- {
		if stop, ok := c.open[id]; ok {
			stop()
			delete(c.open, id)
		}
	}
}

// onSignal ends the run in order when it is told to stop.
func (c *cleanup) onSignal() {
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		s := <-sig
		fmt.Fprintf(os.Stderr, "bench: %v; stopping Posthorn and its peers …\n", s)
		c.end()
		os.Exit(130)
	}()
}

// folder makes a folder for one system; its name tells whose it is, for sweep.
func folder(kind string) (string, error) {
	return os.MkdirTemp(workDir, fmt.Sprintf("%s%d-%s-", workPrefix, os.Getpid(), kind))
}

// sweep ends and removes what earlier runs left that were killed without a chance to do so (kill -9).
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(workDir, workPrefix+"*"))
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), workPrefix), "-")
		pid, err := strconv.Atoi(owner)
		if err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: removing what a killed run left in %s\n", dir)
		killAll(processesIn(dir))
		_ = os.RemoveAll(dir)
	}
}

// processesIn finds the servers that were started on a folder: their command line names it, or their folder is in it.
func processesIn(dir string) []int {
	var found []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if strings.Contains(string(line), dir+"/") || strings.HasPrefix(cwd+"/", dir+"/") {
			found = append(found, family(pid)...)
		}
	}
	return found
}
