package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// loadChunk is how many due rows are offered to the window at once, under its lock.
const loadChunk = 256

// load offers the window legs on disk that are due from one time to another, and learns when the next will be. After each partition
// it calls between: what is found goes on its way while the rest is looked at. A lap or a piece of one begins at the partition at
// which the last ended. It gives the real time that it took, without that of between.
func (q *Queue) load(ctx context.Context, l look, from, now time.Time, between func()) (took time.Duration, err error) {
	v, err := q.st.View(ctx)
	if err != nil {
		return 0, fmt.Errorf("open the queue: %w", err)
	}
	defer v.Close()
	for p := range q.partitions(l) {
		began := time.Now()
		more, err := q.loadPartition(ctx, v, partitionAt(p), from, now)
		took += time.Since(began)
		if err != nil {
			return took, fmt.Errorf("read queue partition %d: %w", p, err)
		}
		if !more {
			break
		}
		if l != forward {
			q.looked(p)
		}
		between()
		if l == piece && q.sated() {
			break
		}
	}
	return took, nil
}

func (q *Queue) loadPartition(ctx context.Context, v store.View, p store.Partition, from, now time.Time) (bool, error) {
	prefix := p.Key(prefixDue)
	r := store.PrefixRange(prefix)
	if ms := from.UnixMilli(); ms > 0 {
		r.Start = dueKeyIn(p, ms)
	}
	more := true
	chunk := make([]dueRow, 0, loadChunk)
	offer := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, d := range chunk {
			delete(q.win.turns.coming, d.ref.id)
			if more = more && q.win.offer(d, now); !more {
				break
			}
		}
		chunk = chunk[:0]
	}
	var domain mail.Domain
	err := v.Scan(ctx, r, func(key, value []byte) (bool, error) {
		d, err := decodeDue(key, value, domain)
		if err != nil {
			return false, err
		}
		domain = d.domain
		chunk = append(chunk, d)
		if d.due.After(now) { // the first that is not due yet says when to look again
			return false, nil
		}
		if len(chunk) == loadChunk {
			offer()
		}
		return more, nil
	})
	offer()
	return more, err
}
