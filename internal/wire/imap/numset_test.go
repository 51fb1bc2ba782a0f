package imap

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSetKeepsRangesSortedAndApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := map[uint32]bool{}
		var s Set
		for range rapid.IntRange(1, 30).Draw(t, "adds") {
			a := rapid.Uint32Range(1, 60).Draw(t, "a")
			b := min(a+rapid.Uint32Range(0, 5).Draw(t, "len"), 60)
			s.AddRange(a, b)
			for n := a; n <= b; n++ {
				model[n] = true
			}
		}
		if s.Len() != len(model) {
			t.Fatalf("%s: Len %d, want %d", s, s.Len(), len(model))
		}
		for n := uint32(0); n < 70; n++ {
			if s.Contains(n) != model[n] {
				t.Fatalf("%s: Contains(%d) = %v", s, n, s.Contains(n))
			}
		}
		if all := slices.Collect(s.All()); !slices.IsSorted(all) || len(all) != len(model) {
			t.Fatalf("%s: All gives %v", s, all)
		}
		for i, r := range s.Ranges() {
			if r.First > r.Last || i > 0 && s.Ranges()[i-1].Last+1 >= r.First {
				t.Fatalf("%s: ranges touch", s)
			}
		}
	})
}

func TestSetAtTheEnds(t *testing.T) {
	const top = 1<<32 - 1
	s := SetOf(top, 1, 0)
	s.AddRange(top-1, top)
	if got := s.String(); got != "1,4294967294:4294967295" {
		t.Error(got)
	}
	if n := len(slices.Collect(s.All())); n != 3 {
		t.Error(n, "numbers")
	}
	s.AddRange(0, top)
	if got := s.String(); got != "1:4294967295" {
		t.Error(got)
	}
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		in              string
		largest         uint32
		resolve, within string
	}{
		{"1:3,5", 10, "1:3,5", "1:3,5"},
		{"*", 10, "10", "10"},
		{"7:*", 3, "3:7", "3"},
		{"*:2", 5, "2:5", "2:5"},
		{"5:1,2", 5, "1:5", "1:5"},
		{"1:*", 0, "", ""},
		{"3", 0, "3", ""},
		{"1,4294967295", 3, "1,4294967295", "1"},
		{"2:4294967295", 3, "2:4294967295", "2:3"},
	} {
		p := NewParser([]byte(c.in))
		set := p.SeqSet()
		if err := p.End(); err != nil {
			t.Errorf("%s: %v", c.in, err)
		}
		if got := set.Resolve(c.largest).String(); got != c.resolve {
			t.Errorf("%s with %d: Resolve %s, want %s", c.in, c.largest, got, c.resolve)
		}
		if got := set.Within(c.largest).String(); got != c.within {
			t.Errorf("%s with %d: Within %s, want %s", c.in, c.largest, got, c.within)
		}
	}
}
