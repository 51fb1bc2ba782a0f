package cli

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/posthorn-mail/posthorn/internal/app"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
)

// logLevelOfCommands keeps a command's own store quiet.
const logLevelOfCommands = slog.LevelWarn

type serveCmd struct{}

func (c *serveCmd) Run(s *session) error {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	inherited, err := app.Inherited(s.Getenv)
	if err != nil {
		return err
	}
	log := obs.NewLogger(s.Err, cfg.Log.Format.Obs(), cfg.Log.Level)
	a, err := app.New(cfg, app.World{Log: log, MailLog: s.Out, Inherited: inherited, NotifySocket: s.Getenv("NOTIFY_SOCKET")})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(s.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	unhook := context.AfterFunc(ctx, stop)
	defer unhook()
	go reloadOn(ctx, syscall.SIGHUP, a, log)
	return a.Run(ctx)
}

// reloadOn reads certificates again at each signal, until ctx ends.
func reloadOn(ctx context.Context, sig os.Signal, a *app.App, log *slog.Logger) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, sig)
	defer signal.Stop(c)
	for {
		select {
		case <-c:
			if err := a.Reload(); err != nil {
				log.Error("reload failed", "err", err)
				continue
			}
			log.Info("reloaded")
		case <-ctx.Done():
			return
		}
	}
}
