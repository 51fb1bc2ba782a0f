package listen

import "sync/atomic"

// Total bounds the connections of many listeners together, so that they leave file descriptors and memory for everything else. A
// connection counts from the moment it is accepted, a proxy's before its header is read.
type Total struct {
	most int64
	open atomic.Int64
}

// NewTotal allows so many connections; 0 allows any number.
func NewTotal(most int) *Total { return &Total{most: int64(most)} }

// take counts a connection; release must be called when it ends. Not ok means that the bound is reached.
func (t *Total) take() (release func(), ok bool) {
	if t == nil || t.most <= 0 {
		return func() {}, true
	}
	if t.open.Add(1) > t.most {
		t.open.Add(-1)
		return nil, false
	}
	return func() { t.open.Add(-1) }, true
}
