package route

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Bounds on what is tried for one domain.
const (
	maxHosts = 10
	maxAddrs = 6 // of one host
)

// Security is how a connection is to be encrypted.
type Security uint8

// The ways. The zero value is the one for mail exchangers.
const (
	// Opportunistic uses STARTTLS if it is offered and goes on in clear text if it fails (RFC 7435).
	Opportunistic Security = iota
	// StartTLS demands STARTTLS and a certificate in the host's name.
	StartTLS
	// Implicit speaks TLS from the first octet (RFC 8314) and demands a certificate in the host's name.
	Implicit
	// Clear never encrypts: for a server on this machine.
	Clear
)

// Protocol is what is spoken with the next server.
type Protocol uint8

// The protocols.
const (
	SMTP Protocol = iota
	LMTP          // RFC 2033: it answers for each recipient after the content
)

// Smarthost is a server that carries mail on for us.
type Smarthost struct {
	Host     string // a name, whose MX records are not asked for, or an IP address
	Port     uint16 // 0: 465 for Implicit, 24 for LMTP, 587 with a login, otherwise 25
	Security Security
	Protocol Protocol
	// Login is the name to log in with; empty for none. PasswordFile holds the password in its first line.
	Login, PasswordFile string
}

// Rule sends a domain's mail through a smarthost.
type Rule struct {
	Domain mail.Domain // empty for every domain that has no rule of its own
	Via    Smarthost
}

// Options configure a Router.
type Options struct {
	Resolver resolve.Resolver // required
	Rules    []Rule
	// Names are the host names under which we are a mail exchanger ourselves.
	Names []string
	// Port is that of mail exchangers; default 25.
	Port uint16
	// Shuffle puts equal preferences in random order; default math/rand.
	Shuffle func(n int, swap func(i, j int))
}

// Router finds routes. It is safe for concurrent use.
type Router struct {
	o     Options
	rules map[mail.Domain]*Smarthost
	keys  map[Smarthost]string
	names map[string]bool
}

// New makes a router.
func New(o Options) *Router {
	o.Port = cmp.Or(o.Port, 25)
	if o.Shuffle == nil {
		o.Shuffle = rand.Shuffle
	}
	r := &Router{o: o, rules: make(map[mail.Domain]*Smarthost), keys: make(map[Smarthost]string), names: make(map[string]bool)}
	for _, rule := range o.Rules {
		via := rule.Via
		via.Port = cmp.Or(via.Port, defaultPort(via))
		r.rules[rule.Domain] = &via
		if r.keys[via] == "" {
			r.keys[via] = r.newKey(&via)
		}
	}
	for _, n := range o.Names {
		r.names[strings.ToLower(strings.TrimSuffix(n, "."))] = true
	}
	return r
}

// newKey names a smarthost. Two that differ in anything, their logins above all, have different names: connections are shared by name.
func (r *Router) newKey(s *Smarthost) string {
	name := fmt.Sprintf("%s:%d", s.Host, s.Port)
	if s.Login != "" {
		name = s.Login + "@" + name
	}
	taken := 0
	for other := range r.keys {
		if other.Host == s.Host && other.Port == s.Port && other.Login == s.Login {
			taken++
		}
	}
	if taken > 0 {
		name += fmt.Sprintf(" (%d)", taken+1)
	}
	return name
}

func defaultPort(s Smarthost) uint16 {
	switch {
	case s.Protocol == LMTP:
		return 24
	case s.Security == Implicit:
		return 465
	case s.Login != "":
		return 587
	}
	return 25
}

// Route is how a domain is reached.
type Route struct {
	Key       string
	Smarthost *Smarthost // nil if the servers are the domain's own; shared, do not change
	Hosts     []Host     // in the order in which they are to be tried
	Secure    bool       // the hosts' names were proven by DNSSEC
}

// Host is one server to try.
type Host struct {
	Name string // a name or, for a literal, the IP address
	Pref uint16
	Port uint16
	ours bool // the administrator named it, not the DNS
}

func (r *Router) smarthost(d mail.Domain) *Smarthost {
	if s := r.rules[d]; s != nil {
		return s
	}
	if _, literal := d.Literal(); literal && r.rules[""] == nil {
		return nil
	}
	return r.rules[""]
}

// Routed reports whether the domain is reached by a rule, whatever the DNS says of it.
func (r *Router) Routed(d mail.Domain) bool { return r.smarthost(d) != nil }

// Key is the same for domains that share their route. It needs no I/O.
func (r *Router) Key(d mail.Domain) string {
	if s := r.smarthost(d); s != nil {
		return r.keys[*s]
	}
	return string(d)
}

// Route finds the servers of a domain. Errors are faults of KindNoSuchDomain, KindNoMail, KindLoop, KindBadAddress or, if the
// DNS cannot say now, KindUnavailable.
func (r *Router) Route(ctx context.Context, d mail.Domain) (Route, error) {
	out := Route{Key: r.Key(d)}
	if s := r.smarthost(d); s != nil {
		out.Smarthost = s
		out.Hosts = []Host{{Name: s.Host, Port: s.Port, ours: true}}
		return out, nil
	}
	if a, ok := d.Literal(); ok {
		out.Hosts = []Host{{Name: a.String(), Port: r.o.Port}}
		return out, nil
	}
	mx, err := r.o.Resolver.MX(ctx, d)
	switch {
	case resolve.IsNotFound(err):
		return out, mail.Failed(mail.KindNoSuchDomain, "the domain "+string(d)+" does not exist", err)
	case err != nil:
		return out, mail.Failed(mail.KindUnavailable, "the mail servers of "+string(d)+" cannot be looked up now", err)
	case mx.Null:
		return out, mail.Refuse(mail.KindNoMail, "the domain "+string(d)+" does not take mail")
	}
	out.Secure = mx.Secure
	hosts := mx.Hosts
	if len(hosts) == 0 {
		hosts = []resolve.MX{{Host: string(d)}} // the implicit MX
	}
	out.Hosts = r.order(hosts)
	if len(out.Hosts) == 0 {
		return out, mail.Refuse(mail.KindLoop, "this server is the best mail server of "+string(d)+" but does not know the domain")
	}
	return out, nil
}

// order sorts by preference, equal ones at random, and cuts what is as far as we are, or farther.
func (r *Router) order(mxs []resolve.MX) []Host {
	mxs = slices.Clone(mxs)
	r.o.Shuffle(len(mxs), func(i, j int) { mxs[i], mxs[j] = mxs[j], mxs[i] })
	slices.SortStableFunc(mxs, func(a, b resolve.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	for _, mx := range mxs {
		if r.names[mx.Host] {
			mxs = mxs[:slices.IndexFunc(mxs, func(o resolve.MX) bool { return o.Pref >= mx.Pref })]
			break
		}
	}
	var out []Host
	for _, mx := range mxs[:min(len(mxs), maxHosts)] {
		out = append(out, Host{Name: mx.Host, Pref: mx.Pref, Port: r.o.Port})
	}
	return out
}

// Addrs gives a host's addresses in the order in which they are to be tried: IPv6 and IPv4 in turn, so that a broken family
// costs one try. Errors are faults of KindNoSuchDomain (the host has no address) or KindUnavailable.
func (r *Router) Addrs(ctx context.Context, h Host) ([]netip.AddrPort, error) {
	if a, err := netip.ParseAddr(h.Name); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a, h.Port)}, nil
	}
	if h.ours && isLocalhost(h.Name) {
		return []netip.AddrPort{
			netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), h.Port), netip.AddrPortFrom(netip.IPv6Loopback(), h.Port),
		}, nil
	}
	addrs, _, err := r.o.Resolver.Addrs(ctx, h.Name)
	if resolve.IsTemporary(err) {
		return nil, mail.Failed(mail.KindUnavailable, "the address of "+h.Name+" cannot be looked up now", err)
	}
	if len(addrs) == 0 {
		return nil, mail.Failed(mail.KindNoSuchDomain, "the server "+h.Name+" has no address", err)
	}
	addrs = slices.DeleteFunc(slices.Clone(addrs), nowhere)
	if len(addrs) == 0 {
		return nil, mail.Refuse(mail.KindNoSuchDomain, "the server "+h.Name+" has no address")
	}
	r.o.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	var six, four []netip.Addr
	for _, a := range addrs {
		if a.Is4() || a.Is4In6() {
			four = append(four, a)
			continue
		}
		six = append(six, a)
	}
	var out []netip.AddrPort
	for i := 0; len(out) < maxAddrs && (i < len(six) || i < len(four)); i++ {
		if i < len(six) {
			out = append(out, netip.AddrPortFrom(six[i], h.Port))
		}
		if i < len(four) && len(out) < maxAddrs {
			out = append(out, netip.AddrPortFrom(four[i], h.Port))
		}
	}
	return out, nil
}

// nowhere reports whether an address is no server's: the system would take us for the unspecified one.
func nowhere(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// isLocalhost reports whether a name means this machine without asking the DNS (RFC 6761 section 6.3).
func isLocalhost(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
