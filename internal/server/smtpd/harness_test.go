package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// recorder is an intake that keeps what it was given, and refuses by names:
// recipients nobody@, full@ and elsewhere@; senders evil@; bodies that start with "Refuse".
type recorder struct {
	limits intake.Limits

	mu       sync.Mutex
	accepted []recorded
	begun    int
	dropped  int // bodies whose reading failed
}

type recorded struct {
	src  intake.Source
	env  mail.Envelope
	to   []mail.Recipient
	body string
}

func newRecorder() *recorder {
	return &recorder{limits: intake.Limits{MaxSize: 100_000, MaxRecipients: 5}}
}

func (r *recorder) Limits() intake.Limits { return r.limits }

func (r *recorder) Begin(src intake.Source) Transaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	return &recording{r: r, m: recorded{src: src}}
}

func (r *recorder) messages() []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]recorded(nil), r.accepted...)
}

type recording struct {
	r *recorder
	m recorded
}

func (t *recording) Reset() {}

func (t *recording) From(_ context.Context, env mail.Envelope) error {
	if env.From.Local == "evil" {
		return mail.Refuse(mail.KindSenderNotYours, "evil is not yours")
	}
	t.m.env = env
	return nil
}

func (t *recording) To(_ context.Context, rcpt mail.Recipient) error {
	switch rcpt.Address.Local {
	case "nobody":
		return mail.Refuse(mail.KindNoSuchUser, "there is no such person")
	case "full":
		return mail.Refuse(mail.KindOverQuota, "the mailbox is full")
	case "elsewhere":
		return mail.Refuse(mail.KindRelayDenied, "we do not relay")
	case "broken":
		return errors.New("disk /dev/secret is on fire")
	}
	t.m.to = append(t.m.to, rcpt)
	return nil
}

func (t *recording) Body(_ context.Context, r io.Reader) (intake.Receipt, error) {
	var b bytes.Buffer
	head := make([]byte, 6)
	if n, err := io.ReadFull(r, head); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		if b.Write(head[:n]); string(head) == "Refuse" {
			return intake.Receipt{}, mail.Refuse(mail.KindPolicy, "not this message")
		}
	}
	_, err := io.Copy(&b, io.LimitReader(r, t.r.limits.MaxSize+1))
	if err != nil {
		t.r.mu.Lock()
		t.r.dropped++
		t.r.mu.Unlock()
		return intake.Receipt{}, mail.Failed(mail.KindInternal, "reading failed", err)
	}
	if int64(b.Len()) > t.r.limits.MaxSize {
		return intake.Receipt{}, mail.Refuse(mail.KindTooLarge, "the message is too large")
	}
	t.m.body = b.String()
	receipt := intake.Receipt{ID: mail.MessageID{ID: mail.FirstID(testNow)}}
	for _, to := range t.m.to {
		res := intake.RecipientResult{Address: to.Address}
		if to.Address.Local == "late" {
			res.Err = mail.Refuse(mail.KindOverQuota, "the mailbox is full by now")
		}
		receipt.Recipients = append(receipt.Recipients, res)
	}
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	t.r.accepted = append(t.r.accepted, t.m)
	return receipt, nil
}

// users is a login backend with one user, anna@posthorn.test, whose password is "secret".
type users struct{}

var anna = sasl.Identity{Account: mail.AccountID{ID: mail.FirstID(testNow)}, Login: "anna@posthorn.test"}

var errLogin = mail.Refuse(mail.KindLoginFailed, "Wrong name or password")

func (users) Plain(_ context.Context, _, user, password string) (sasl.Identity, error) {
	if user == "later" {
		return sasl.Identity{}, mail.Refuse(mail.KindLoginLater, "Too many failed, later")
	}
	if user != anna.Login || password != "secret" {
		return sasl.Identity{}, errLogin
	}
	return anna, nil
}

func (users) Scram(context.Context, string) (sasl.ScramKeys, error) {
	return sasl.DeriveKeys("secret", []byte("salt and pepper!"), 4096)
}

func (users) ScramDone(_ context.Context, _, user string, o sasl.Outcome) (sasl.Identity, error) {
	if o != sasl.Proved || user != anna.Login {
		return sasl.Identity{}, errLogin
	}
	return anna, nil
}

// testTLS borrows the certificate of net/http's test server, which is valid for example.com.
var testTLS = sync.OnceValues(func() (*tls.Config, *tls.Config) {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	client := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return &tls.Config{Certificates: srv.TLS.Certificates}, client
})

// setup is a server to talk to.
type setup struct {
	rec      *recorder
	addr     string
	stop     func()
	implicit bool
}

func config(role Role, rec *recorder) Config {
	server, _ := testTLS()
	return Config{
		Role: role, Listener: "test", Hostname: "mx.posthorn.test", TLS: server, Intake: rec, Clock: clock.NewFake(testNow),
		Login: func(netip.Addr, uint16) sasl.Backend { return users{} },
	}
}

type implicitTLS bool

func startServer(t testing.TB, cfg Config, implicit implicitTLS) *setup {
	t.Helper()
	lcfg := listen.Config{Name: "test", Drain: 10 * time.Second}
	if implicit {
		lcfg.TLS, cfg.TLS = cfg.TLS, nil
	}
	srv := New(cfg)
	lcfg.Busy = srv.Busy()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := listen.New(lcfg, srv.Handle).Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	}()
	var once sync.Once
	s := &setup{addr: ln.Addr().String(), implicit: bool(implicit)}
	s.rec, _ = cfg.Intake.(*recorder)
	s.stop = func() {
		once.Do(func() {
			cancel()
			<-done
		})
	}
	t.Cleanup(s.stop)
	return s
}

// client talks line by line.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (s *setup) dial(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &client{t: t, conn: conn, r: bufio.NewReader(conn)}
	if s.implicit {
		c.startTLS()
	}
	return c
}

func (c *client) startTLS() {
	c.t.Helper()
	_, cfg := testTLS()
	conn := tls.Client(c.conn, cfg)
	if err := conn.Handshake(); err != nil {
		c.t.Fatalf("TLS: %v", err)
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
}

func (c *client) send(s string) {
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Helper()
		c.t.Fatalf("send %q: %v", s, err)
	}
}

// reply reads one reply, all of its lines.
func (c *client) reply() string {
	c.t.Helper()
	var all strings.Builder
	for {
		l, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("reading a reply: %v after %q", err, all.String())
		}
		all.WriteString(l)
		if len(l) < 4 || l[3] != '-' {
			return all.String()
		}
	}
}

func (c *client) expect(prefix string) string {
	c.t.Helper()
	got := c.reply()
	if !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("got %q, want %q", got, prefix)
	}
	return got
}

func (c *client) closed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil && !errors.Is(err, net.ErrClosed) && !isReset(err) {
		c.t.Fatalf("not closed: %q, %v", rest, err)
	}
	_ = c.conn.Close()
}

func isReset(err error) bool { return strings.Contains(err.Error(), "reset by peer") }

// talk runs a session: "> line" sends a line, ">> "quoted"" sends bytes as they are, "< prefix" expects a reply, "tls" goes over to TLS,
// "eof" expects the end. Empty lines and those with # are skipped.
func (s *setup) talk(t testing.TB, script string) {
	t.Helper()
	c := s.dial(t)
	for n, l := range strings.Split(script, "\n") {
		l = strings.TrimSpace(l)
		verb, rest, _ := strings.Cut(l, " ")
		switch verb {
		case "", "#":
		case ">":
			c.send(rest + "\r\n")
		case ">>":
			raw, err := strconv.Unquote(rest)
			if err != nil {
				t.Fatalf("line %d: %v", n, err)
			}
			c.send(raw)
		case "<":
			if got := c.reply(); !strings.HasPrefix(got, rest) {
				t.Fatalf("line %d: got %q, want %q", n, got, rest)
			}
		case "tls":
			c.startTLS()
		case "eof":
			c.closed()
		default:
			t.Fatalf("line %d: %q", n, l)
		}
	}
	_ = c.conn.Close()
}
