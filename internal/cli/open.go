package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"text/tabwriter"

	"github.com/posthorn-mail/posthorn/internal/app"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

// The places a configuration is looked for when none is named.
const (
	hereConfig   = "posthorn.toml"
	systemConfig = "/etc/posthorn/posthorn.toml"
)

// configPath is the file to read.
func (s *session) configPath() string {
	if s.config != "" {
		return s.config
	}
	if _, err := os.Stat(hereConfig); err == nil {
		return hereConfig
	}
	return systemConfig
}

func (s *session) load() (config.Config, error) { return config.Load(s.configPath()) }

// withAdmin runs f with a client of the running server or, if none runs, of the store opened for the occasion.
func (s *session) withAdmin(f func(c *adminapi.Client) error) (err error) {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	c, err := adminapi.Dial(s.ctx, cfg.Socket())
	if err == nil {
		return f(c)
	}
	if errors.Is(err, fs.ErrPermission) {
		return errors.New(text.Say(s.lang, text.CLISocketDenied, cfg.Socket()))
	}
	if err := becomeOwner(cfg.StoreDir()); err != nil {
		return err
	}
	a, err := app.New(cfg, app.World{Log: obs.NewLogger(s.Err, obs.FormatText, logLevelOfCommands)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return f(adminapi.Local(a.Admin().Handler(obs.Discard())))
}

// do calls an operation without a result and says what it has done.
func (s *session) do(op string, q any, said text.Key, args ...any) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		err := a.Call(s.ctx, op, q, nil)
		if err == nil {
			s.say(said, args...)
		}
		return err
	})
}

// becomeOwner gives up root for the owner of the store, so that a command run by root leaves no files behind that the
// server cannot open.
func becomeOwner(dir string) error {
	st, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || sys.Uid == 0 {
		return nil
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(int(sys.Gid)), syscall.Setuid(int(sys.Uid))); err != nil {
		return fmt.Errorf("become the owner of %s: %w", dir, err)
	}
	return nil
}

// table prints rows as columns.
func (s *session) table(rows func(row func(cells ...any))) error {
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	var all []byte
	rows(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				all = append(all, '\t')
			}
			all = fmt.Append(all, c)
		}
		all = append(all, '\n')
	})
	_, err := w.Write(all)
	return errors.Join(err, w.Flush())
}
