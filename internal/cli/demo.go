package cli

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/posthorn-mail/posthorn/internal/cli/demo"
)

type demoCmd struct {
	Once bool `help:"Run it through and end, with status 1 if anything did not arrive."`
}

func (c *demoCmd) Run(s *session) error {
	ctx, stop := signal.NotifyContext(s.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := demo.Options{Lang: s.lang, Out: s.Out, Err: s.Err}
	if c.Once {
		o.Ending = demo.Once
	}
	return demo.Run(ctx, o)
}
