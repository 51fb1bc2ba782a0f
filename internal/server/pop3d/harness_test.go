package pop3d

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const deadline = 20 * time.Second

// world is a whole server: store, mailboxes, directory, listeners on loopback.
type world struct {
	t       testing.TB
	st      store.Store
	boxes   *mailbox.Service
	dir     *directory.Directory
	anna    directory.Account
	clear   string // address of the listener with STLS
	secure  string // address of the listener with TLS from the start
	roots   *x509.CertPool
	clock   *clock.Fake
	mailLog *syncBuffer
	log     *obs.MailLog // writes mailLog
	conf    *tls.Config  // of the listener with TLS
	stop    func()       // drains the listeners

	mu      sync.Mutex
	fetches []Fetch
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld starts a server with the account anna@nord.test, password "geheim".
func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, clock: clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), mailLog: &syncBuffer{}}
	db, err := pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem(), ReserveBytes: -1})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w.st = db
	w.boxes = mailbox.New(db, mailbox.Options{Clock: w.clock})
	t.Cleanup(w.boxes.Close)
	mailLog := obs.NewMailLog(w.mailLog, obs.FormatText, w.clock, obs.NewMetrics())
	policy := limit.DefaultPolicy()
	policy.Free = 1000 // no delays: the clock stands still
	policy.LockAccount = 8
	w.dir, err = directory.Open(ctx, db, directory.Options{
		Clock: w.clock, Guard: limit.NewGuard(w.clock, policy), MailLog: mailLog, DefaultDomain: "nord.test",
		Hash: directory.Hash{MemoryKiB: 8, Passes: 1, Threads: 1, ScramIterations: 4096},
		Births: func(b *store.Batch, a directory.Account) {
			w.boxes.Birth(b, a.ID, mailbox.BirthOptions{Lang: a.Lang})
		},
	})
	must(t, err)
	t.Cleanup(w.dir.Close)
	must(t, w.dir.AddDomain(ctx, "nord.test"))
	w.anna = w.account("anna")

	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	conf := &tls.Config{Certificates: certs.TLS.Certificates}
	w.roots = x509.NewCertPool()
	w.roots.AddCert(certs.Certificate())
	certs.Close()

	w.log, w.conf = mailLog, conf
	o.Directory, o.Mailboxes, o.Clock, o.MailLog = w.dir, w.boxes, w.clock, mailLog
	if o.TLS == nil {
		o.TLS = conf
	}
	if o.TLS.Certificates == nil {
		o.TLS = nil
	}
	o.Fetched = func(_ context.Context, f Fetch) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fetches = append(w.fetches, f)
	}
	w.serve(New(o), conf)
	return w
}

func (w *world) serve(srv *Server, conf *tls.Config) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	start := func(cfg listen.Config) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		must(w.t, err)
		wg.Go(func() {
			if err := listen.New(cfg, srv.Serve).Serve(ctx, ln); err != nil {
				w.t.Errorf("serve %s: %v", cfg.Name, err)
			}
		})
		return ln.Addr().String()
	}
	w.clear = start(listen.Config{Name: "pop3", Busy: Busy})
	w.secure = start(listen.Config{Name: "pop3s", TLS: conf, Busy: Busy})
	w.stop = func() {
		cancel()
		wg.Wait()
	}
	w.t.Cleanup(w.stop)
}

func (w *world) account(local string) directory.Account {
	w.t.Helper()
	a, err := w.dir.AddAccount(w.t.Context(), directory.NewAccount{
		Addresses: []mail.Address{{Local: local, Domain: "nord.test"}}, Password: "geheim",
	})
	must(w.t, err)
	return a
}

// append puts a message into an account's inbox; lines may end with \n.
func (w *world) append(a directory.Account, raw string) mail.EmailID {
	w.t.Helper()
	sw := w.st.Stage(w.t.Context())
	sc := &message.Scanner{}
	for _, out := range []io.Writer{sw, sc} {
		if _, err := io.WriteString(out, raw); err != nil {
			w.t.Fatal(err)
		}
	}
	staged, err := sw.Finish()
	must(w.t, err)
	out, err := w.boxes.Account(a.ID).Append(w.t.Context(), mailbox.Append{Role: mail.RoleInbox, Summary: sc.Close()}, staged)
	must(w.t, err)
	return out.EmailID
}

func (w *world) inbox(a directory.Account) *mailbox.View {
	w.t.Helper()
	acc := w.boxes.Account(a.ID)
	m, err := acc.ByRole(w.t.Context(), mail.RoleInbox)
	must(w.t, err)
	v, err := acc.Open(w.t.Context(), m.ID)
	must(w.t, err)
	return v
}

func (w *world) count(a directory.Account) int {
	w.t.Helper()
	v := w.inbox(a)
	defer v.Close()
	return v.Len()
}

// client is a raw client.
type client struct {
	t    testing.TB
	w    *world
	conn net.Conn
	r    *bufio.Reader
}

func (w *world) dial(addr string) *client {
	w.t.Helper()
	nc, err := net.Dial("tcp", addr)
	must(w.t, err)
	w.t.Cleanup(func() { _ = nc.Close() })
	must(w.t, nc.SetDeadline(time.Now().Add(deadline)))
	c := &client{t: w.t, w: w, conn: nc, r: bufio.NewReader(nc)}
	if addr == w.secure {
		c.startTLS()
	}
	return c
}

func (c *client) startTLS() {
	c.t.Helper()
	tc := tls.Client(c.conn, &tls.Config{RootCAs: c.w.roots, ServerName: "example.com"})
	must(c.t, tc.Handshake())
	c.conn, c.r = tc, bufio.NewReader(tc)
}

func (c *client) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, s)
	must(c.t, err)
}

func (c *client) line() string {
	c.t.Helper()
	l, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read a line: %q %v", l, err)
	}
	s, ok := strings.CutSuffix(l, "\r\n")
	if !ok {
		c.t.Fatalf("line without CRLF: %q", l)
	}
	return s
}

// multi reads the rest of a multi-line response, as sent.
func (c *client) multi() []string {
	c.t.Helper()
	var out []string
	for {
		l := c.line()
		if l == "." {
			return out
		}
		out = append(out, l)
	}
}

// end checks that the server closes the connection.
func (c *client) end() {
	c.t.Helper()
	if l, err := c.r.ReadString('\n'); err == nil {
		c.t.Fatalf("more was sent: %q", l)
	}
}

// play runs a session written as text: lines of the client start with "C: ", of the server with "S: "; those match exactly, or as a
// regular expression after "S~ ". "TLS" begins TLS, "END" waits for the server to close.
func (c *client) play(script string) {
	c.t.Helper()
	for _, l := range strings.Split(script, "\n") {
		l = strings.TrimLeft(l, "\t ")
		kind, rest, _ := strings.Cut(l, " ")
		switch kind {
		case "":
		case "C:":
			c.send(rest + "\r\n")
		case "S:":
			if got := c.line(); got != rest {
				c.t.Fatalf("want %q, got %q", rest, got)
			}
		case "S~":
			if got := c.line(); !regexp.MustCompile("^" + rest + "$").MatchString(got) {
				c.t.Fatalf("want %s, got %q", rest, got)
			}
		case "TLS":
			c.startTLS()
		case "END":
			c.end()
		default:
			c.t.Fatalf("bad script line %q", l)
		}
	}
}

// login opens a session over TLS and logs in.
func (w *world) login(user string) *client {
	w.t.Helper()
	c := w.dial(w.secure)
	c.play("S~ \\+OK .*\nC: USER " + user + "\nS~ \\+OK .*\nC: PASS geheim\nS~ \\+OK .*")
	return c
}
