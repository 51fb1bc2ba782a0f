package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// rest measures the resident memory of a server that has just started and has a handful of accounts, for each way to build it.
func (b *bench) rest() ([]result, error) {
	static, err := b.buildWith("posthorn-static", "CGO_ENABLED=0")
	if err != nil {
		return nil, err
	}
	var results []result
	for _, way := range []struct{ name, binary string }{{"", b.binary}, {", built without cgo", static}} {
		ours := figure{name: "Posthorn", unit: "MiB"}
		err := b.inTurn(side{&ours, func() (float64, error) { return b.restOnce(way.binary) }})
		if err != nil {
			return nil, err
		}
		results = append(results, result{
			row: "resident memory at rest, 5 accounts, 10 s after the start" + way.name, ours: ours, less: true, limit: 40,
		})
	}
	return results, nil
}

func (b *bench) restOnce(binary string) (float64, error) {
	t, srv, err := b.startNode(benchUsers(5), binary)
	if err != nil {
		return 0, err
	}
	defer t.stop()
	time.Sleep(10 * time.Second)
	path := fmt.Sprintf("/proc/%d/smaps_rollup", srv.Pid())
	var parts []string
	for _, key := range []string{"Rss:", "Pss:", "Anonymous:"} {
		parts = append(parts, fmt.Sprintf("%s %.1f MiB", key, float64(kibOf(path, key))/(1<<20)))
	}
	fmt.Fprintf(os.Stderr, "  %s\n", strings.Join(parts, ", "))
	m := kibOf(path, "Rss:")
	if m == 0 {
		return 0, fmt.Errorf("%w: the memory of process %d", errNoFigure, srv.Pid())
	}
	return float64(m) / (1 << 20), nil
}
