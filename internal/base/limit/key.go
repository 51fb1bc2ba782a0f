package limit

import (
	"net/netip"
	"strings"
)

// Key is whom a limit counts.
type Key string

// ByAddress counts an IPv4 address alone and IPv6 addresses by their /64, as one customer commonly has a whole /64.
func ByAddress(a netip.Addr) Key {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	return Key(a.AsSlice())
}

// ByName counts an account or a login name, whatever its case.
func ByName(name string) Key { return Key("n:" + strings.ToLower(name)) }
