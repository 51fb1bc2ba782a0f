package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/state/certs"
)

type initCmd struct {
	Hostname config.Host `arg:"" help:"The name of this server, such as mail.example.org."`
	Data     string      `default:"data" help:"The folder for everything that is stored; a relative one is beside the configuration file."`
}

// Run writes the file that --config names, else ./posthorn.toml. It never overwrites one.
func (c *initCmd) Run(s *session) error {
	path := s.config
	if path == "" {
		path = hereConfig
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return errors.New(text.Say(s.lang, text.CLIConfigExists, path))
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(config.Example(string(c.Hostname.Domain), c.Data))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return err
	}
	own := cfg.OwnCertificate()
	if _, err := certs.Own(certs.Pair(own), []string{string(cfg.Hostname.Domain)}, time.Now()); err != nil {
		return err
	}
	s.say(text.CLIInitDone, path, cfg.Data, own.Cert)
	return nil
}
