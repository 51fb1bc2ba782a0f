package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/config"
)

// Dialer connects to other servers. *net.Dialer is one.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// World is what the server stands on. What is left zero is the real thing.
type World struct {
	Clock    clock.Clock
	FS       vfs.FS // of the store; certificates and sockets are on the real disk
	Resolver resolve.Resolver
	Dialer   Dialer
	Log      *slog.Logger
	// MailLog gets the mail log if the configuration names no file for it.
	MailLog io.Writer
	Listen  func(ctx context.Context, network, address string) (net.Listener, error)
	// Inherited are sockets that systemd has opened for us, by the listener's name.
	Inherited map[string][]net.Listener
	// NotifySocket is where systemd wants to hear that we are ready; empty for nowhere.
	NotifySocket string
	// Roots are the authorities that are believed when we are the client; nil: the system's, and those of the configuration.
	Roots *x509.CertPool
}

// complete fills in the real things.
func (w *World) complete(cfg *config.Config) (err error) {
	w.Clock = cmp.Or(w.Clock, clock.Real())
	w.FS = cmp.Or(w.FS, vfs.Default)
	w.Log = cmp.Or(w.Log, obs.Discard())
	w.Dialer = cmp.Or[Dialer](w.Dialer, &net.Dialer{Timeout: time.Minute, KeepAlive: time.Minute})
	if w.Listen == nil {
		var lc net.ListenConfig
		w.Listen = lc.Listen
	}
	if w.Resolver == nil {
		if w.Resolver, err = resolver(cfg, w.Clock); err != nil {
			return err
		}
	}
	if w.Roots == nil && cfg.TLS.Trust != "" {
		if w.Roots, err = roots(cfg.TLS.Trust); err != nil {
			return err
		}
	}
	if w.MailLog == nil {
		w.MailLog = io.Discard
	}
	return nil
}

func resolver(cfg *config.Config, c clock.Clock) (resolve.Resolver, error) {
	o := resolve.Options{Clock: c}
	for _, s := range cfg.DNS.Servers {
		ap, err := config.ParseServer(s)
		if err != nil {
			return nil, err
		}
		o.Servers = append(o.Servers, ap)
	}
	r, err := resolve.New(o)
	if err != nil {
		return nil, fmt.Errorf("set up the DNS: %w", err)
	}
	return r, nil
}

func roots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read trusted authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read trusted authorities: no certificate in %s", path)
	}
	return pool, nil
}

// Version is the version this binary was built from, as Go recorded it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
