package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// bench is one run.
type bench struct {
	repeat        int
	sink          *sink
	startPosthorn func(users []string) (*target, error)
	startPeers    func(users []string) (*target, error)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	only := os.Getenv("ONLY") // names of rows, with commas between; empty for all
	s, err := startSink()
	if err != nil {
		return err
	}
	defer s.stop()
	b := &bench{repeat: repeats(), sink: s}
	b.startPeers = func(users []string) (*target, error) { return startPeer(users, s.addr) }
	if err := b.build(); err != nil {
		return err
	}
	var results []result
	for _, r := range rows() {
		if only != "" && !slices.Contains(strings.Split(only, ","), r.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s …\n", r.name, r.title)
		res, err := r.run(b)
		if err != nil {
			res = []result{{failed: err}}
		}
		for i := range res {
			res[i].row = cmp.Or(res[i].row, r.title)
		}
		results = append(results, res...)
	}
	if len(results) == 0 {
		return fmt.Errorf("no row is called %q", only)
	}
	markdown(os.Stdout, about(), results)
	if only != "" && os.Getenv("SAVE") == "" {
		return failure(results)
	}
	f, err := os.Create("bench/RESULTS.md")
	if err != nil {
		return err
	}
	markdown(f, about(), results)
	if err := f.Close(); err != nil {
		return err
	}
	return failure(results)
}

func failure(results []result) error {
	for _, r := range results {
		if r.failed != nil {
			return fmt.Errorf("%s: %w", r.row, r.failed)
		}
	}
	return nil
}

// about names the machine and the versions.
func about() string {
	version := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).Output()
		if err != nil {
			return name + " ?"
		}
		return strings.TrimSpace(strings.SplitN(string(out), "\n", 2)[0])
	}
	return fmt.Sprintf("%d cores, %s, %s; Postfix %s, Dovecot %s; loopback, everything on one disk and in one run.",
		runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version(),
		strings.TrimPrefix(version("postconf", "-d", "-h", "mail_version"), "mail_version = "), version("dovecot", "--version"))
}

// repeats is how often each side of a row runs; REPEAT changes it.
func repeats() int {
	if n, err := strconv.Atoi(os.Getenv("REPEAT")); err == nil && n > 0 {
		return n
	}
	return 3
}
