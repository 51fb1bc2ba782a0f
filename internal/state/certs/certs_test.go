package certs

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
)

var now = time.Now()

type bench struct {
	ca    *Authority
	clock *clock.Fake
	dir   string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ca, err := NewAuthority("Test CA", now)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{ca: ca, clock: clock.NewFake(now), dir: t.TempDir()}
}

func (b *bench) pair(t *testing.T, file string, names ...string) Pair {
	t.Helper()
	p := Pair{filepath.Join(b.dir, file+".crt"), filepath.Join(b.dir, file+".key")}
	if err := b.ca.WritePair(p, now, names...); err != nil {
		t.Fatal(err)
	}
	return p
}

// ask does a real handshake and returns the first name of the certificate that was shown.
func (b *bench) ask(t *testing.T, k *Keeper, name string) (string, tls.ConnectionState) {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	done := make(chan error, 1)
	go func() {
		defer server.Close()
		done <- tls.Server(server, k.TLSConfig()).HandshakeContext(context.Background())
	}()
	// The name is verified by the caller, since some clients ask for names that no certificate has.
	c := tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatalf("handshake naming %q: %v", name, err)
	}
	if err := <-done; err != nil {
		t.Fatalf("handshake naming %q, server side: %v", name, err)
	}
	cs := c.ConnectionState()
	return cs.PeerCertificates[0].DNSNames[0], cs
}

func TestCertificateIsChosenByName(t *testing.T) {
	b := newBench(t)
	k, err := Open([]Pair{b.pair(t, "a", "mail.nord.test"), b.pair(t, "b", "mail.sued.test", "*.sued.test")}, b.clock, obs.Discard())
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{
		"mail.nord.test": "mail.nord.test", "MAIL.sued.test": "mail.sued.test", "imap.sued.test": "mail.sued.test",
		"a.b.sued.test": "mail.nord.test", "sued.test": "mail.nord.test", "": "mail.nord.test", "192.0.2.1": "mail.nord.test",
	} {
		if got, _ := b.ask(t, k, asked); got != want {
			t.Errorf("asked for %q, shown %s", asked, got)
		}
	}
	if len(k.Leaves()) != 2 {
		t.Error("two certificates are shown")
	}
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	b := newBench(t)
	p := b.pair(t, "a", "old.test")
	k, err := Open([]Pair{p}, b.clock, obs.Discard())
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want string) {
		t.Helper()
		if got, _ := b.ask(t, k, ""); got != want {
			t.Fatalf("shown %s, want %s", got, want)
		}
	}
	b.pair(t, "a", "new-and-longer-name.test")
	expect("old.test") // not looked at yet
	b.clock.Advance(checkEvery)
	expect("new-and-longer-name.test")

	if err := os.WriteFile(p.Key, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(checkEvery)
	expect("new-and-longer-name.test") // a broken pair replaces nothing
	if err := k.Reload(); err == nil {
		t.Fatal("a broken key went unnoticed")
	}
	if err := os.Remove(p.Cert); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(); err == nil {
		t.Fatal("a missing file went unnoticed")
	}
	expect("new-and-longer-name.test")
	b.pair(t, "a", "third.test")
	if err := k.Reload(); err != nil {
		t.Fatal(err)
	}
	expect("third.test")
}

func TestIssuedCertificatesVerify(t *testing.T) {
	b := newBench(t)
	cert, err := b.ca.Issue(now, "mx.nord.test", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mx.nord.test", "127.0.0.1"} {
		if err := cert.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	_, cs := b.ask(t, mustOpen(t, b, b.pair(t, "c", "c.test")), "c.test")
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		_ = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}}).HandshakeContext(context.Background())
	}()
	if err := tls.Client(client, &tls.Config{ServerName: "mx.nord.test", RootCAs: b.ca.Pool()}).HandshakeContext(t.Context()); err != nil {
		t.Errorf("the authority's certificate does not verify: %v", err)
	}
	if cs.Version != tls.VersionTLS13 {
		t.Errorf("version %s", tls.VersionName(cs.Version))
	}
	if len(b.ca.PEM()) == 0 {
		t.Error("no PEM")
	}
}

func mustOpen(t *testing.T, b *bench, p Pair) *Keeper {
	t.Helper()
	k, err := Open([]Pair{p}, b.clock, obs.Discard())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOwnCertificateIsMadeOnce(t *testing.T) {
	b := newBench(t)
	p := Pair{filepath.Join(b.dir, "tls", "own.crt"), filepath.Join(b.dir, "tls", "own.key")}
	for i, want := range []bool{true, false} {
		if made, err := Own(p, []string{"mail.nord.test"}, now); err != nil || made != want {
			t.Fatalf("call %d: made %v, %v", i, made, err)
		}
	}
	st, err := os.Stat(p.Key)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file: %v %v", st.Mode(), err)
	}
	if got, _ := b.ask(t, mustOpen(t, b, p), "mail.nord.test"); got != "mail.nord.test" {
		t.Errorf("shown %s", got)
	}
}

// A crash between the two files leaves the key alone; then both are made again, and nothing half written stays.
func TestOwnCertificateIsMadeAgainWithoutItsCertificate(t *testing.T) {
	b := newBench(t)
	p := Pair{filepath.Join(b.dir, "own.crt"), filepath.Join(b.dir, "own.key")}
	if _, err := Own(p, []string{"mail.nord.test"}, now); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.Cert); err != nil {
		t.Fatal(err)
	}
	if made, err := Own(p, []string{"mail.nord.test"}, now); err != nil || !made {
		t.Fatalf("made %v, %v", made, err)
	}
	if got, _ := b.ask(t, mustOpen(t, b, p), "mail.nord.test"); got != "mail.nord.test" {
		t.Errorf("shown %s", got)
	}
	if left, err := filepath.Glob(filepath.Join(b.dir, ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	b := newBench(t)
	k := mustOpen(t, b, b.pair(t, "a", "a.test"))
	client, server := net.Pipe()
	defer client.Close()
	done := make(chan error, 1)
	go func() {
		defer server.Close()
		done <- tls.Server(server, k.TLSConfig()).HandshakeContext(context.Background())
	}()
	_ = tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
	if err := <-done; err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestOpenFails(t *testing.T) {
	b := newBench(t)
	good, other := b.pair(t, "a", "a.test"), b.pair(t, "b", "b.test")
	for _, pairs := range [][]Pair{nil, {{"none", "none"}}, {good, {good.Cert, other.Key}}} {
		if _, err := Open(pairs, b.clock, obs.Discard()); err == nil {
			t.Errorf("%v opened", pairs)
		}
	}
}
