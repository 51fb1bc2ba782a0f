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

// spent is what one side of a row took for each operation.
type spent struct {
	row, side string
	cpu       []float64 // µs for each operation, from each run
	written   []float64 // bytes to the disk for each byte accepted
}

// cost reads the books of a target's processes. The CPU time of those that have ended in between is in their master's books; what
// they wrote is not.
func (t *target) cost() cost {
	var c cost
	for i, pid := range t.pids() {
		if s, ok := readStat(pid); ok {
			c.cpu += s.own
			if i == 0 || s.parent == 1 {
				c.cpu += s.children
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
	t.sinceBytes(before, messages, int64(messages)*int64(size))
}

// sinceBytes is since for messages that do not have one size.
func (t *target) sinceBytes(before cost, messages int, accepted int64) {
	now := t.cost()
	cpu := float64((now.cpu - before.cpu).Microseconds()) / float64(messages)
	written := float64(now.written-before.written) / float64(accepted)
	fmt.Fprintf(os.Stderr, "  %s: %.0f µs of CPU a message, %.2f bytes to the disk for each byte accepted\n", t.name, cpu, written)
	t.book(cpu, written)
}

// each tells the CPU time used since an earlier reading, for each operation.
func (t *target) each(before cost, n int) {
	cpu := float64((t.cost().cpu - before.cpu).Microseconds()) / float64(n)
	fmt.Fprintf(os.Stderr, "  %s: %.0f µs of CPU each\n", t.name, cpu)
	t.book(cpu)
}

// book keeps what an operation cost for the page of figures.
func (t *target) book(cpu float64, written ...float64) {
	if t.bench != nil {
		t.bench.book(t.name, cpu, written...)
	}
}

func (b *bench) book(side string, cpu float64, written ...float64) {
	for _, s := range b.spent {
		if s.row == b.row && s.side == side {
			s.cpu, s.written = append(s.cpu, cpu), append(s.written, written...)
			return
		}
	}
	b.spent = append(b.spent, &spent{row: b.row, side: side, cpu: []float64{cpu}, written: written})
}
