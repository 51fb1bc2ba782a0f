package imapd

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	anna     = "anna@nord.test"
	password = "ein gutes Passwort"
)

// server is a whole IMAP server over a store in memory, with one account.
type server struct {
	srv           *Server
	clear, secure string // addresses: 143 and 993
	tls           *tls.Config
	account       mail.AccountID
	boxes         *mailbox.Service
	dir           *directory.Directory
	stop          func()
}

func start(t testing.TB, o Options) *server {
	t.Helper()
	return startOn(t, vfs.NewMem(), "store", o)
}

func startOn(t testing.TB, fs vfs.FS, dir string, o Options) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	st, err := pebblestore.Open(dir, pebblestore.Options{FS: fs})
	must(t, err)
	boxes := mailbox.New(st, mailbox.Options{})
	people, err := directory.Open(ctx, st, directory.Options{
		Hash: directory.Hash{MemoryKiB: 64, Passes: 1, ScramIterations: 4096},
		Births: func(b *store.Batch, a directory.Account) {
			boxes.Birth(b, a.ID, mailbox.BirthOptions{Lang: text.EN, Quota: mailbox.Quota(a.Quota)})
		},
		Deaths: boxes.Death,
	})
	must(t, err)
	must(t, people.AddDomain(ctx, "nord.test"))
	addr, err := mail.ParseAddress(anna)
	must(t, err)
	acc, err := people.AddAccount(ctx, directory.NewAccount{Addresses: []mail.Address{addr}, Password: password, Lang: text.EN})
	must(t, err)

	serverTLS, clientTLS := certificates(t)
	o.Directory, o.Mailboxes, o.Store, o.TLS = people, boxes, st, serverTLS
	s := &server{srv: New(o), tls: clientTLS, account: acc.ID, boxes: boxes, dir: people}
	var wg sync.WaitGroup
	s.clear = s.listen(t, ctx, &wg, listen.Config{Name: "imap", Drain: time.Second})
	s.secure = s.listen(t, ctx, &wg, listen.Config{Name: "imaps", Drain: time.Second, TLS: serverTLS})
	s.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		people.Close()
		boxes.Close()
		must(t, st.Close())
	})
	t.Cleanup(s.stop)
	return s
}

func (s *server) listen(t testing.TB, ctx context.Context, wg *sync.WaitGroup, cfg listen.Config) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	wg.Go(func() {
		if err := listen.New(cfg, s.srv.Serve).Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func certificates(t testing.TB) (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "imap.nord.test"},
		DNSNames: []string{"imap.nord.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "imap.nord.test"}
}

// peer is a client that speaks raw lines.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (s *server) dial(t testing.TB, clear bool) *peer {
	t.Helper()
	var nc net.Conn
	var err error
	if clear {
		nc, err = net.Dial("tcp", s.clear)
	} else {
		nc, err = tls.Dial("tcp", s.secure, s.tls)
	}
	must(t, err)
	must(t, nc.SetDeadline(time.Now().Add(30*time.Second)))
	t.Cleanup(func() { nc.Close() })
	return &peer{t, nc, bufio.NewReader(nc)}
}

// login is a peer that has logged in, its greeting and answer read away.
func (s *server) login(t testing.TB) *peer {
	t.Helper()
	p := s.dial(t, false)
	p.line()
	p.send(`login LOGIN ` + anna + ` "` + password + `"`)
	if l := p.until("login "); !strings.HasPrefix(l[len(l)-1], "login OK") {
		t.Fatal(l)
	}
	return p
}

func (p *peer) send(line string) {
	p.t.Helper()
	_, err := io.WriteString(p, line+"\r\n")
	must(p.t, err)
}

// line reads one line with its literals, CRLF as they are inside.
func (p *peer) line() string {
	p.t.Helper()
	var b strings.Builder
	for {
		l, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("after %q: %v", b.String()+l, err)
		}
		l = strings.TrimSuffix(l, "\r\n")
		b.WriteString(l)
		n, ok := literalSize(l)
		if !ok {
			return b.String()
		}
		b.WriteString("\r\n")
		if _, err := io.CopyN(&b, p.r, n); err != nil {
			p.t.Fatal(err)
		}
	}
}

func literalSize(l string) (n int64, ok bool) {
	open := strings.LastIndexByte(l, '{')
	if open < 0 || !strings.HasSuffix(l, "}") {
		return 0, false
	}
	for _, c := range l[open+1 : len(l)-1] {
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// until reads lines up to one that starts with the prefix.
func (p *peer) until(prefixes ...string) []string {
	p.t.Helper()
	var out []string
	for {
		l := p.line()
		out = append(out, l)
		for _, pre := range prefixes {
			if strings.HasPrefix(l, pre) {
				return out
			}
		}
	}
}

// ask sends a command and gives what is answered.
func (p *peer) ask(tag, command string) []string {
	p.t.Helper()
	p.send(tag + " " + command)
	return p.until(tag + " ")
}

// ended expects the end of the connection.
func (p *peer) ended() {
	p.t.Helper()
	if b, err := p.r.ReadByte(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		p.t.Errorf("connection goes on: %q, %v", b, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
