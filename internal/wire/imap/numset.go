package imap

import (
	"iter"
	"slices"
	"sort"
	"strconv"
)

// Range is a run of numbers, both ends included.
type Range struct{ First, Last uint32 }

// Set is a set of UIDs or of message sequence numbers, kept as sorted ranges with gaps between them. The zero Set is
// empty. A Set is a value like a slice: copying shares the ranges.
type Set struct{ ranges []Range }

// SetOf makes a set of single numbers.
func SetOf(nums ...uint32) Set {
	var s Set
	for _, n := range nums {
		s.Add(n)
	}
	return s
}

// Add puts one number into the set; zero is ignored. Adding in rising order costs no search.
func (s *Set) Add(n uint32) { s.AddRange(n, n) }

// AddRange puts all numbers from first to last into the set, in either order; zero is raised to one.
func (s *Set) AddRange(first, last uint32) {
	if first > last {
		first, last = last, first
	}
	if last == 0 {
		return
	}
	first = max(first, 1)
	n := len(s.ranges)
	if n == 0 || first-1 > s.ranges[n-1].Last {
		s.ranges = append(s.ranges, Range{first, last})
		return
	}
	// i is the first range that touches or follows the new one, j the first that follows it with a gap.
	i := sort.Search(n, func(k int) bool { return s.ranges[k].Last >= first-1 })
	j := i
	for j < n && s.ranges[j].First-1 <= last {
		first = min(first, s.ranges[j].First)
		last = max(last, s.ranges[j].Last)
		j++
	}
	s.ranges = slices.Replace(s.ranges, i, j, Range{first, last})
}

// Contains reports whether n is in the set.
func (s Set) Contains(n uint32) bool {
	i := sort.Search(len(s.ranges), func(k int) bool { return s.ranges[k].Last >= n })
	return i < len(s.ranges) && s.ranges[i].First <= n
}

// Empty reports whether nothing is in the set.
func (s Set) Empty() bool { return len(s.ranges) == 0 }

// Len counts the numbers in the set.
func (s Set) Len() int {
	n := 0
	for _, r := range s.ranges {
		n += int(r.Last-r.First) + 1
	}
	return n
}

// Ranges gives the ranges in rising order. The caller must not change them.
func (s Set) Ranges() []Range { return s.ranges }

// All iterates over the numbers in rising order.
func (s Set) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, r := range s.ranges {
			for n := r.First; ; n++ {
				if !yield(n) {
					return
				}
				if n == r.Last {
					break
				}
			}
		}
	}
}

// Append writes the set in IMAP's form ("1:3,7"). The empty set writes nothing, which no IMAP grammar allows: callers
// leave the response out.
func (s Set) Append(dst []byte) []byte {
	for i, r := range s.ranges {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendRange(dst, r)
	}
	return dst
}

func appendRange(dst []byte, r Range) []byte {
	dst = strconv.AppendUint(dst, uint64(r.First), 10)
	if r.Last != r.First {
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(r.Last), 10)
	}
	return dst
}

// String is the set in IMAP's form.
func (s Set) String() string { return string(s.Append(nil)) }

// Star stands for "*" in the ranges of a SeqSet: the largest number in use.
const Star = 0

// SeqSet is a sequence-set as a client wrote it: not sorted, with "*" still open (RFC 9051 section 9 "sequence-set").
type SeqSet struct {
	// Saved is "$", the result of the last SEARCH with RETURN (SAVE) (RFC 5182); Ranges are empty then.
	Saved  bool
	Ranges []Range // Star in either end is "*"
}

// Resolve makes a Set of it, largest being what "*" means. "5:*" holds the largest number even if that is under 5. With
// largest zero (an empty mailbox) "*" means nothing.
func (s SeqSet) Resolve(largest uint32) Set {
	var out Set
	for _, r := range s.Ranges {
		if r.First == Star && largest == 0 || r.Last == Star && largest == 0 {
			continue
		}
		if r.First == Star {
			r.First = largest
		}
		if r.Last == Star {
			r.Last = largest
		}
		out.AddRange(r.First, r.Last)
	}
	return out
}

// Within is Resolve without the numbers above largest: of a UID set it keeps what can be there. The result's ranges are
// then as short as the mailbox, however large the numbers of the client were.
func (s SeqSet) Within(largest uint32) Set {
	all := s.Resolve(largest)
	n := sort.Search(len(all.ranges), func(k int) bool { return all.ranges[k].First > largest })
	all.ranges = all.ranges[:n]
	if n > 0 {
		all.ranges[n-1].Last = min(all.ranges[n-1].Last, largest)
	}
	return all
}

// Max is the largest number the client named, Star not counted.
func (s SeqSet) Max() uint32 {
	var m uint32
	for _, r := range s.Ranges {
		m = max(m, r.First, r.Last)
	}
	return m
}

// Star reports whether "*" appears.
func (s SeqSet) Star() bool {
	return slices.ContainsFunc(s.Ranges, func(r Range) bool { return r.First == Star || r.Last == Star })
}
