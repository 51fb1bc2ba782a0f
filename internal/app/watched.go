package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// watchedStore is the engine with a watch on its commits: how long they take, and whether the disk has failed for good.
type watchedStore struct {
	store.Store
	clock   clock.Clock
	seconds prometheus.Observer

	failing sync.Once
	failed  chan struct{} // closed when the engine will say yes to nothing more (store.ErrFailed)
}

func watchStore(s store.Store, c clock.Clock, seconds prometheus.Observer) *watchedStore {
	return &watchedStore{Store: s, clock: c, seconds: seconds, failed: make(chan struct{})}
}

// Submit implements store.Store.
func (w *watchedStore) Submit(ctx context.Context, b *store.Batch) (store.Pending, error) {
	began := w.clock.Now()
	p, err := w.Store.Submit(ctx, b)
	if err != nil {
		return nil, w.noticed(err)
	}
	return &watchedPending{Pending: p, store: w, began: began}, nil
}

func (w *watchedStore) noticed(err error) error {
	if errors.Is(err, store.ErrFailed) {
		w.failing.Do(func() { close(w.failed) })
	}
	return err
}

// run ends with an error when the disk has failed: only a new start, which reads again what is really on the disk, can help.
func (w *watchedStore) run(ctx context.Context) error {
	select {
	case <-w.failed:
		return store.ErrFailed
	case <-ctx.Done():
		return nil
	}
}

// watchedPending measures a commit up to the first Wait that learns its outcome.
type watchedPending struct {
	store.Pending
	store *watchedStore
	began time.Time
	once  sync.Once
}

// Wait implements store.Pending.
func (p *watchedPending) Wait(ctx context.Context) error {
	err := p.Pending.Wait(ctx)
	if err != nil {
		return p.store.noticed(err)
	}
	p.once.Do(func() { p.store.seconds.Observe(p.store.clock.Now().Sub(p.began).Seconds()) })
	return nil
}
