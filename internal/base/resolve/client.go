package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/singleflight"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
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
	Clock        clock.Clock // for the cache; default the real one
}

// Bounds on how long an answer is believed, whatever its TTL.
const (
	minTTL      = 5 * time.Second
	maxTTL      = 6 * time.Hour
	maxNegative = 15 * time.Minute
	failureTTL  = 2 * time.Second // RFC 9520: a failure is remembered too, shortly
)

// udpSize is what the world can carry unfragmented (RFC 9715).
const udpSize = 1232

var (
	errMismatch  = errors.New("the answer is to another question")
	errTruncated = errors.New("the answer is cut short")
)

// Client asks name servers. It is safe for concurrent use; equal questions at one time are asked once.
type Client struct {
	questions
	o       Options
	cache   *cache
	flights singleflight.Group
	sockets map[netip.AddrPort]*sockets
}

// New makes a Client. It fails if the file that names the servers cannot be read.
func New(o Options) (*Client, error) {
	if len(o.Servers) == 0 {
		servers, err := serversOf(cmp.Or(o.ResolvConf, "/etc/resolv.conf"))
		if err != nil {
			return nil, err
		}
		o.Servers = servers
	}
	o.Timeout = cmp.Or(o.Timeout, 3*time.Second)
	o.Attempts = cmp.Or(o.Attempts, 2)
	o.CacheEntries = cmp.Or(o.CacheEntries, 20_000)
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	c := &Client{o: o, cache: newCache(o.CacheEntries), sockets: make(map[netip.AddrPort]*sockets)}
	for _, s := range o.Servers {
		c.sockets[s] = &sockets{server: s}
	}
	c.ask = c.cached
	return c, nil
}

// serversOf reads a resolv.conf. Without one, or without servers in it, it is the server on this machine (resolv.conf(5)).
func serversOf(path string) ([]netip.AddrPort, error) {
	local := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)}
	conf, err := dns.ClientConfigFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return local, nil
	}
	if err != nil {
		return nil, fmt.Errorf("resolve: read name servers: %w", err)
	}
	var out []netip.AddrPort
	for _, s := range conf.Servers {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.AddrPortFrom(a, 53))
		}
	}
	if len(out) == 0 {
		return local, nil
	}
	return out, nil
}

// cached answers from the cache, or asks once for all who want to know the same now.
func (c *Client) cached(ctx context.Context, name string, qtype uint16) (answer, error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return answer{}, &Error{Name: bare(name), Type: dns.TypeToString[qtype], NotFound: true}
	}
	q := question{name, qtype}
	if r, ok := c.cache.get(q, c.o.Clock.Now()); ok {
		return r.answer, r.err
	}
	// The question outlives a caller who gives up: others may wait for it. Its own time limits end it.
	flight := c.flights.DoChan(fmt.Sprint(qtype, " ", name), func() (any, error) {
		r := c.lookUp(context.WithoutCancel(ctx), q)
		if r.until.After(c.o.Clock.Now()) {
			c.cache.put(q, r)
		}
		return r, nil
	})
	select {
	case res := <-flight:
		r, _ := res.Val.(remembered)
		return r.answer, r.err
	case <-ctx.Done():
		return answer{}, &Error{Name: bare(name), Type: dns.TypeToString[qtype], Err: ctx.Err()}
	}
}

// lookUp asks the servers in turn until one knows.
func (c *Client) lookUp(ctx context.Context, q question) remembered {
	var errs []error
	for range c.o.Attempts {
		for _, server := range c.o.Servers {
			reply, err := c.exchange(ctx, server, q)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", server, err))
				continue
			}
			if reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError {
				return c.read(q, server, reply)
			}
			errs = append(errs, fmt.Errorf("%s: %s", server, dns.RcodeToString[reply.Rcode]))
		}
	}
	return remembered{
		err:   &Error{Name: bare(q.name), Type: dns.TypeToString[q.qtype], Err: errors.Join(errs...)},
		until: c.o.Clock.Now().Add(failureTTL),
	}
}

// read takes what matters out of a reply, with the time it may be believed.
func (c *Client) read(q question, server netip.AddrPort, reply *dns.Msg) remembered {
	secure := reply.AuthenticatedData && (server.Addr().IsLoopback() || slices.Contains(c.o.Trusted, server.Addr()))
	now := c.o.Clock.Now()
	records, err := chase(reply.Answer, q.name, q.qtype)
	if err != nil {
		return remembered{err: &Error{Name: bare(q.name), Type: dns.TypeToString[q.qtype], Err: err}, until: now.Add(failureTTL)}
	}
	r := remembered{answer: answer{records: records, secure: secure}}
	if reply.Rcode == dns.RcodeNameError {
		r.answer.records = nil
		r.err = &Error{Name: bare(q.name), Type: dns.TypeToString[q.qtype], NotFound: true}
	}
	if len(r.answer.records) > 0 {
		r.until = now.Add(min(max(lowestTTL(reply.Answer), minTTL), maxTTL))
		return r
	}
	for _, rr := range reply.Ns { // RFC 2308 section 5: only a SOA makes absence last
		if soa, ok := rr.(*dns.SOA); ok {
			ttl := time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
			r.until = now.Add(min(max(ttl, minTTL), maxNegative))
		}
	}
	return r
}

func lowestTTL(rrs []dns.RR) time.Duration {
	ttl := rrs[0].Header().Ttl
	for _, rr := range rrs[1:] {
		ttl = min(ttl, rr.Header().Ttl)
	}
	return time.Duration(ttl) * time.Second
}
