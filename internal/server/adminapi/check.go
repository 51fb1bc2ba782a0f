package adminapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Level is how bad a finding is.
type Level string

// The levels: all is well; it works, but somebody should look; it does not work.
const (
	Good Level = "good"
	Warn Level = "warn"
	Bad  Level = "bad"
)

// Finding is one sentence about the server, to be said in the reader's language.
type Finding struct {
	Level Level    `json:"level"`
	Key   text.Key `json:"key"`
	Args  []string `json:"args,omitempty"`
}

// Say is the finding in words.
func (f Finding) Say(l text.Lang) string {
	args := make([]any, len(f.Args))
	for i, a := range f.Args {
		args[i] = a
	}
	return text.Say(l, f.Key, args...)
}

// Depth is how thorough a check is.
type Depth string

// The depths: Quick leaves out reading the whole store.
const (
	Full  Depth = "full"
	Quick Depth = "quick"
)

// CheckWhat asks for a check.
type CheckWhat struct {
	Depth Depth `json:"depth"`
}

// CheckSummary counts findings.
type CheckSummary struct {
	Warnings int `json:"warnings"`
	Problems int `json:"problems"`
}

// soon is how long before its end a certificate should be renewed.
const soon = 14 * 24 * time.Hour

// checker gathers the findings of one check.
type checker struct {
	*Admin
	tell    func(Finding) error
	summary CheckSummary
}

// Check looks at ports, certificates, DNS and the store, and tells each finding when it is made.
func (a *Admin) Check(ctx context.Context, q CheckWhat, tell func(Finding) error) (CheckSummary, error) {
	c := &checker{Admin: a, tell: tell}
	for _, part := range []func(context.Context) error{c.ports, c.private, c.certificates, c.hostname, c.domains} {
		if err := part(ctx); err != nil {
			return c.summary, err
		}
	}
	if q.Depth == Quick {
		return c.summary, nil
	}
	return c.summary, c.store(ctx)
}

func (c *checker) find(l Level, k text.Key, args ...string) error {
	switch l {
	case Warn:
		c.summary.Warnings++
	case Bad:
		c.summary.Problems++
	case Good:
	}
	return c.tell(Finding{Level: l, Key: k, Args: args})
}

func (c *checker) ports(ctx context.Context) error {
	open := c.parts.Listeners()
	if len(open) == 0 {
		return c.find(Warn, text.CheckNotRunning)
	}
	names := make([]string, 0, len(open))
	for name := range open {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		addr := open[name]
		if err := knock(ctx, addr); err != nil {
			if err := c.find(Bad, text.CheckPortClosed, name, addr.String(), err.Error()); err != nil {
				return err
			}
			continue
		}
		if err := c.find(Good, text.CheckPortOpen, name, addr.String()); err != nil {
			return err
		}
	}
	return nil
}

// knock connects to a socket of ours; one on all addresses is reached through loopback.
func knock(ctx context.Context, addr net.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	target := addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		target = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, addr.Network(), target)
	if err != nil {
		return err
	}
	return conn.Close()
}

// private looks at who may log in without TLS: nobody from networks that others send through.
func (c *checker) private(context.Context) error {
	for _, p := range c.parts.Private {
		if inside(p) {
			continue
		}
		if err := c.find(Warn, text.CheckLoginsInClear, p.String()); err != nil {
			return err
		}
	}
	return nil
}

// inside reports whether a whole network is this machine's own or a private one (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3,
// RFC 1918, RFC 4193).
func inside(p netip.Prefix) bool {
	for _, own := range []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} {
		if o := netip.MustParsePrefix(own); o.Contains(p.Addr()) && p.Bits() >= o.Bits() {
			return true
		}
	}
	return false
}

func (c *checker) certificates(_ context.Context) error {
	now, host := c.parts.Clock.Now(), string(c.parts.Hostname)
	named := false
	for _, leaf := range c.parts.Certs.Leaves() {
		names := strings.Join(leaf.DNSNames, ", ")
		level, key := Good, text.CheckCertificateGood
		switch {
		case now.After(leaf.NotAfter):
			level, key = Bad, text.CheckCertificateExpired
		case leaf.NotAfter.Sub(now) < soon:
			level, key = Warn, text.CheckCertificateSoon
		case selfSigned(leaf):
			level, key = Warn, text.CheckCertificateOwn
		}
		if err := c.find(level, key, names, leaf.NotAfter.UTC().Format(time.DateOnly)); err != nil {
			return err
		}
		named = named || leaf.VerifyHostname(host) == nil
	}
	if !named {
		return c.find(Warn, text.CheckCertificateName, host)
	}
	return nil
}

func selfSigned(leaf *x509.Certificate) bool { return bytes.Equal(leaf.RawIssuer, leaf.RawSubject) }

func (c *checker) hostname(ctx context.Context) error {
	host := string(c.parts.Hostname)
	addrs, _, err := c.parts.Resolver.Addrs(ctx, host)
	if err != nil && !resolve.IsNotFound(err) {
		return c.find(Bad, text.CheckDNSFails, host, err.Error())
	}
	if len(addrs) == 0 {
		return c.find(Bad, text.CheckHostUnknown, host)
	}
	for _, a := range addrs {
		names, err := c.parts.Resolver.PTR(ctx, a)
		if err != nil && !resolve.IsNotFound(err) {
			err = c.find(Warn, text.CheckDNSFails, a.String(), err.Error())
		} else if slices.Contains(names, host) {
			err = c.find(Good, text.CheckReverseGood, host, a.String())
		} else {
			err = c.find(Warn, text.CheckReverseOther, a.String(), host)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) domains(ctx context.Context) error {
	ours, _, _ := c.parts.Resolver.Addrs(ctx, string(c.parts.Hostname)) // hostname has told of failures
	var after mail.Domain
	count := 0
	for {
		page, err := c.parts.Directory.Domains(ctx, after, pageSize)
		if err != nil {
			return err
		}
		for _, d := range page {
			count++
			if err := c.domain(ctx, d.Name, ours); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			break
		}
		after = page[len(page)-1].Name
	}
	if count == 0 {
		return c.find(Warn, text.CheckNoDomains)
	}
	return nil
}

// domain checks that mail for a domain is sent here: one of its MX is this server by name or by address.
func (c *checker) domain(ctx context.Context, d mail.Domain, ours []netip.Addr) error {
	mx, err := c.parts.Resolver.MX(ctx, d)
	switch {
	case resolve.IsNotFound(err):
		return c.find(Bad, text.CheckDomainUnknown, d.Unicode())
	case err != nil:
		return c.find(Bad, text.CheckDNSFails, d.Unicode(), err.Error())
	case mx.Null:
		return c.find(Bad, text.CheckDomainNull, d.Unicode())
	}
	hosts := []string{string(d)} // the implicit MX
	if len(mx.Hosts) > 0 {
		hosts = hosts[:0]
		for _, h := range mx.Hosts {
			hosts = append(hosts, h.Host)
		}
	}
	for _, h := range hosts {
		if h == string(c.parts.Hostname) {
			return c.find(Good, text.CheckDomainGood, d.Unicode(), h)
		}
		addrs, _, err := c.parts.Resolver.Addrs(ctx, h)
		if err == nil && slices.ContainsFunc(addrs, func(a netip.Addr) bool { return slices.Contains(ours, a) }) {
			return c.find(Good, text.CheckDomainGood, d.Unicode(), h)
		}
	}
	return c.find(Bad, text.CheckDomainElsewhere, d.Unicode(), strings.Join(hosts, ", "), string(c.parts.Hostname))
}
