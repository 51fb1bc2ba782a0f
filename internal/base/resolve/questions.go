package resolve

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Bounds on what is taken from one answer. A domain that has more is no worse off: the best are kept.
const (
	maxRecords = 64
	maxChain   = 10 // CNAMEs followed
)

// answer is the records of the type asked for, at the end of the chain of CNAMEs. It is shared and not changed.
type answer struct {
	records []dns.RR
	secure  bool
}

// questions turns single DNS questions into a Resolver.
type questions struct {
	// ask gives the answer to one question, or an *Error. name is a lower-case name with its final dot.
	ask func(ctx context.Context, name string, qtype uint16) (answer, error)
}

// MX implements Resolver.
func (q *questions) MX(ctx context.Context, d mail.Domain) (MXAnswer, error) {
	a, err := q.ask(ctx, fqdn(string(d)), dns.TypeMX)
	if err != nil {
		return MXAnswer{}, err
	}
	out := MXAnswer{Secure: a.secure}
	for _, rr := range a.records {
		mx, ok := rr.(*dns.MX)
		if !ok {
			continue
		}
		if host := bare(mx.Mx); host != "" {
			out.Hosts = append(out.Hosts, MX{Host: host, Pref: mx.Preference})
		}
	}
	// A lone "." says no mail; beside others it is an error of the domain's and means nothing (RFC 7505 section 3).
	out.Null = len(a.records) > 0 && len(out.Hosts) == 0
	slices.SortFunc(out.Hosts, func(x, y MX) int {
		return cmp.Or(cmp.Compare(x.Pref, y.Pref), strings.Compare(x.Host, y.Host))
	})
	return out, nil
}

// Addrs implements Resolver. Both families are asked for at once; one of them is enough if the other cannot be had now.
func (q *questions) Addrs(ctx context.Context, host string) ([]netip.Addr, bool, error) {
	type half struct {
		a   answer
		err error
	}
	name := fqdn(host)
	six := make(chan half, 1)
	go func() {
		a, err := q.ask(ctx, name, dns.TypeAAAA)
		six <- half{a, err}
	}()
	a4, err4 := q.ask(ctx, name, dns.TypeA)
	h6 := <-six
	var out []netip.Addr
	for _, rr := range append(slices.Clip(a4.records), h6.a.records...) {
		if a, ok := addrOf(rr); ok {
			out = append(out, a)
		}
	}
	if len(out) > 0 {
		return out, err4 == nil && h6.err == nil && a4.secure && h6.a.secure, nil
	}
	if IsTemporary(err4) {
		return nil, false, err4
	}
	if IsTemporary(h6.err) || err4 != nil {
		return nil, false, cmp.Or(h6.err, err4)
	}
	return nil, a4.secure && h6.a.secure, nil
}

func addrOf(rr dns.RR) (netip.Addr, bool) {
	switch r := rr.(type) {
	case *dns.A:
		a, ok := netip.AddrFromSlice(r.A.To4())
		return a, ok
	case *dns.AAAA:
		a, ok := netip.AddrFromSlice(r.AAAA.To16())
		return a, ok
	}
	return netip.Addr{}, false
}

// TXT implements Resolver.
func (q *questions) TXT(ctx context.Context, name string) ([]string, error) {
	a, err := q.ask(ctx, fqdn(name), dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range a.records {
		if t, ok := rr.(*dns.TXT); ok {
			out = append(out, unescape(strings.Join(t.Txt, "")))
		}
	}
	return out, nil
}

// PTR implements Resolver.
func (q *questions) PTR(ctx context.Context, addr netip.Addr) ([]string, error) {
	name, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return nil, &Error{Name: addr.String(), Type: "PTR", NotFound: true, Err: err}
	}
	a, err := q.ask(ctx, name, dns.TypePTR)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range a.records {
		if p, ok := rr.(*dns.PTR); ok && bare(p.Ptr) != "" {
			out = append(out, bare(p.Ptr))
		}
	}
	return out, nil
}

// TLSA implements Resolver.
func (q *questions) TLSA(ctx context.Context, name string) ([]TLSA, bool, error) {
	a, err := q.ask(ctx, fqdn(name), dns.TypeTLSA)
	if err != nil {
		return nil, false, err
	}
	var out []TLSA
	for _, rr := range a.records {
		t, ok := rr.(*dns.TLSA)
		if !ok {
			continue
		}
		data, err := decodeHex(t.Certificate)
		if err != nil {
			continue
		}
		out = append(out, TLSA{Usage: t.Usage, Selector: t.Selector, Matching: t.MatchingType, Data: data})
	}
	return out, a.secure, nil
}

// errChain means that aliases lead nowhere: somebody's mistake, which may be mended, and not the absence of records.
var errChain = errors.New("the aliases (CNAME) have no end")

// chase finds the records of a type in an answer section, following CNAMEs from name. If there are too many the best are kept.
func chase(section []dns.RR, name string, qtype uint16) ([]dns.RR, error) {
	for range maxChain {
		var found []dns.RR
		next := ""
		for _, rr := range section {
			h := rr.Header()
			if !strings.EqualFold(h.Name, name) {
				continue
			}
			if h.Rrtype == qtype {
				found = append(found, rr)
			}
			if c, ok := rr.(*dns.CNAME); ok {
				next = c.Target
			}
		}
		if len(found) > 0 || next == "" {
			return best(found), nil
		}
		name = next
	}
	return nil, errChain
}

// best bounds what is kept of an answer: of mail exchangers those with the lowest preference, of others those that came first.
func best(found []dns.RR) []dns.RR {
	if len(found) <= maxRecords {
		return found
	}
	slices.SortStableFunc(found, func(a, b dns.RR) int {
		x, ok := a.(*dns.MX)
		y, too := b.(*dns.MX)
		if !ok || !too {
			return 0
		}
		return cmp.Compare(x.Preference, y.Preference)
	})
	return slices.Clone(found[:maxRecords])
}

// fqdn is the name as it is asked for: lower case, with a final dot.
func fqdn(name string) string { return dns.Fqdn(strings.ToLower(name)) }

// bare is a name as the rest of Posthorn writes it; empty for the root.
func bare(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
