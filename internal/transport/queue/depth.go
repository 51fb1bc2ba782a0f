package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// countEvery is how often the queue's keys are really counted; in between what comes and goes is added and taken away.
const countEvery = 10 * time.Minute

// Depth is how many messages wait. It is meant to be asked often: as a rule it costs nothing. A message whose Wake was forgotten is
// missing in it for some minutes.
func (q *Queue) Depth(ctx context.Context) (int, error) {
	now := q.o.Clock.Now()
	q.mu.Lock()
	fresh := !q.counted.IsZero() && now.Sub(q.counted) < countEvery
	depth := q.depth
	q.mu.Unlock()
	if fresh {
		return max(depth, 0), nil
	}
	n, err := q.count(ctx)
	if err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.depth, q.counted = n, now
	return n, nil
}

// gone takes a message out of the count, once that is durable.
func (q *Queue) gone() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.depth--
}

func (q *Queue) count(ctx context.Context) (int, error) {
	v, err := q.st.View(ctx)
	if err != nil {
		return 0, fmt.Errorf("open the queue: %w", err)
	}
	defer v.Close()
	n := 0
	for p := range Partitions {
		err := v.Scan(ctx, store.PrefixRange(partitionAt(p).Key(prefixMessage)), func(_, _ []byte) (bool, error) {
			n++
			return true, nil
		})
		if err != nil {
			return 0, fmt.Errorf("count the queue: %w", err)
		}
	}
	return n, nil
}
