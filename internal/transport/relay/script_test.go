package relay

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
)

// A script is what a server does on one connection, line by line:
//
//	S: text      it says the text
//	C: text      it expects a line that starts with the text
//	TLS          it upgrades to TLS
//	SLOW         it takes longer than a connection keeps its buffer while it waits
//	INJECT       it agrees to STARTTLS and says more in the same breath
//	GARBAGE      it answers the TLS handshake with nonsense and closes
//	BODY         it reads dot-stuffed content to the final dot
//	CHUNK        it expects BDAT n LAST and reads n bytes
//	CLOSE        it closes
//	SILENT       from here on, that something does not come is no error
//
// At its end it expects QUIT or the end of the connection.
type script string

type server struct {
	t       *testing.T
	cert    *tls.Certificate
	addr    string
	mu      sync.Mutex
	scripts []script // guarded by mu; one for each connection to come
	bodies  []string // guarded by mu
	done    sync.WaitGroup
}

// serve listens on an address of its own and plays the scripts, one for each connection.
func serve(t *testing.T, cert *tls.Certificate, scripts ...script) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: ln.Addr().String(), scripts: scripts, cert: cert}
	s.done.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			s.done.Go(func() { s.play(nc) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		s.done.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.scripts) > 0 {
			t.Errorf("%d connections were expected and did not come", len(s.scripts))
		}
	})
	return s
}

func (s *server) play(nc net.Conn) {
	defer func() { _ = nc.Close() }()
	s.mu.Lock()
	if len(s.scripts) == 0 {
		s.mu.Unlock()
		s.t.Error("a connection too many")
		return
	}
	sc := s.scripts[0]
	s.scripts = s.scripts[1:]
	s.mu.Unlock()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	p := &player{server: s, nc: nc, br: bufio.NewReader(nc)}
	for _, step := range strings.Split(strings.TrimSpace(string(sc)), "\n") {
		if !p.step(strings.TrimSpace(step)) {
			return
		}
	}
	l, err := p.br.ReadString('\n')
	if err == nil && !strings.HasPrefix(l, "QUIT") {
		s.t.Errorf("after the script: %q", l)
	}
	_, _ = io.WriteString(p.nc, "221 bye\r\n")
}

type player struct {
	*server
	silent bool
	nc     net.Conn
	br     *bufio.Reader
}

func (p *player) step(step string) bool {
	verb, rest, _ := strings.Cut(step, " ")
	switch verb {
	case "S:":
		_, _ = io.WriteString(p.nc, rest+"\r\n")
	case "C:":
		l, err := p.br.ReadString('\n')
		if err != nil || !strings.HasPrefix(l, rest) || !strings.HasSuffix(l, "\r\n") {
			if !p.silent {
				p.t.Errorf("got %q (%v), the script says %q", l, err, rest)
			}
			return false
		}
	case "TLS":
		p.nc = tls.Server(p.nc, &tls.Config{Certificates: []tls.Certificate{*p.cert}, MinVersion: tls.VersionTLS12})
		p.br = bufio.NewReader(p.nc)
	case "SLOW":
		time.Sleep(1500 * time.Millisecond)
	case "SILENT":
		p.silent = true
	case "INJECT":
		_, _ = io.WriteString(p.nc, "220 go\r\n250-mx\r\n250 SIZE 1\r\n")
	case "GARBAGE":
		_, _ = io.WriteString(p.nc, "this is no TLS\r\n")
		return false
	case "BODY":
		p.body()
	case "CHUNK":
		p.chunk()
	case "CLOSE":
		return false
	case "":
	default:
		p.t.Errorf("no such step: %q", step)
	}
	return true
}

func (p *player) keepBody(b string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = append(p.bodies, b)
}

func (p *player) body() {
	var b strings.Builder
	for {
		l, err := p.br.ReadString('\n')
		if err != nil || l == ".\r\n" {
			p.keepBody(b.String())
			return
		}
		b.WriteString(strings.TrimPrefix(l, "."))
	}
}

func (p *player) chunk() {
	l, _ := p.br.ReadString('\n')
	f := strings.Fields(l)
	if len(f) != 3 || f[0] != "BDAT" || f[2] != "LAST" {
		p.t.Errorf("no BDAT: %q", l)
		return
	}
	n, _ := strconv.Atoi(f[1])
	b := make([]byte, n)
	_, _ = io.ReadFull(p.br, b)
	p.keepBody(string(b))
}

// dialer leads every name server port to the servers of the test: what is dialled is looked up in a map.
type dialer map[string]string

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	real, ok := d[address]
	if !ok {
		return nil, fmt.Errorf("nobody is at %s", address)
	}
	var nd net.Dialer
	return nd.DialContext(ctx, network, real)
}

const zoneText = `
x.test.        MX 10 mx1.x.test.
x.test.        MX 20 mx2.x.test.
mx1.x.test.    A 192.0.2.1
mx2.x.test.    A 192.0.2.2
null.test.     MX 0 .
one.test.      A 192.0.2.1
smart.test.    A 192.0.2.9
`

// bench is what a test needs: a store, a relay, and servers at 192.0.2.1, .2 and .9.
type bench struct {
	t     testing.TB
	st    store.Store
	zone  *resolve.Zone
	relay *Relay
}

func newBench(t testing.TB, servers dialer, change func(*Options, *route.Options)) *bench {
	t.Helper()
	st, err := pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	b := &bench{t: t, st: st, zone: resolve.MustZone(zoneText)}
	ro := route.Options{Resolver: b.zone}
	o := Options{Blobs: st, Hostname: "us.test", Dialer: servers, IdleFor: -1}
	if change != nil {
		change(&o, &ro)
	}
	o.Router = route.New(ro)
	b.relay = New(o)
	t.Cleanup(b.relay.Close)
	return b
}

const content = "Subject: hi\r\n\r\n.dot\r\nline\r\n"

// message stages and commits a body and gives a message with it.
func (b *bench) message(body string) *queue.Message {
	b.t.Helper()
	w := b.st.Stage(b.t.Context())
	if _, err := io.WriteString(w, body); err != nil {
		b.t.Fatal(err)
	}
	staged, err := w.Finish()
	if err != nil {
		b.t.Fatal(err)
	}
	batch := store.NewBatch()
	batch.AddBlob(staged)
	batch.Ref(staged.Ref().ID, []byte("test"))
	if err := store.Commit(b.t.Context(), b.st, batch); err != nil {
		b.t.Fatal(err)
	}
	from, _ := mail.ParseAddress("anna@us.test")
	return &queue.Message{ID: mail.MessageID{ID: mail.NewID(time.Now())}, From: from, Blob: staged.Ref()}
}

func (b *bench) send(m *queue.Message, to ...string) queue.Report {
	b.t.Helper()
	job := queue.Job{Message: m, Attempt: 1}
	for _, s := range to {
		a, err := mail.ParseAddress(s)
		if err != nil {
			b.t.Fatal(err)
		}
		job.Recipients = append(job.Recipients, mail.Recipient{Address: a})
	}
	return b.relay.Send(b.t.Context(), job)
}

// certificate makes a self-signed certificate for the names.
func certificate(t *testing.T, names ...string) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

func statuses(r queue.Report) string {
	var out []string
	for _, res := range r.Results {
		out = append(out, map[queue.Status]string{queue.Delivered: "ok", queue.Deferred: "later", queue.Failed: "never"}[res.Status])
	}
	s := strings.Join(out, " ")
	if r.Unreachable {
		s += " unreachable"
	}
	return s
}
