package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shares tells where a delivery's CPU time goes.
type shares struct {
	parts        []part
	total        float64 // ms of the profile
	cpu, written float64 // of each message, by the kernel's books
	rate         float64
}

// part is what one part of the program took.
type part struct {
	name string
	ms   float64
}

// readShares reads a CPU profile with the help of `go tool pprof`, which comes with the compiler.
func readShares(binary, profile string) (*shares, error) {
	cmd := exec.Command("go", "tool", "pprof", "-traces", "-unit=us", binary, profile)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w", err)
	}
	return sumShares(out)
}

var sample = regexp.MustCompile(`^\s*([0-9.]+)us\s+(\S.*)$`)

// sumShares adds up the stacks that pprof lists: the innermost function first, behind its time.
func sumShares(traces []byte) (*shares, error) {
	s := &shares{}
	sums := map[string]float64{}
	var stack []string
	var us float64
	flush := func() {
		if len(stack) > 0 {
			sums[partOf(stack)] += us / 1000
			s.total += us / 1000
		}
		stack = stack[:0]
	}
	sc := bufio.NewScanner(bytes.NewReader(traces))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		switch m := sample.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "-----"):
			flush()
		case m != nil:
			us, _ = strconv.ParseFloat(m[1], 64)
			stack = append(stack[:0], m[2])
		case len(stack) > 0 && strings.TrimSpace(line) != "":
			stack = append(stack, strings.TrimSpace(line))
		}
	}
	flush()
	if s.total == 0 {
		return nil, fmt.Errorf("%w: the profile is empty", errNoFigure)
	}
	for name, ms := range sums {
		s.parts = append(s.parts, part{name, ms})
	}
	slices.SortFunc(s.parts, func(a, b part) int { return int(b.ms*1000) - int(a.ms*1000) })
	return s, sc.Err()
}

// whole are the parts known by a function anywhere in the stack, before all others.
var whole = []struct{ function, part string }{
	{"runtime.gcBgMarkWorker", "garbage collector"}, {"runtime.gcAssistAlloc", "garbage collector"},
	{"runtime.bgsweep", "garbage collector"}, {"runtime.bgscavenge", "garbage collector"},
	{"pebble/v2.(*DB).compact", "Pebble: flushes and compactions"}, {"pebble/v2.(*DB).flush", "Pebble: flushes and compactions"},
	{"pebble/v2/record.(*LogWriter).flushLoop", "Pebble: log, written and synced"},
	{"pebble/v2.(*memTable)", "Pebble: memtable"}, {"pebble/v2.(*DB).", "Pebble: reading and commits"},
	{"pebble/v2.(*commitPipeline)", "Pebble: reading and commits"}, {"pebble/v2.(*Batch)", "Pebble: reading and commits"},
	{"pebble/v2", "Pebble: reading and commits"},
	{"crypto/tls.", "TLS"}, {"internal/poll.(*FD).Read", "socket: read"}, {"internal/poll.(*FD).Write", "socket: write"},
	{"klauspost/compress", "S2: packing bodies"},
}

// helpers are packages that work for whoever calls them.
var helpers = regexp.MustCompile(`^(runtime|internal|sync|bytes|strings|strconv|sort|slices|maps|io|bufio|errors|fmt|unicode|hash|math|context|` +
	`time|syscall|net|os|reflect|iter|cmp|encoding|crypto|container|text|log|golang\.org/x/sys|aeshashbody|memeqbody|cmpbody|indexbytebody|memclr|gogo)\b`)

const ownPath = "github.com/posthorn-mail/posthorn/"

// partOf names the part of the program that a stack's time belongs to: the innermost function decides that is more than a helper.
func partOf(stack []string) string {
	for _, w := range whole {
		for _, f := range stack {
			if strings.Contains(f, w.function) {
				return w.part
			}
		}
	}
	for _, f := range stack {
		if helpers.MatchString(f) {
			continue
		}
		return packageOf(f)
	}
	root := stack[len(stack)-1]
	if strings.HasPrefix(root, "runtime.") {
		return "Go's scheduler and timers"
	}
	return packageOf(root)
}

// packageOf is a function's package, ours without the module's name.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return function
	}
	return strings.TrimPrefix(strings.TrimPrefix(function[:slash+dot], ownPath), "internal/")
}

// markdown is the table for the page of figures; what takes less than half of a percent is added up.
func (s *shares) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f µs of CPU a message and %.2f bytes to the disk for each byte accepted (the kernel's books), at %.0f messages/s.\n\n",
		s.cpu, s.written, s.rate)
	b.WriteString("| part | share | µs a message |\n|---|---|---|\n")
	rest := 0.0
	for _, p := range s.parts {
		share := p.ms / s.total
		if share < 0.005 {
			rest += share
			continue
		}
		fmt.Fprintf(&b, "| %s | %.1f %% | %.1f |\n", p.name, 100*share, share*s.cpu)
	}
	fmt.Fprintf(&b, "| the rest | %.1f %% | %.1f |\n", 100*rest, rest*s.cpu)
	return b.String()
}
