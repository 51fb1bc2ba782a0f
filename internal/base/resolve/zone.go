package resolve

import (
	"context"
	"errors"
	"net/netip"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

var errNotYet = errors.New("not yet")

// Zone is a Resolver that answers from records. It is safe for concurrent use.
type Zone struct{}

// ParseZone reads zone-file text (RFC 1035 section 5). Names without a final dot are below origin ("" for the root). It need
// not have a SOA record.
func ParseZone(text, origin string) (*Zone, error) { return &Zone{}, nil }

// MustZone is ParseZone for tests and texts known to be right: it panics on an error.
func MustZone(text string) *Zone { return &Zone{} }

// Add adds records to the zone.
func (z *Zone) Add(text string) error { return errNotYet }

// Break makes every question about a name and those below it fail temporarily, until Mend.
func (z *Zone) Break(name string) {}

// Mend ends Break.
func (z *Zone) Mend(name string) {}

// MX implements Resolver.
func (z *Zone) MX(ctx context.Context, d mail.Domain) (MXAnswer, error) { return MXAnswer{}, errNotYet }

// Addrs implements Resolver.
func (z *Zone) Addrs(ctx context.Context, host string) ([]netip.Addr, bool, error) {
	return nil, false, errNotYet
}

// TXT implements Resolver.
func (z *Zone) TXT(ctx context.Context, name string) ([]string, error) { return nil, errNotYet }

// PTR implements Resolver.
func (z *Zone) PTR(ctx context.Context, a netip.Addr) ([]string, error) { return nil, errNotYet }

// TLSA implements Resolver.
func (z *Zone) TLSA(ctx context.Context, name string) ([]TLSA, bool, error) { return nil, false, errNotYet }

// Server is a name server that serves a zone.
type Server struct{}

// Serve answers questions about the zone over UDP and TCP on one address, which must be on loopback; port 0 takes a free one. It
// runs until Close.
func Serve(z *Zone, addr string) (*Server, error) { return &Server{}, errNotYet }

// Addr is where the server answers.
func (s *Server) Addr() netip.AddrPort { return netip.AddrPort{} }

// Close ends the server and waits for its goroutines.
func (s *Server) Close() error { return nil }
