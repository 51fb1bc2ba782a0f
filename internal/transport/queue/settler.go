package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// settler has the attempts that are over and not written down yet. Those that wait while the disk syncs share the next commit: one batch
// for many, and nobody waits for it but the settler.
type settler struct {
	mu    sync.Mutex
	due   []*passage // guarded by mu
	ended bool       // guarded by mu: no more will come
	wake  chan struct{}
}

func (s *settler) add(p *passage) {
	s.mu.Lock()
	s.due = append(s.due, p)
	s.mu.Unlock()
	s.signal()
}

func (s *settler) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// begin says that some may come, after an earlier end too.
func (s *settler) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = false
}

// end says that no more will come.
func (s *settler) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.signal()
}

// take waits for what is to be settled next; false when all is.
func (s *settler) take(into []*passage) ([]*passage, bool) {
	for {
		s.mu.Lock()
		into = append(into, s.due...)
		clear(s.due)
		s.due = s.due[:0]
		ended := s.ended
		s.mu.Unlock()
		if len(into) > 0 || ended {
			return into, len(into) > 0
		}
		<-s.wake
	}
}

// settleAll settles what is over until no more comes.
func (q *Queue) settleAll(ctx context.Context) {
	var alone sync.WaitGroup
	defer alone.Wait()
	var ps []*passage
	for more := true; more; {
		clear(ps)
		if ps, more = q.settler.take(ps[:0]); more {
			q.settleGroup(ctx, ps, &alone)
		}
	}
}

// maxGroup is from how many bytes of rows on a commit settles no more attempts: a hundred recipients whose servers have much to say are a
// quarter of a megabyte, and a batch that the store finds too large would settle none of them.
const maxGroup = 4 << 20

// settleGroup settles attempts in one commit, or in several if their rows are many.
func (q *Queue) settleGroup(ctx context.Context, ps []*passage, alone *sync.WaitGroup) {
	for len(ps) > 0 {
		g := group{q: q, b: store.NewBatch()}
		n := 0
		for ; n < len(ps) && g.b.Size() < maxGroup; n++ {
			g.add(ctx, ps[n])
		}
		ps = ps[n:]
		g.settle(ctx, alone)
	}
}

// settle makes the group's one commit. Those whose sender must be told of something, and all if the disk is full, go on alone.
func (g *group) settle(ctx context.Context, alone *sync.WaitGroup) {
	q := g.q
	err := g.commit(ctx)
	g.unlock()
	switch {
	case errors.Is(err, store.ErrFull), errors.Is(err, errHalf):
		g.rest, g.done = append(g.rest, g.done...), nil
	case err != nil:
		for _, p := range g.done {
			q.trouble(p.slot.ref, err)
		}
	}
	for _, p := range g.rest {
		alone.Go(func() {
			defer q.settled(p)
			defer q.caught(p)
			if err := q.writeDown(ctx, p.slot.ref, nil, p.report, p.which); err != nil {
				q.trouble(p.slot.ref, err)
			}
		})
	}
	q.settled(g.done...)
}

// settled lets go of attempts.
func (q *Queue) settled(ps ...*passage) {
	if len(ps) > 0 {
		q.left(ps...)
	}
	for range ps {
		<-q.settling
	}
}

// caught keeps what panics while one message is settled from the others: it stays as it is.
func (q *Queue) caught(p *passage) {
	if v := recover(); v != nil {
		q.o.Log.Error("settling panicked", "id", p.slot.ref.id.String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}

// group is attempts that are settled in one commit.
type group struct {
	q      *Queue
	b      *store.Batch
	locked [stripes / 64]uint64 // the messages' locks that are held
	all    []*settlement
	done   []*passage // those that the commit settles, or that are of no use
	rest   []*passage // those that must go on alone
	half   bool       // one's rows are in the batch in part
}

// errHalf means that the batch cannot be used, as one's rows could not be written.
var errHalf = errors.New("queue: a settlement is incomplete")

// add puts an attempt's rows into the group's batch, unless it is to go on alone.
func (g *group) add(ctx context.Context, p *passage) {
	q := g.q
	if p.turn.msg.legs > 1 { // whether it is the last of its message's can only be told one by one
		g.rest = append(g.rest, p)
		return
	}
	to := &g.done
	defer func() { *to = append(*to, p) }()
	defer q.caught(p)
	if g.half {
		return
	}
	g.lock(p.slot.ref)
	s, err := q.begin(ctx, p.slot.ref, p.turn)
	if err != nil {
		q.trouble(p.slot.ref, err)
		return
	}
	if s == nil { // cancelled meanwhile; what happened is still told
		to = &g.rest
		return
	}
	s.events = append(s.events, p.report.Events...)
	s.decideAll(p.report, p.which)
	if len(s.about) > 0 {
		to = &g.rest
		return
	}
	g.half = true
	s.rows(g.b, s.keep)
	journey.Record(g.b, s.ref.id, q.stamp(s.events)...)
	g.half = false
	g.all = append(g.all, s)
}

// lock takes a message's lock, unless the group has it already.
func (g *group) lock(r ref) {
	i := stripeOf(r.id)
	if g.locked[i/64]&(1<<(i%64)) == 0 {
		g.q.locks[i].Lock()
		g.locked[i/64] |= 1 << (i % 64)
	}
}

func (g *group) unlock() {
	for i := range g.q.locks {
		if g.locked[i/64]&(1<<(i%64)) != 0 {
			g.q.locks[i].Unlock()
		}
	}
}

// commit makes the group durable and tells those who listen.
func (g *group) commit(ctx context.Context) error {
	if g.half {
		return errHalf
	}
	if len(g.all) == 0 {
		return nil
	}
	if err := store.Commit(context.WithoutCancel(ctx), g.q.st, g.b); err != nil {
		return fmt.Errorf("settle attempts: %w", err)
	}
	for _, s := range g.all {
		s.after(s.events)
	}
	return nil
}
