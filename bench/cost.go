package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// cost is what a load took out of the machine, by the kernel's own books.
type cost struct {
	cpu     time.Duration
	written int64 // bytes the processes sent to the disk
}

// cost reads the books of a target's processes; what has ended in between is not counted.
func (t *target) cost() cost {
	var c cost
	for _, pid := range t.pids() {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
			// Behind the name in parentheses; utime and stime are fields 14 and 15, in hundredths of a second.
			f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
			for _, i := range []int{11, 12} {
				n, _ := strconv.ParseInt(f[i], 10, 64)
				c.cpu += time.Duration(n) * 10 * time.Millisecond
			}
		}
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid)); err == nil {
			for line := range strings.Lines(string(b)) {
				if rest, ok := strings.CutPrefix(line, "write_bytes: "); ok {
					n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
					c.written += n
				}
			}
		}
	}
	return c
}

// since tells what was used since an earlier reading, for each message and each byte accepted.
func (t *target) since(before cost, messages, size int) {
	now := t.cost()
	fmt.Fprintf(os.Stderr, "  %s: %.0f µs of CPU a message, %.2f bytes to the disk for each byte accepted\n", t.name,
		float64((now.cpu-before.cpu).Microseconds())/float64(messages), float64(now.written-before.written)/float64(messages)/float64(size))
}

// each tells the CPU time used since an earlier reading, for each operation.
func (t *target) each(before cost, n int) {
	fmt.Fprintf(os.Stderr, "  %s: %.0f µs of CPU each\n", t.name, float64((t.cost().cpu-before.cpu).Microseconds())/float64(n))
}
