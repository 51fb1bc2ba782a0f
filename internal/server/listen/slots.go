package listen

import (
	"net/netip"
	"sync"
)

// slots counts open connections, in all and by client.
type slots struct {
	max, maxPerAddr int
	exempt          []netip.Prefix

	mu     sync.Mutex // guards what follows
	total  int
	byAddr map[netip.Addr]int
}

func newSlots(cfg Config) *slots {
	return &slots{max: cfg.MaxConns, maxPerAddr: cfg.MaxPerAddr, exempt: cfg.Exempt, byAddr: map[netip.Addr]int{}}
}

func (s *slots) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// take counts a connection; release must be called when it ends. Not ok means a limit is reached.
func (s *slots) take(a netip.Addr) (release func(), ok bool) {
	counted := a.IsValid() && !contains(s.exempt, a)
	key := client(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= s.max || counted && s.byAddr[key] >= s.maxPerAddr {
		return nil, false
	}
	s.total++
	if counted {
		s.byAddr[key]++
	}
	return func() { s.give(key, counted) }, true
}

func (s *slots) give(key netip.Addr, counted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if !counted {
		return
	}
	if s.byAddr[key]--; s.byAddr[key] == 0 {
		delete(s.byAddr, key)
	}
}

// client is what counts as one client: an IPv4 address, or the /64 that one IPv6 customer has to itself.
func client(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
