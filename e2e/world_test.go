package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/app"
	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

// outside is the world's zone: remote.test's mail server is the sink.
const outside = `
remote.test.      300 IN MX 10 sink.remote.test.
sink.remote.test. 300 IN A 192.0.2.9
`

// world is the program under test and what it stands on.
type world struct {
	t     *testing.T
	cfg   config.Config
	clock *clock.Fake
	fs    *vfs.MemFS
	zone  *resolve.Zone
	sink  *sink
	log   mailLog

	app  *app.App
	stop func() error
}

func newWorld(t *testing.T, extra, zone string, s *sink) *world {
	t.Helper()
	dir := t.TempDir()
	base := fmt.Sprintf("hostname = %q\ndata = %q\n[listen]\n", "mx.nord.test", dir)
	for _, name := range []string{"smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s"} {
		base += name + " = [\"127.0.0.1:0\"]\n"
	}
	cfg, err := config.Parse("posthorn.toml", []byte(base+"metrics = []\n"+extra))
	if err != nil {
		t.Fatal(err)
	}
	z, err := resolve.ParseZone(outside+zone, "")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, cfg: cfg, fs: vfs.NewCrashableMem(), zone: z, sink: s,
		clock: clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)),
	}
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return w
}

// DialContext leads every server of the zone to the sink.
func (w *world) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if address != "192.0.2.9:25" {
		return nil, fmt.Errorf("no route to %s", address)
	}
	return d.DialContext(ctx, network, w.sink.ln.Addr().String())
}

func (w *world) start() error {
	a, err := app.New(w.cfg, app.World{Clock: w.clock, FS: w.fs, Resolver: w.zone, Dialer: w, MailLog: io.MultiWriter(w.t.Output(), &w.log)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- errors.Join(a.Run(ctx), a.Close()) }()
	select {
	case <-a.Ready():
	case err := <-done:
		cancel()
		return fmt.Errorf("run: %w", err)
	case <-time.After(patience):
		cancel()
		return errors.New("not ready")
	}
	w.app = a
	w.stop = func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			return errors.New("does not stop")
		}
	}
	return nil
}

func (w *world) restart() error {
	if err := w.stop(); err != nil {
		return err
	}
	return w.start()
}

// crash starts the program on what a power failure at this moment leaves: everything synced, and of the rest a random part.
func (w *world) crash() error {
	left := w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, 2))})
	if err := w.stop(); err != nil {
		return err
	}
	w.fs = left
	return w.start()
}

func (w *world) advance(d time.Duration) { w.clock.Advance(d) }

func (w *world) clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true} // the certificate is self-signed; what is tested is not it
}

func (w *world) listener(name string) (string, *tls.Config, error) {
	listener := name
	if name == "mx" {
		listener = "smtp"
	}
	a := w.app.Addr(listener)
	if a == nil {
		return "", nil, fmt.Errorf("no listener %s", name)
	}
	switch name {
	case "submissions", "imaps", "pop3s":
		return a.String(), w.clientTLS(), nil
	}
	return a.String(), nil, nil
}

// setup runs one line of the setup file through the operations that the command line uses.
func (w *world) setup(line string) error {
	ctx, admin := w.t.Context(), w.app.Admin()
	words := strings.Fields(line)
	if len(words) < 2 {
		return errors.New("too short")
	}
	if words[0] == "domain" {
		d, err := mail.ParseDomain(words[1])
		if err != nil {
			return err
		}
		of := mail.Domain("")
		if len(words) > 2 {
			of = mail.Domain(words[2])
		}
		_, err = admin.AddDomain(ctx, adminapi.NewDomain{Name: d, AliasOf: of})
		return err
	}
	if words[0] == "domain-alias" {
		_, err := admin.AddDomain(ctx, adminapi.NewDomain{Name: mail.Domain(words[1]), AliasOf: mail.Domain(words[2])})
		return err
	}
	addr, err := mail.ParseAddress(words[1])
	if err != nil {
		return err
	}
	var targets []mail.Address
	if words[0] == "alias" || words[0] == "group" {
		for _, word := range words[2:] {
			target, err := mail.ParseAddress(word)
			if err != nil {
				return err
			}
			targets = append(targets, target)
		}
	}
	switch words[0] {
	case "account":
		lang := text.EN
		if len(words) > 3 && words[3] == "de" {
			lang = text.DE
		}
		_, err = admin.AddAccount(ctx, adminapi.NewAccount{Addresses: []mail.Address{addr}, Password: words[2], Lang: lang})
	case "alias":
		_, err = admin.SetAlias(ctx, adminapi.NewAlias{Address: addr, Targets: targets})
	case "group":
		_, err = admin.AddGroup(ctx, adminapi.NewGroup{Address: addr, Members: targets})
	case "catch-all":
		_, err = admin.SetCatchAll(ctx, adminapi.CatchAll{Domain: addr.Domain, To: addr})
	case "quota":
		n, convErr := strconv.ParseInt(words[2], 10, 64)
		if convErr != nil {
			return convErr
		}
		_, err = admin.ChangeAccount(ctx, adminapi.AccountChange{Address: addr, Quota: &directory.Quota{Bytes: n}})
	default:
		err = fmt.Errorf("unknown word %s", words[0])
	}
	return err
}

// mailLog is what the program has written to its mail log.
type mailLog struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *mailLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// logged holds one of the mail log's lines to a pattern, from the event's name on.
func (w *world) logged(pattern string, vars map[string]string) error {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for l := range strings.Lines(w.log.text.String()) {
		_, event, _ := strings.Cut(strings.TrimRight(l, "\n"), "event=")
		if ok, err := match(pattern, event, vars); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("the mail log has only\n%s", w.log.text.String())
}

// journey waits until the story of a message has an event that matches.
func (w *world) journey(id, pattern string, vars map[string]string) error {
	parsed, err := mail.ParseID(id)
	if err != nil {
		return err
	}
	watch := w.app.Journeys().Watch()
	defer watch.Close()
	deadline := time.After(patience)
	for {
		story, err := w.app.Journeys().Read(w.t.Context(), mail.MessageID{ID: parsed})
		if err != nil && !mail.IsKind(err, mail.KindNotFound) {
			return err
		}
		var said []string
		for _, e := range story.Events {
			s := e.Say(text.EN)
			if ok, err := match(pattern, s, vars); ok || err != nil {
				return err
			}
			said = append(said, s)
		}
		select {
		case <-watch.C():
		case <-deadline:
			return fmt.Errorf("the story is only\n\t%s", strings.Join(said, "\n\t"))
		}
	}
}
