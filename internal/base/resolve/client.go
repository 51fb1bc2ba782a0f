package resolve

import (
	"context"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Options configure a Client. The zero value asks the servers of /etc/resolv.conf.
type Options struct {
	// Servers are asked in this order; empty: those of ResolvConf.
	Servers []netip.AddrPort
	// ResolvConf is the file that names the servers if Servers is empty; default /etc/resolv.conf.
	ResolvConf string
	// Trusted are servers whose AD bit is believed besides those on loopback.
	Trusted []netip.Addr
	// Timeout is for one try at one server; default 3 s. Attempts is how often the list is gone through; default 2.
	Timeout  time.Duration
	Attempts int
	// CacheEntries bounds the cache; default 20,000. Negative: none.
	CacheEntries int
	Clock        clock.Clock // default the real one
}

// Client asks name servers.
type Client struct{}

// New makes a Client. It fails if there is no usable server.
func New(o Options) (*Client, error) { return &Client{}, nil }

// MX implements Resolver.
func (c *Client) MX(ctx context.Context, d mail.Domain) (MXAnswer, error) {
	return MXAnswer{}, errNotYet
}

// Addrs implements Resolver.
func (c *Client) Addrs(ctx context.Context, host string) ([]netip.Addr, bool, error) {
	return nil, false, errNotYet
}

// TXT implements Resolver.
func (c *Client) TXT(ctx context.Context, name string) ([]string, error) { return nil, errNotYet }

// PTR implements Resolver.
func (c *Client) PTR(ctx context.Context, a netip.Addr) ([]string, error) { return nil, errNotYet }

// TLSA implements Resolver.
func (c *Client) TLSA(ctx context.Context, name string) ([]TLSA, bool, error) {
	return nil, false, errNotYet
}
