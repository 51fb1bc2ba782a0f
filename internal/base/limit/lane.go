package limit

import (
	"math/bits"
	"runtime"
	"sync"
)

// Lane is where strangers' work is done in short pieces, a few at a time. It is for moments in which a thousand come at once, each an
// honest client by all that is known of him: without it every one of them is in the scheduler's queue, and whoever has one more small
// thing to do waits for a piece of everybody. In a lane they wait beside that queue.
//
// Three turns of four go to who has had least done for him, among his like to the newest: who comes now with something small does not wait
// for the thousand before him. The fourth goes to who has waited longest, so that nobody waits for ever.
type Lane struct {
	mu      sync.Mutex // guards what follows
	free    int
	turn    uint
	came    uint64
	waiting [efforts][]*Place // the oldest first
}

// Effort is how much has been done for somebody, in steps of twice as much.
type Effort uint8

// efforts is how many steps are told apart.
const efforts = 6

// EffortOf is the effort of so many bytes, where everything up to least is the same.
func EffortOf(n, least int64) Effort {
	return Effort(min(bits.Len64(uint64(max(n-1, 0)/least)), efforts-1))
}

// NewLane is for as many at a time as there are processors.
func NewLane() *Lane { return NewLaneOf(runtime.GOMAXPROCS(0)) }

// NewLaneOf is for so many at a time.
func NewLaneOf(n int) *Lane { return &Lane{free: n} }

// Place is one client's in a Lane; it is used by one goroutine. The zero Place, of no lane, is let in always.
type Place struct {
	lane *Lane
	in   bool
	came uint64        // when it began to wait, in the lane's count
	turn chan struct{} // has room for one
}

// Place makes a place, which is not taken yet.
func (l *Lane) Place() Place { return Place{lane: l} }

// Enter waits until the place is free. It is no error to be in.
func (p *Place) Enter(e Effort) {
	if p.lane == nil || p.in {
		return
	}
	p.in = true
	if p.lane.enter(p, e) {
		return
	}
	<-p.turn
	// Whoever is let in runs at once, in the time of the one who left, before all others that could run. They are not to wait for both.
	runtime.Gosched()
}

// Leave gives the place to the next. It is no error not to be in.
func (p *Place) Leave() {
	if p.in {
		p.in = false
		p.lane.leave()
	}
}

// Yield lets others go first, if somebody waits.
func (p *Place) Yield(e Effort) {
	if p.in && p.lane.Waiting() > 0 {
		p.Leave()
		p.Enter(e)
	}
}

// Waiting is how many wait.
func (l *Lane) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i := range l.waiting {
		n += len(l.waiting[i])
	}
	return n
}

func (l *Lane) enter(p *Place, e Effort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free > 0 {
		l.free--
		return true
	}
	if p.turn == nil {
		p.turn = make(chan struct{}, 1)
	}
	l.came++
	p.came = l.came
	l.waiting[e] = append(l.waiting[e], p)
	return false
}

func (l *Lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.next()
	if p == nil {
		l.free++
		return
	}
	p.turn <- struct{}{}
}

// next takes the one whose turn it is out of those who wait; nil if nobody does.
func (l *Lane) next() (p *Place) {
	l.turn++
	if l.turn%4 == 0 {
		if q := l.oldest(); q != nil {
			p, (*q)[0] = (*q)[0], nil
			*q = (*q)[1:]
		}
		return p
	}
	for i := range l.waiting {
		q := &l.waiting[i]
		if last := len(*q) - 1; last >= 0 {
			p, (*q)[last] = (*q)[last], nil
			*q = (*q)[:last]
			return p
		}
	}
	return nil
}

// oldest is the queue of the one who has waited longest.
func (l *Lane) oldest() (found *[]*Place) {
	for i := range l.waiting {
		q := &l.waiting[i]
		if len(*q) > 0 && (found == nil || (*q)[0].came < (*found)[0].came) {
			found = q
		}
	}
	return found
}
