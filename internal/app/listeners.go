package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/config"
)

// maxSocketPath is the length of sun_path without its final zero, on the systems where it is shortest.
const maxSocketPath = 103

// service is one listener by name: where it listens and what it does with a socket until ctx ends.
type service struct {
	name  string
	where []config.Addr
	serve func(ctx context.Context, ln net.Listener) error
}

// sockets are the open sockets of all services.
type sockets struct {
	mu   sync.Mutex
	open map[string][]net.Listener // guarded by mu
}

// openAll opens every socket of every service, or none. What systemd has opened for a name takes the place of what the configuration
// says for it.
func (a *App) openAll(ctx context.Context) error {
	open := make(map[string][]net.Listener)
	fail := func(err error) error {
		for _, all := range open {
			for _, ln := range all {
				err = errors.Join(err, ln.Close())
			}
		}
		return err
	}
	for _, s := range a.services {
		if given := a.world.Inherited[s.name]; len(given) > 0 {
			open[s.name] = given
			continue
		}
		for _, where := range s.where {
			ln, err := a.listen(ctx, where)
			if err != nil {
				return fail(fmt.Errorf("listen for %s: %w", s.name, err))
			}
			open[s.name] = append(open[s.name], ln)
		}
	}
	a.sockets.mu.Lock()
	defer a.sockets.mu.Unlock()
	a.sockets.open = open
	return nil
}

func (a *App) listen(ctx context.Context, where config.Addr) (net.Listener, error) {
	if where.Network != "unix" {
		return a.world.Listen(ctx, where.Network, where.Address)
	}
	if len(where.Address) > maxSocketPath {
		return nil, fmt.Errorf("the path of a socket is at most %d bytes long: %s", maxSocketPath, where.Address)
	}
	if err := os.MkdirAll(filepath.Dir(where.Address), 0o700); err != nil {
		return nil, err
	}
	// A socket left behind by a process that was killed: the store's lock, which we hold, says that nobody serves it.
	if st, err := os.Stat(where.Address); err == nil && st.Mode().Type() == os.ModeSocket {
		if err := os.Remove(where.Address); err != nil {
			return nil, err
		}
	}
	ln, err := a.world.Listen(ctx, where.Network, where.Address)
	if err != nil {
		return nil, err
	}
	mode := os.FileMode(0o660) // a server beside us may be in our group
	if where.Address == a.cfg.Socket() {
		mode = 0o600
	}
	if err := os.Chmod(where.Address, mode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// serveAll serves every open socket until ctx ends and every session has come to its end. If one socket breaks, the others are
// ended too.
func (a *App) serveAll(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error // guarded by mu
	)
	for _, s := range a.services {
		for _, ln := range a.listeners(s.name) {
			wg.Go(func() {
				if err := s.serve(ctx, ln); err != nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("serve %s: %w", s.name, err))
					mu.Unlock()
					cancel()
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (a *App) listeners(name string) []net.Listener {
	a.sockets.mu.Lock()
	defer a.sockets.mu.Unlock()
	return a.sockets.open[name]
}

// Addr is where a listener listens: its first socket's address; nil if it is closed or not open yet. The names are those of the configuration's
// [listen] section, and "admin".
func (a *App) Addr(name string) net.Addr {
	if all := a.listeners(name); len(all) > 0 {
		return all[0].Addr()
	}
	return nil
}

func (a *App) addrs() map[string]net.Addr {
	a.sockets.mu.Lock()
	defer a.sockets.mu.Unlock()
	out := make(map[string]net.Addr, len(a.sockets.open))
	for name, all := range a.sockets.open {
		if len(all) > 0 {
			out[name] = all[0].Addr()
		}
	}
	return out
}
