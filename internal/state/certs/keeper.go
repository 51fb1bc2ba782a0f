package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// checkEvery is how often a handshake looks whether files have changed.
const checkEvery = 10 * time.Second

// Pair names the PEM files of a certificate chain (leaf first) and its key.
type Pair struct{ Cert, Key string }

// Keeper holds the certificates. It is safe for many goroutines.
type Keeper struct {
	pairs []Pair
	clock clock.Clock
	log   *slog.Logger

	shown atomic.Pointer[shelf]
	next  atomic.Int64 // when to look at the files again, in Unix nanoseconds
	mu    sync.Mutex   // held while files are read
}

// shelf is one consistent set of certificates. It is not changed once it is shown.
type shelf struct {
	stamps []stamp // one per pair
	certs  []*tls.Certificate
	byName map[string][]*tls.Certificate // lower case; "*.example.org" for wildcards
}

// stamp tells whether a pair's files are the ones that were read.
type stamp struct {
	certTime, keyTime time.Time
	certSize, keySize int64
}

// Open reads the pairs, at least one. The first is for clients that name no server, or one that is on no certificate.
func Open(pairs []Pair, c clock.Clock, log *slog.Logger) (*Keeper, error) {
	if len(pairs) == 0 {
		return nil, errors.New("no certificates")
	}
	k := &Keeper{pairs: pairs, clock: c, log: log}
	s := &shelf{stamps: make([]stamp, len(pairs)), certs: make([]*tls.Certificate, len(pairs))}
	for i, p := range pairs {
		var err error
		if s.certs[i], s.stamps[i], err = load(p); err != nil {
			return nil, err
		}
	}
	k.show(s)
	return k, nil
}

func load(p Pair) (*tls.Certificate, stamp, error) {
	// The stamp is taken first: if the files change while they are read, the next look sees another stamp and reads again.
	st, err := look(p)
	if err != nil {
		return nil, st, err
	}
	cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, st, fmt.Errorf("load certificate %s with key %s: %w", p.Cert, p.Key, err)
	}
	return &cert, st, nil
}

func look(p Pair) (stamp, error) {
	c, err := os.Stat(p.Cert)
	if err != nil {
		return stamp{}, fmt.Errorf("look at certificate: %w", err)
	}
	k, err := os.Stat(p.Key)
	if err != nil {
		return stamp{}, fmt.Errorf("look at key: %w", err)
	}
	return stamp{c.ModTime(), k.ModTime(), c.Size(), k.Size()}, nil
}

func (k *Keeper) show(s *shelf) {
	s.byName = make(map[string][]*tls.Certificate)
	for _, c := range s.certs {
		for _, name := range c.Leaf.DNSNames {
			name = strings.ToLower(name)
			s.byName[name] = append(s.byName[name], c)
		}
	}
	k.next.Store(k.clock.Now().Add(checkEvery).UnixNano())
	k.shown.Store(s)
}

// Reload reads every pair that has changed since it was read. A pair that fails keeps its old certificate, and its failure is
// returned with the others'.
func (k *Keeper) Reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reload()
}

// reload wants mu held.
func (k *Keeper) reload() error {
	old := k.shown.Load()
	s := &shelf{stamps: append([]stamp(nil), old.stamps...), certs: append([]*tls.Certificate(nil), old.certs...)}
	var errs []error
	changed := false
	for i, p := range k.pairs {
		st, err := look(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if st == old.stamps[i] {
			continue
		}
		cert, st, err := load(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.certs[i], s.stamps[i] = cert, st
		changed = true
		k.log.Info("certificate read again", "file", p.Cert, "names", cert.Leaf.DNSNames, "expires", cert.Leaf.NotAfter)
	}
	if changed {
		k.show(s)
	}
	return errors.Join(errs...)
}

// checkSoon lets one handshake every checkEvery look at the files.
func (k *Keeper) checkSoon() {
	now, due := k.clock.Now().UnixNano(), k.next.Load()
	if now < due || !k.next.CompareAndSwap(due, now+int64(checkEvery)) || !k.mu.TryLock() {
		return
	}
	defer k.mu.Unlock()
	if err := k.reload(); err != nil {
		k.log.Error("certificate not read again; the old one stays", "err", err)
	}
}

// TLSConfig is the configuration of a server. It may be shared.
func (k *Keeper) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // RFC 8997, RFC 9325 section 3.1.1
		// Small records at the beginning of a connection are for browsers that begin to draw. Here each is a write of its own.
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			k.checkSoon()
			return k.choose(h.ServerName, h.SupportsCertificate), nil
		},
	}
}

// choose finds the first certificate with the name that suits, else with a wildcard for it, else the first of all.
func (k *Keeper) choose(name string, suits func(*tls.Certificate) error) *tls.Certificate {
	s := k.shown.Load()
	name = strings.ToLower(name)
	_, parent, _ := strings.Cut(name, ".")
	for _, want := range [...]string{name, "*." + parent} {
		for _, c := range s.byName[want] {
			if suits(c) == nil {
				return c
			}
		}
	}
	for _, c := range s.certs {
		if suits(c) == nil {
			return c
		}
	}
	return s.certs[0]
}

// Leaves are the certificates shown now, the first first.
func (k *Keeper) Leaves() []*x509.Certificate {
	s := k.shown.Load()
	out := make([]*x509.Certificate, len(s.certs))
	for i, c := range s.certs {
		out[i] = c.Leaf
	}
	return out
}
