package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// figure is one side of a row: a value from each run.
type figure struct {
	name string
	unit string
	runs []float64
	aim  float64 // of a peer: how many times as good ours shall be; 0 for none
}

func median(runs []float64) float64 {
	if len(runs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(runs))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

func (f figure) median() float64 { return median(f.runs) }

func (f figure) String() string {
	if len(f.runs) == 0 {
		return "–"
	}
	return fmt.Sprintf("%s %s (%s–%s)", short(f.median()), f.unit, short(slices.Min(f.runs)), short(slices.Max(f.runs)))
}

// short writes a number with as many digits as it deserves.
func short(v float64) string {
	if math.Abs(v) < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// result is a row of the table.
type result struct {
	row    string
	ours   figure
	peers  []figure
	less   bool    // less is better: times, memory
	limit  float64 // ours shall not be above it; 0 for none
	failed error
}

// ratio is how many times as good ours is.
func (r result) ratio(p figure) float64 {
	if r.less {
		return p.median() / r.ours.median()
	}
	return r.ours.median() / p.median()
}

// line is a line of the table: a row and one of those it is compared with.
type line struct {
	row, ours, peer, ratio, aim string
	missed                      string // what was missed and by how much; empty if nothing
}

func (r result) lines() []line {
	if r.failed != nil {
		why := strings.ReplaceAll(r.failed.Error(), "\n", " ")
		return []line{{row: r.row, ours: "failed: " + strings.ReplaceAll(why, "|", "/"), missed: r.row + ": failed"}}
	}
	var out []line
	if r.limit != 0 || len(r.peers) == 0 {
		l := line{row: r.row, ours: r.ours.String(), peer: "–", ratio: "–"}
		l.aim, l.missed = r.bound()
		out = append(out, l)
	}
	for _, p := range r.peers {
		l := line{peer: p.name + ": " + p.String(), ratio: fmt.Sprintf("**%.2f ×**", r.ratio(p))}
		l.aim, l.missed = r.against(p)
		if len(out) == 0 {
			l.row, l.ours = r.row, r.ours.String()
		}
		out = append(out, l)
	}
	return out
}

// bound holds ours to its limit.
func (r result) bound() (aim, missed string) {
	if r.limit == 0 {
		return "–", ""
	}
	aim = fmt.Sprintf("≤ %.4g %s", r.limit, r.ours.unit)
	over := r.ours.median() - r.limit
	if over <= 0 {
		return aim + " · met", ""
	}
	by := short(over) + " " + r.ours.unit
	return aim + " · missed by " + by, fmt.Sprintf("%s: %s %s, aim %s, missed by %s", r.row, short(r.ours.median()), r.ours.unit, aim, by)
}

// against holds ours to its aim beside a peer.
func (r result) against(p figure) (aim, missed string) {
	if p.aim == 0 {
		return "–", ""
	}
	aim = fmt.Sprintf("%.4g ×", p.aim)
	got := r.ratio(p)
	if got >= p.aim {
		return aim + " · met", ""
	}
	by := fmt.Sprintf("%.0f %%", math.Ceil(100*(1-got/p.aim)))
	return aim + " · missed by " + by, fmt.Sprintf("%s, beside %s: %.2f ×, aim %s, missed by %s", r.row, p.name, got, aim, by)
}
