package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/transport/bounce"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/relay"
)

// App is one server. It is made by New and ended by Run or, if it never runs, by Close.
type App struct {
	cfg     config.Config
	world   World
	metrics *obs.Metrics
	mailLog *obs.MailLog
	logFile *logFile // nil if the mail log goes elsewhere

	store     *watchedStore
	certs     *certs.Keeper
	guard     *limit.Guard
	arriving  *limit.Room
	work      *limit.Work
	directory *directory.Directory
	mailboxes *mailbox.Service
	journeys  *journey.Journeys
	queue     *queue.Queue
	relay     *relay.Relay
	intake    *intake.Intake
	admin     *adminapi.Admin

	services []service
	sockets  sockets
	started  time.Time // written before any part runs
	ready    chan struct{}
	state    atomic.Int32
	closers  []func() error // in the order of opening
}

// The states of a server, for readiness.
const (
	stateStarting int32 = iota
	stateReady
	stateStopping
)

// drain is how long sessions and attempts have to come to a good end.
const drain = 30 * time.Second

// New builds a server. It opens the store, and fails if another process has it.
func New(cfg config.Config, w World) (*App, error) {
	a := &App{cfg: cfg, world: w, metrics: obs.NewMetrics(), ready: make(chan struct{})}
	if err := a.build(context.Background()); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// build is the whole server on one page, from the bottom up.
func (a *App) build(ctx context.Context) error {
	w, cfg := &a.world, &a.cfg
	if err := w.complete(cfg); err != nil {
		return err
	}
	if err := a.openMailLog(); err != nil {
		return err
	}
	a.mailLog = obs.NewMailLog(w.MailLog, cfg.Log.Format.Obs(), w.Clock, a.metrics)

	// State.
	var err error
	if a.certs, err = a.openCerts(); err != nil {
		return err
	}
	engine, err := pebblestore.Open(cfg.StoreDir(), pebblestore.Options{FS: w.FS, Log: w.Log, Clock: w.Clock})
	if err != nil {
		return fmt.Errorf("open the store in %s: %w", cfg.StoreDir(), err)
	}
	a.store = watchStore(engine, w.Clock, a.metrics.CommitSeconds)
	a.closeLater(engine.Close)
	showFigures(a.metrics.Registry, engine, a.certs)
	a.mailboxes = mailbox.New(a.store, mailbox.Options{Clock: w.Clock, Log: w.Log})
	a.closeLater(func() error { a.mailboxes.Close(); return nil })
	a.arriving, a.work = limit.NewRoom(arrivingRoom), limit.NewWork()
	a.guard = limit.NewGuard(w.Clock, limit.DefaultPolicy())
	if a.directory, err = directory.Open(ctx, a.store, a.directoryOptions()); err != nil {
		return fmt.Errorf("open the directory: %w", err)
	}
	a.closeLater(func() error { a.directory.Close(); return nil })

	// Transport.
	a.journeys = journey.New(a.store, journey.Options{Clock: w.Clock, Log: w.Log})
	a.closeLater(a.journeys.Close)
	router, err := a.router()
	if err != nil {
		return err
	}
	if a.queue, err = queue.Open(ctx, a.store, a.queueOptions(router)); err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	a.relay = relay.New(a.relayOptions(router))
	a.closeLater(func() error { a.relay.Close(); return nil })
	a.intake = intake.New(a.intakeOptions(router))
	notices := bounce.New(bounce.Options{Store: a.store, Intake: a.intake, Hostname: cfg.Hostname.Domain, Clock: w.Clock, Log: w.Log})
	a.queue.SetNotifier(notices)

	// Servers.
	a.admin = adminapi.New(a.adminParts())
	a.buildServices()
	return nil
}

// parts is what runs, in order of starting.
func (a *App) parts() []part {
	a.started = a.world.Clock.Now()
	return []part{
		{"store", a.store.run},
		{"bury the dead", a.mailboxes.Run},
		{"prune journeys", a.every(6*time.Hour, "prune journeys", a.pruneJourneys)},
		{"sweep bodies", a.every(10*time.Minute, "sweep bodies", a.sweep)},
		{"measure the queue", a.every(15*time.Second, "measure the queue", a.measure)},
		{"queue", func(ctx context.Context) error { return a.queue.Run(ctx, a.intake.Sender(a.relay)) }},
		{"servers", a.serveAll},
	}
}

func (a *App) closeLater(f func() error) { a.closers = append(a.closers, f) }

// Close ends a server that does not run (any more), the store last.
func (a *App) Close() error {
	var errs []error
	for len(a.closers) > 0 {
		last := len(a.closers) - 1
		errs = append(errs, a.closers[last]())
		a.closers = a.closers[:last]
	}
	return errors.Join(errs...)
}

// Admin is the operations of this server, as the admin socket serves them.
func (a *App) Admin() *adminapi.Admin { return a.admin }

// Journeys is where a journey's events can be watched.
func (a *App) Journeys() *journey.Journeys { return a.journeys }

func (a *App) openCerts() (*certs.Keeper, error) {
	pairs := make([]certs.Pair, 0, len(a.cfg.TLS.Certificates)+1)
	for _, c := range a.cfg.TLS.Certificates {
		pairs = append(pairs, certs.Pair(c))
	}
	if len(pairs) == 0 {
		own := certs.Pair(a.cfg.OwnCertificate())
		made, err := certs.Own(own, []string{string(a.cfg.Hostname.Domain)}, a.world.Clock.Now())
		if err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		if made {
			a.world.Log.Info("made a self-signed certificate", "file", own.Cert)
		}
		pairs = append(pairs, own)
	}
	k, err := certs.Open(pairs, a.world.Clock, a.world.Log)
	if err != nil {
		return nil, fmt.Errorf("open certificates: %w", err)
	}
	return k, nil
}

func (a *App) directoryOptions() directory.Options {
	return directory.Options{
		Clock: a.world.Clock, Log: a.world.Log, MailLog: a.mailLog, Guard: a.guard, Hostname: a.cfg.Hostname.Domain,
		Births: func(b *store.Batch, acc directory.Account) {
			a.mailboxes.Birth(b, acc.ID, mailbox.BirthOptions{
				Lang: acc.Lang, Quota: mailbox.Quota{Bytes: acc.Quota.Bytes, Emails: acc.Quota.Emails},
			})
		},
		Deaths: a.mailboxes.Death,
	}
}

func (a *App) pruneJourneys(ctx context.Context) error {
	before := a.world.Clock.Now().Add(-a.cfg.Mail.Journey.Std())
	n, err := a.journeys.Prune(ctx, before, a.queue.Has)
	if n > 0 {
		a.world.Log.Info("journeys pruned", "count", n)
	}
	return err
}

func (a *App) sweep(ctx context.Context) error {
	n, err := a.store.Sweep(ctx)
	if n > 0 {
		a.world.Log.Info("bodies swept", "count", n)
	}
	return err
}

func (a *App) measure(ctx context.Context) error {
	n, err := a.queue.Depth(ctx)
	if err == nil {
		a.metrics.Queue.Set(float64(n))
	}
	return err
}

// healthy reports a store that does not answer: then a restart may help.
func (a *App) healthy(ctx context.Context) error {
	v, err := a.store.View(ctx)
	if err != nil {
		return err
	}
	v.Close()
	return nil
}

var (
	errStarting = errors.New("starting")
	errStopping = errors.New("stopping")
)

func (a *App) readiness() error {
	switch a.state.Load() {
	case stateStarting:
		return errStarting
	case stateStopping:
		return errStopping
	}
	return nil
}
