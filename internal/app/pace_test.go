package app

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, c := range []struct {
		live  uint64
		apart time.Duration
		want  int
	}{
		{6 << 20, 100 * time.Millisecond, 145},
		{6 << 20, 2 * time.Minute, usualPace}, // at rest
		{1 << 20, 100 * time.Millisecond, mostPace},
		{0, 0, mostPace},
		{64 << 20, 100 * time.Millisecond, 25},
		{192 << 20, 2 * time.Minute, 16}, // a large heap grows by less
	} {
		if got := pace(c.live, c.apart); got != c.want {
			t.Errorf("%d bytes live, collections %v apart: %d%%, want %d%%", c.live, c.apart, got, c.want)
		}
	}
}
