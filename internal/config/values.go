package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Host is a domain name written in the file.
type Host struct{ mail.Domain }

// UnmarshalText reads a name with Unicode or A-labels.
func (h *Host) UnmarshalText(b []byte) error {
	d, err := mail.ParseDomain(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a host name", b)
	}
	if _, literal := d.Literal(); literal {
		return fmt.Errorf("%q is an address; a host name is needed", b)
	}
	if !d.Conforms() {
		return fmt.Errorf("%q is not a host name", b)
	}
	h.Domain = d
	return nil
}

// Addr is where to listen, in the terms of net.Listen.
type Addr struct {
	Network string // "tcp" or "unix"
	Address string
}

// TCP is host:port or :port.
func TCP(address string) Addr { return Addr{Network: "tcp", Address: address} }

// UnmarshalText reads "host:port", ":port" or "unix:/path".
func (a *Addr) UnmarshalText(b []byte) error {
	s := string(b)
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return errors.New("unix: needs a path")
		}
		*a = Addr{Network: "unix", Address: path}
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not host:port, :port or unix:/path", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port number", s)
	}
	*a = TCP(s)
	return nil
}

// Network is addresses that belong together.
type Network struct{ netip.Prefix }

// UnmarshalText reads "10.0.0.0/8" or a single address.
func (n *Network) UnmarshalText(b []byte) error {
	if a, err := netip.ParseAddr(string(b)); err == nil && a.Zone() == "" {
		n.Prefix = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(b))
	if err != nil {
		return fmt.Errorf("%q is not an address or a network such as \"10.0.0.0/8\"", b)
	}
	n.Prefix = p.Masked()
	return nil
}

// Prefixes are networks in the terms of net/netip.
func Prefixes(networks []Network) []netip.Prefix {
	out := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		out[i] = n.Prefix
	}
	return out
}

// Size is a number of bytes: "50 MiB", "100MB", "4096".
type Size int64

var sizeUnits = []struct {
	name   string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// UnmarshalText reads a number with an optional unit.
func (z *Size) UnmarshalText(b []byte) error {
	s, factor := strings.TrimSpace(string(b)), int64(1)
	for _, u := range sizeUnits {
		if len(s) > len(u.name) && strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			s, factor = strings.TrimSpace(s[:len(s)-len(u.name)]), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return fmt.Errorf("%q is not a size such as \"50 MiB\"", b)
	}
	*z = Size(n * factor)
	return nil
}

// ParseSize reads a size as in the file.
func ParseSize(s string) (Size, error) {
	var z Size
	err := z.UnmarshalText([]byte(s))
	return z, err
}

// Duration is a length of time: Go's forms ("90s", "4h", "1h30m") and days ("5d").
type Duration time.Duration

// UnmarshalText reads a length of time that is not negative.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a time such as \"5d\"", s)
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a time such as \"4h\" or \"5d\"", s)
	}
	*d = Duration(v)
	return nil
}

// Std is the same as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Format is how log lines look.
type Format obs.Format

// UnmarshalText reads text or json.
func (f *Format) UnmarshalText(b []byte) error {
	switch string(b) {
	case "text":
		*f = Format(obs.FormatText)
	case "json":
		*f = Format(obs.FormatJSON)
	default:
		return fmt.Errorf("%q is not text or json", b)
	}
	return nil
}

// RouteTLS is how a route's connection is protected.
type RouteTLS uint8

// The ways. RouteAuto is RouteRequire with a login and RouteOpportunistic without.
const (
	RouteAuto RouteTLS = iota
	RouteOpportunistic
	RouteRequire
	RouteImplicit
	RouteClear
)

// UnmarshalText reads opportunistic, require, implicit or none.
func (r *RouteTLS) UnmarshalText(b []byte) error {
	switch string(b) {
	case "opportunistic":
		*r = RouteOpportunistic
	case "require":
		*r = RouteRequire
	case "implicit":
		*r = RouteImplicit
	case "none":
		*r = RouteClear
	default:
		return fmt.Errorf("%q is not opportunistic, require, implicit or none", b)
	}
	return nil
}

// Obs is the format in the log's terms.
func (f Format) Obs() obs.Format { return obs.Format(f) }

// RouteProtocol is what a route's server speaks.
type RouteProtocol uint8

// The protocols.
const (
	RouteSMTP RouteProtocol = iota
	RouteLMTP
)

// UnmarshalText reads smtp or lmtp.
func (r *RouteProtocol) UnmarshalText(b []byte) error {
	switch string(b) {
	case "smtp":
		*r = RouteSMTP
	case "lmtp":
		*r = RouteLMTP
	default:
		return fmt.Errorf("%q is not smtp or lmtp", b)
	}
	return nil
}
