package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/app"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/state/certs"
)

// Ports says which ports the servers take.
type Ports uint8

// The ports: the same in every demo, if they are free, so that a mail program's settings stay right; or any.
const (
	FixedPorts Ports = iota
	AnyPorts
)

// zone is the whole name space of the demo. Only the name server and the servers' dialer know that port 25 of these addresses
// is really another port of 127.0.0.1.
const zone = `
nord.test. MX 10 mail.nord.test.
sued.test. MX 10 mail.sued.test.
mail.nord.test. A 127.0.0.2
mail.sued.test. A 127.0.0.3
2.0.0.127.in-addr.arpa. PTR mail.nord.test.
3.0.0.127.in-addr.arpa. PTR mail.sued.test.
`

// server is one organisation's.
type server struct {
	name   mail.Domain
	host   string
	addr   netip.Addr // as the zone has it
	app    *app.App
	dir    string
	people []person
	ended  chan error
}

// town is everything the demo starts.
type town struct {
	dir        string
	authority  *certs.Authority
	dns        *resolve.Server
	nord, sued *server
	stop       context.CancelFunc
}

// build starts the name server and both mail servers.
func build(ctx context.Context, p people, ports Ports, lang text.Lang, log *slog.Logger) (t *town, err error) {
	t = &town{
		nord: &server{name: nordDomain, host: "mail.nord.test", addr: netip.MustParseAddr("127.0.0.2"), people: []person{p.anna, p.joern}},
		sued: &server{name: suedDomain, host: "mail.sued.test", addr: netip.MustParseAddr("127.0.0.3"), people: []person{p.baerbel, p.xaver}},
	}
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx)) // ended by close, in order
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.dir, err = os.MkdirTemp("", "posthorn-demo-"); err != nil {
		return t, err
	}
	if t.authority, err = certs.NewAuthority("Posthorn demo", time.Now()); err != nil {
		return t, err
	}
	if err := os.WriteFile(t.authorityFile(), t.authority.PEM(), 0o600); err != nil {
		return t, err
	}
	names, err := resolve.ParseZone(zone, "")
	if err != nil {
		return t, err
	}
	if t.dns, err = resolve.Serve(names, "127.0.0.1:0"); err != nil {
		return t, err
	}
	for i, s := range []*server{t.nord, t.sued} {
		base := 0
		if ports == FixedPorts {
			base = (i + 1) * 10_000
		}
		if err := t.start(ctx, s, base, log); err != nil {
			return t, fmt.Errorf("start %s: %w", s.host, err)
		}
		if err := s.populate(ctx, lang); err != nil {
			return t, fmt.Errorf("add the people of %s: %w", s.name, err)
		}
	}
	return t, nil
}

func (t *town) authorityFile() string { return filepath.Join(t.dir, "authority.pem") }

// start runs one server on ports base+25, base+587 and so on; any ports if base is 0.
func (t *town) start(ctx context.Context, s *server, base int, log *slog.Logger) error {
	s.dir = filepath.Join(t.dir, string(s.name))
	pair := certs.Pair{Cert: filepath.Join(s.dir, "tls.crt"), Key: filepath.Join(s.dir, "tls.key")}
	if err := t.authority.WritePair(pair, time.Now(), s.host, "localhost", "127.0.0.1"); err != nil {
		return err
	}
	cfg, err := s.configure(pair, base)
	if err != nil {
		return err
	}
	resolver, err := resolve.New(resolve.Options{Servers: []netip.AddrPort{t.dns.Addr()}})
	if err != nil {
		return err
	}
	s.app, err = app.New(cfg, app.World{
		Resolver: resolver, Dialer: t.dialer(s), Listen: listenSomewhere, Log: log.With("server", s.name), Roots: t.authority.Pool(),
	})
	if err != nil {
		return err
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.app.Run(ctx) }()
	select {
	case <-s.app.Ready():
		return nil
	case err := <-s.ended:
		s.ended <- nil // close waits for it once more
		return err
	}
}

// configure writes the server's file, so that commands can be tried on it too, and gives what it says.
func (s *server) configure(pair certs.Pair, base int) (config.Config, error) {
	at := func(port int) string {
		if base == 0 {
			return `["127.0.0.1:0"]`
		}
		return fmt.Sprintf(`["127.0.0.1:%d"]`, base+port)
	}
	src := config.Example(s.host, "data")
	for key, port := range map[string]int{
		"smtp": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995,
	} {
		src = strings.Replace(src, fmt.Sprintf("%-11s = [\":%d\"]", key, port), key+" = "+at(port), 1)
	}
	src = strings.Replace(src, `["127.0.0.1:9125"]`, at(9125), 1)
	src += fmt.Sprintf("\n[[tls.certificate]]\ncert = %q\nkey = %q\n", pair.Cert, pair.Key)
	path := s.configFile()
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		return config.Config{}, err
	}
	return config.Load(path)
}

func (s *server) configFile() string { return filepath.Join(s.dir, "posthorn.toml") }

// listenSomewhere takes another port if the wanted one is not free.
func listenSomewhere(ctx context.Context, network, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, network, address)
	if err != nil && network == "tcp" {
		return lc.Listen(ctx, network, "127.0.0.1:0")
	}
	return ln, err
}

func (s *server) populate(ctx context.Context, lang text.Lang) error {
	if _, err := s.app.Admin().AddDomain(ctx, adminapi.NewDomain{Name: s.name}); err != nil {
		return err
	}
	for _, p := range s.people {
		_, err := s.app.Admin().AddAccount(ctx, adminapi.NewAccount{
			Addresses: []mail.Address{p.address}, Password: p.password, Name: p.name, Lang: lang,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dialer connects a server to others: port 25 of an address in the zone is the SMTP listener of the server that has it. It leaves
// from the server's own address, where the system lets it.
func (t *town) dialer(from *server) app.Dialer {
	return dialFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		for _, s := range []*server{t.nord, t.sued} {
			if address != net.JoinHostPort(s.addr.String(), "25") {
				continue
			}
			target := s.app.Addr("smtp").String()
			own := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from.addr, 0))}
			if c, err := own.DialContext(ctx, network, target); err == nil {
				return c, nil
			}
			return (&net.Dialer{}).DialContext(ctx, network, target)
		}
		return nil, fmt.Errorf("nothing is at %s in this demo", address)
	})
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// DialContext implements app.Dialer.
func (f dialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

// clientTLS is what the people's programs verify a server with.
func (t *town) clientTLS(s *server) *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: t.authority.Pool(), MinVersion: tls.VersionTLS12}
}

// close stops the servers and removes everything.
func (t *town) close() error {
	t.stop()
	var errs []error
	for _, s := range []*server{t.nord, t.sued} {
		if s.ended != nil {
			errs = append(errs, <-s.ended)
		}
	}
	if t.dns != nil {
		errs = append(errs, t.dns.Close())
	}
	if t.dir != "" {
		errs = append(errs, os.RemoveAll(t.dir))
	}
	return errors.Join(errs...)
}
