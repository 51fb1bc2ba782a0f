package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// figure is one side of a row: a rate from each run.
type figure struct {
	name string
	unit string
	runs []float64
}

func (f figure) median() float64 {
	if len(f.runs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(f.runs))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

func (f figure) String() string {
	if len(f.runs) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %s (%.0f–%.0f)", f.median(), f.unit, slices.Min(f.runs), slices.Max(f.runs))
}

// result is a row of the table.
type result struct {
	row    string
	ours   figure
	peers  []figure
	failed error
}

func markdown(w io.Writer, about string, results []result) {
	fmt.Fprintf(w, "# Figures of one run\n\nMade by `make bench` on %s. %s\n\n", time.Now().UTC().Format("2006-01-02"), about)
	fmt.Fprint(w, "Medians, in brackets the spread; the ratio is Posthorn's median to the peer's, from the same run.\n\n")
	fmt.Fprint(w, "| row | Posthorn | peer | ratio |\n|---|---|---|---|\n")
	for _, r := range results {
		if r.failed != nil {
			fmt.Fprintf(w, "| %s | failed: %s | | |\n", r.row, strings.ReplaceAll(r.failed.Error(), "\n", " "))
			continue
		}
		for i, p := range r.peers {
			name, ours := r.row, r.ours.String()
			if i > 0 {
				name, ours = "", ""
			}
			fmt.Fprintf(w, "| %s | %s | %s: %s | **%.2f ×** |\n", name, ours, p.name, p, r.ours.median()/p.median())
		}
	}
}
