package app

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// part is something that runs while the server runs. Its run returns soon after its context has ended.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// Run opens the sockets and serves until ctx ends or a part fails, and then stops everything in reverse order. It closes the store: an App
// runs once.
func (a *App) Run(ctx context.Context) error {
	if err := a.openAll(ctx); err != nil {
		return errors.Join(err, a.Close())
	}
	defer paceCollector()()
	err := runParts(ctx, a.parts(), func() {
		a.state.Store(stateReady)
		close(a.ready)
		notifier{a.world.NotifySocket}.tell("READY=1")
		for name, addr := range a.addrs() {
			a.world.Log.Info("listening", "service", name, "addr", addr.String())
		}
	}, func() {
		a.state.Store(stateStopping)
		notifier{a.world.NotifySocket}.tell("STOPPING=1")
		a.world.Log.Info("stopping")
	})
	err = errors.Join(err, a.Close())
	a.world.Log.Info("stopped")
	return err
}

// runParts starts parts in order, each on a goroutine of its own, and calls started. When ctx ends or a part returns it calls stopping, and
// then ends one part after the other from the last to the first, waiting for each.
func runParts(ctx context.Context, parts []part, started, stopping func()) error {
	type running struct {
		cancel context.CancelFunc
		done   chan struct{}
	}
	first := make(chan struct{}, len(parts))
	errs := make([]error, len(parts))
	all := make([]running, len(parts))
	for i, p := range parts {
		// Not a child of ctx: parts end in order, not all at once.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := running{cancel: cancel, done: make(chan struct{})}
		all[i] = r
		go func() {
			defer close(r.done)
			if err := p.run(own); err != nil && own.Err() == nil {
				errs[i] = fmt.Errorf("%s: %w", p.name, err)
			}
			first <- struct{}{}
		}()
	}
	started()
	select {
	case <-ctx.Done():
	case <-first:
	}
	stopping()
	for i := len(all) - 1; i >= 0; i-- {
		all[i].cancel()
		<-all[i].done
	}
	return errors.Join(errs...)
}

// Ready is closed when every socket is open and served.
func (a *App) Ready() <-chan struct{} { return a.ready }

// every runs f now and then, on the World's clock, until ctx ends.
func (a *App) every(d time.Duration, name string, f func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for a.world.Clock.Sleep(ctx, d) == nil {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				a.world.Log.Error("background work failed", "work", name, "err", err)
			}
		}
		return nil
	}
}
