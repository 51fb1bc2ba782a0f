package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/proxyproto"
)

// Config says how connections are taken. Zero limits and times are replaced by the defaults beside them.
type Config struct {
	Name      string         // for the log: "smtp", "imaps"
	TLS       *tls.Config    // TLS from the first byte; nil for clear text (and perhaps STARTTLS later)
	ProxyFrom []netip.Prefix // proxies, which must send a PROXY header before anything else
	Exempt    []netip.Prefix // clients that the limit per address does not count
	Private   []netip.Prefix // clients that nobody can listen in between to: Conn.Private

	MaxConns     int           // in all: 10000
	MaxPerAddr   int           // by client, an IPv4 address or an IPv6 /64: 50
	Total        *Total        // shared with other listeners; nil for no bound in common
	Handshake    time.Duration // for the PROXY header, and for TLS: 30 seconds each
	Drain        time.Duration // for sessions to end by themselves: 30 seconds
	Busy         string        // sent in clear text to a client over a limit, CRLF included; empty for nothing
	KeepAlive    time.Duration // between probes of a silent connection: 2 minutes
	OnOverLimit  func(remote netip.AddrPort)
	OnTLSFailure func(remote netip.AddrPort, err error)

	Log *slog.Logger
}

// Handler runs one session. It returns when the session is over; the connection is then closed for it. Its ctx ends when it must.
type Handler func(ctx context.Context, c *Conn)

// Conn is an accepted connection. With implicit TLS the net.Conn is a *tls.Conn whose handshake is done.
type Conn struct {
	net.Conn
	Remote netip.AddrPort // the client, as a trusted proxy tells it
	Local  netip.AddrPort // where the client connected to
	// Private says that the client is in one of Config.Private's networks, so that it may log in without TLS. Of a client that a proxy
	// is silent about nobody knows that.
	Private bool
	drain   context.Context //nolint:containedctx // a signal that outlives no session; AfterFunc needs a context
}

// Draining is closed when the server wants to stop: a session should end at the next good moment.
func (c *Conn) Draining() <-chan struct{} { return c.drain.Done() }

// OnDrain calls f, in a goroutine of its own, when the server wants to stop, unless stop is called before. The usual f is
// line.Conn.Interrupt. It costs no goroutine while nothing happens.
func (c *Conn) OnDrain(f func()) (stop func()) {
	cancel := context.AfterFunc(c.drain, f)
	return func() { cancel() }
}

// Listener takes connections of one service, from one or several sockets.
type Listener struct {
	cfg     Config
	handler Handler
	slots   *slots
	refused line.Farewells
}

// New makes a listener. It opens nothing.
func New(cfg Config, h Handler) *Listener {
	defaultInt(&cfg.MaxConns, 10000)
	defaultInt(&cfg.MaxPerAddr, 50)
	defaultTime(&cfg.Handshake, 30*time.Second)
	defaultTime(&cfg.Drain, 30*time.Second)
	defaultTime(&cfg.KeepAlive, 2*time.Minute)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.TLS != nil {
		cfg.TLS = RecordLeaf(cfg.TLS)
	}
	cfg.Log = cfg.Log.With("listener", cfg.Name)
	return &Listener{cfg: cfg, handler: h, slots: newSlots(cfg), refused: line.Farewells{Most: mostRefused, Time: time.Second}}
}

// mostRefused are heard out at a time, each for a second, after they were told that there are too many: they have files beyond those that are
// counted.
const mostRefused = 32

func defaultInt(p *int, d int) {
	if *p == 0 {
		*p = d
	}
}

func defaultTime(p *time.Duration, d time.Duration) {
	if *p == 0 {
		*p = d
	}
}

// Open is how many connections are open now.
func (l *Listener) Open() int { return l.slots.open() }

// Serve takes connections from ln until ctx ends, lets sessions finish, and returns nil; or until ln is closed or broken, and
// returns why. It closes ln. It may run for several sockets at once.
func (l *Listener) Serve(ctx context.Context, ln net.Listener) error {
	s := &serving{l: l, conns: map[net.Conn]struct{}{}}
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	sessions, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	drain, startDrain := context.WithCancel(sessions)
	err := s.accept(ctx, sessions, ln, drain)
	_ = ln.Close() // closed already, or broken: nothing more to learn
	startDrain()
	s.wait(l.cfg.Drain, kill)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// serving is the state of one Serve.
type serving struct {
	l  *Listener
	wg sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

func (s *serving) accept(ctx, sessions context.Context, ln net.Listener, drain context.Context) error {
	const maxPause = time.Second
	pause := time.Duration(0)
	for {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			// Out of file descriptors or the like: it can get better.
			pause = min(max(2*pause, 5*time.Millisecond), maxPause)
			s.l.cfg.Log.Warn("cannot accept a connection", "error", err, "pause", pause)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		s.mu.Lock()
		s.conns[nc] = struct{}{}
		s.mu.Unlock()
		s.wg.Go(func() {
			defer s.forget(nc)
			s.l.session(sessions, &Conn{Conn: nc, drain: drain})
		})
	}
}

func (s *serving) forget(nc net.Conn) {
	_ = nc.Close() // the session has said what it had to say
	s.mu.Lock()
	delete(s.conns, nc)
	s.mu.Unlock()
}

// wait lets the sessions end, and after the given time makes them.
func (s *serving) wait(d time.Duration, kill func()) {
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return
	case <-t.C:
	}
	kill()
	s.mu.Lock()
	for nc := range s.conns {
		_ = nc.Close()
	}
	s.mu.Unlock()
	<-done
}

// session takes one connection from its first byte to its end.
func (l *Listener) session(ctx context.Context, c *Conn) {
	defer func() {
		if p := recover(); p != nil {
			l.cfg.Log.Error("session panicked", "remote", c.Remote, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetKeepAlivePeriod(l.cfg.KeepAlive) // without it a dead peer is found by timeouts only
	}
	c.Remote, c.Local = addrPort(c.Conn.RemoteAddr()), addrPort(c.Conn.LocalAddr())
	leave, ok := l.cfg.Total.take()
	if !ok {
		l.refuse(c)
		return
	}
	defer leave()
	// Until its session begins a connection has nothing to finish: it does not hold up the end.
	raw := c.Conn
	begin := context.AfterFunc(c.drain, func() { _ = raw.Close() })
	defer begin()
	c.Private = contains(l.cfg.Private, c.Remote.Addr())
	if contains(l.cfg.ProxyFrom, c.Remote.Addr()) {
		if err := l.readProxy(c); err != nil {
			l.cfg.Log.Warn("no PROXY header from a listed proxy", "remote", c.Remote, "error", err)
			return
		}
	}
	release, ok := l.slots.take(c.Remote.Addr())
	if !ok {
		l.refuse(c)
		return
	}
	defer release()
	if l.cfg.TLS != nil {
		t := tls.Server(&leafConn{Conn: c.Conn}, l.cfg.TLS)
		if err := handshake(ctx, t, l.cfg.Handshake); err != nil {
			l.tlsFailed(c, err)
			return
		}
		c.Conn = t
	}
	if !begin() {
		return
	}
	l.handler(ctx, c)
	_ = c.Conn.Close() // for TLS: tells the client that this is the end
}

func (l *Listener) readProxy(c *Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(l.cfg.Handshake)); err != nil {
		return err
	}
	h, err := proxyproto.Read(c.Conn)
	if err != nil {
		return err
	}
	c.Private = false
	if !h.Local {
		c.Remote, c.Local = h.Source, h.Destination
		c.Private = contains(l.cfg.Private, c.Remote.Addr())
	}
	return c.SetReadDeadline(time.Time{})
}

func (l *Listener) refuse(c *Conn) {
	if l.cfg.OnOverLimit != nil {
		l.cfg.OnOverLimit(c.Remote)
	}
	l.cfg.Log.Info("connection refused, too many", "remote", c.Remote)
	if l.cfg.TLS != nil || l.cfg.Busy == "" {
		return
	}
	// A fresh connection has room for a line, so this does not wait; whether it arrives is not ours to ensure.
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := c.Conn.Write([]byte(l.cfg.Busy)); err == nil {
		_ = l.refused.Close(c.Conn)
	}
}

func (l *Listener) tlsFailed(c *Conn, err error) {
	if l.cfg.OnTLSFailure != nil {
		l.cfg.OnTLSFailure(c.Remote, err)
	}
	l.cfg.Log.Info("TLS handshake failed", "remote", c.Remote, "error", err)
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{} // a Unix socket
}

func contains(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}
