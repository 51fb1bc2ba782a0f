package resolve

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Zone is a Resolver that answers from records, for all the names there are: what it does not hold does not exist. It is safe for
// concurrent use.
type Zone struct {
	questions
	mu      sync.RWMutex
	records map[string][]dns.RR // guarded by mu; by lower-case name with its final dot
	exists  map[string]int      // guarded by mu; names that exist, records or not, and how many records are at or below
	broken  map[string]bool     // guarded by mu
	secure  bool                // guarded by mu
}

// zoneTTL is the TTL of records that state none, in seconds.
const zoneTTL = 60

// ParseZone reads zone-file text (RFC 1035 section 5). Names without a final dot are below origin ("" for the root). It need
// not have a SOA record.
func ParseZone(text, origin string) (*Zone, error) {
	z := &Zone{records: make(map[string][]dns.RR), exists: make(map[string]int), broken: make(map[string]bool)}
	z.ask = z.answer
	if err := z.add(text, origin); err != nil {
		return nil, err
	}
	return z, nil
}

// MustZone is ParseZone for tests and texts known to be right: it panics on an error.
func MustZone(text string) *Zone {
	z, err := ParseZone(text, "")
	if err != nil {
		panic(err)
	}
	return z
}

// Add adds records to the zone; names are from the root.
func (z *Zone) Add(text string) error { return z.add(text, "") }

// Remove takes all records of a name away.
func (z *Zone) Remove(name string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	name = fqdn(name)
	n := len(z.records[name])
	delete(z.records, name)
	eachParent(name, func(p string) {
		if z.exists[p] -= n; z.exists[p] <= 0 {
			delete(z.exists, p)
		}
	})
}

func (z *Zone) add(text, origin string) error {
	p := dns.NewZoneParser(strings.NewReader(text), dns.Fqdn(origin), "")
	p.SetDefaultTTL(zoneTTL)
	var rrs []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rrs = append(rrs, rr)
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("resolve: read zone: %w", err)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, rr := range rrs {
		name := fqdn(rr.Header().Name)
		rr.Header().Name = name
		z.records[name] = append(z.records[name], rr)
		eachParent(name, func(p string) { z.exists[p]++ })
	}
	return nil
}

// eachParent calls fn for the name and all above it.
func eachParent(name string, fn func(string)) {
	for {
		fn(name)
		if name == "." {
			return
		}
		name = parent(name)
	}
}

func parent(name string) string {
	if _, rest, _ := strings.Cut(name, "."); rest != "" {
		return rest
	}
	return "."
}

// Break makes every question about a name and those below it fail temporarily, until Mend.
func (z *Zone) Break(name string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.broken[fqdn(name)] = true
}

// Mend ends Break.
func (z *Zone) Mend(name string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.broken, fqdn(name))
}

// Sign makes all answers secure, as if proven by DNSSEC.
func (z *Zone) Sign() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.secure = true
}

// answer implements ask.
func (z *Zone) answer(ctx context.Context, name string, qtype uint16) (answer, error) {
	e := &Error{Name: bare(name), Type: dns.TypeToString[qtype]}
	if e.Err = ctx.Err(); e.Err != nil {
		return answer{}, e
	}
	section, rcode, secure := z.find(name, qtype)
	switch rcode {
	case dns.RcodeNameError:
		e.NotFound = true
		return answer{}, e
	case dns.RcodeServerFailure:
		return answer{}, e
	}
	records, err := chase(section, name, qtype)
	if err != nil {
		e.Err = err
		return answer{}, e
	}
	return answer{records: records, secure: secure}, nil
}

// find gives the answer section for a question: CNAMEs on the way, then the records.
func (z *Zone) find(name string, qtype uint16) (section []dns.RR, rcode int, secure bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	for range maxChain {
		if z.isBroken(name) {
			return nil, dns.RcodeServerFailure, z.secure
		}
		rrs, ok := z.at(name)
		if !ok {
			return section, dns.RcodeNameError, z.secure
		}
		target := ""
		found := false
		for _, rr := range rrs {
			c, isAlias := rr.(*dns.CNAME)
			if rr.Header().Rrtype == qtype {
				found = true
				section = append(section, rr)
			} else if isAlias {
				section = append(section, rr)
				target = fqdn(c.Target)
			}
		}
		if found || target == "" {
			return section, dns.RcodeSuccess, z.secure
		}
		name = target
	}
	return nil, dns.RcodeServerFailure, z.secure
}

// at gives the records of a name, or of the wildcard that covers it (RFC 4592); false if the name does not exist. It
// wants mu held.
func (z *Zone) at(name string) ([]dns.RR, bool) {
	if z.exists[name] > 0 {
		return z.records[name], true
	}
	for p := parent(name); ; p = parent(p) {
		if rrs := z.records["*."+p]; len(rrs) > 0 {
			return renamed(rrs, name), true
		}
		if p == "." || z.exists[p] > 0 {
			return nil, false
		}
	}
}

func renamed(rrs []dns.RR, name string) []dns.RR {
	out := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = name
	}
	return out
}

// isBroken wants mu held.
func (z *Zone) isBroken(name string) bool {
	broken := false
	eachParent(name, func(p string) { broken = broken || z.broken[p] })
	return broken
}
