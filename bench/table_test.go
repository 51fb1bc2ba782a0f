package main

import (
	"errors"
	"slices"
	"testing"
)

func TestLinesHoldAims(t *testing.T) {
	faster := result{row: "r", ours: figure{unit: "/s", runs: []float64{30, 10, 20}}, peers: []figure{
		{name: "a", unit: "/s", runs: []float64{1}, aim: 20}, {name: "b", unit: "/s", runs: []float64{2}, aim: 20},
		{name: "c", unit: "/s", runs: []float64{40, 20}},
	}}
	smaller := result{row: "m", less: true, limit: 40, ours: figure{unit: "MiB", runs: []float64{50}}, peers: []figure{
		{name: "a", unit: "MiB", runs: []float64{100}, aim: 2},
	}}
	for _, c := range []struct {
		r     result
		ratio []string
		aim   []string
	}{
		{faster, []string{"**20.00 ×**", "**10.00 ×**", "**0.67 ×**"}, []string{"20 × · met", "20 × · missed by 50 %", "–"}},
		{smaller, []string{"–", "**2.00 ×**"}, []string{"≤ 40 MiB · missed by 10.0 MiB", "2 × · met"}},
		{result{row: "f", failed: errors.New("a|b")}, []string{""}, []string{""}},
	} {
		var ratio, aim []string
		for i, l := range c.r.lines() {
			ratio, aim = append(ratio, l.ratio), append(aim, l.aim)
			if (i == 0) != (l.row == c.r.row) {
				t.Errorf("line %d of %s is called %q", i, c.r.row, l.row)
			}
		}
		if !slices.Equal(ratio, c.ratio) || !slices.Equal(aim, c.aim) {
			t.Errorf("%s: ratios %q, aims %q", c.r.row, ratio, aim)
		}
	}
}

func TestCleanupEndsAllOnce(t *testing.T) {
	var c cleanup
	var ended []string
	start := func(name string) (func(), error) {
		return c.starting(func() (func(), error) { return func() { ended = append(ended, name) }, nil })
	}
	var stops []func()
	for _, name := range []string{"a", "b", "c"} {
		stop, err := start(name)
		if err != nil {
			t.Fatal(err)
		}
		stops = append(stops, stop)
	}
	stops[1]()
	c.end()
	stops[0]()
	if want := []string{"b", "c", "a"}; !slices.Equal(ended, want) {
		t.Errorf("ended %q, want %q", ended, want)
	}
	if _, err := start("late"); !errors.Is(err, errInterrupted) {
		t.Errorf("started after the end: %v", err)
	}
}
