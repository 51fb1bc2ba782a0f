package limit

import "testing"

func TestRoom(t *testing.T) {
	r := NewRoom(1000)
	stranger, known := r.Lease(75), r.Lease(Whole)
	if !stranger.Grow(700) || !stranger.Grow(600) || r.Used() != 700 {
		t.Fatalf("700 of 1000 must be there, and stay: %d", r.Used())
	}
	if stranger.Grow(751) || r.Used() != 700 {
		t.Fatalf("a share of 75 must end at 750, and keep what it has: %d", r.Used())
	}
	if !known.Grow(300) || known.Grow(301) {
		t.Fatal("the whole room has 300 left")
	}
	stranger.Release()
	stranger.Release()
	if r.Used() != 300 || !known.Grow(1000) {
		t.Fatalf("what was given back must be there again: %d", r.Used())
	}
	known.Release()
	var none *Room
	for _, l := range []Lease{none.Lease(Whole), NewRoom(0).Lease(50)} {
		if !l.Grow(1 << 50) {
			t.Error("no room has no bound")
		}
		l.Release()
	}
}
