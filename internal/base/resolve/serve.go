package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/miekg/dns"
)

var errNotLoopback = errors.New("resolve: a zone is served on loopback only")

// Server is a name server that serves a zone.
type Server struct {
	addr     netip.AddrPort
	udp, tcp *dns.Server
	wg       sync.WaitGroup
}

// Serve answers questions about the zone over UDP and TCP on one address, which must be on loopback; port 0 takes a free one. It
// runs until Close.
func Serve(z *Zone, addr string) (*Server, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("resolve: serve zone: %w", err)
	}
	if !at.Addr().IsLoopback() {
		return nil, errNotLoopback
	}
	pc, ln, err := listenBoth(at)
	if err != nil {
		return nil, fmt.Errorf("resolve: serve zone: %w", err)
	}
	s := &Server{addr: netip.AddrPortFrom(at.Addr(), portOf(ln))}
	h := dns.HandlerFunc(z.serveDNS)
	s.udp = &dns.Server{PacketConn: pc, Handler: h}
	s.tcp = &dns.Server{Listener: ln, Handler: h}
	for _, srv := range []*dns.Server{s.udp, s.tcp} {
		ready := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(ready) }
		s.wg.Go(func() { _ = srv.ActivateAndServe() }) // it ends by Close
		<-ready
	}
	return s, nil
}

// listenBoth takes one port for UDP and TCP. With port 0 the one that TCP is given may be in use for UDP, so others are tried.
func listenBoth(at netip.AddrPort) (net.PacketConn, net.Listener, error) {
	var lc net.ListenConfig
	ctx := context.Background() // listening does not wait
	for tries := 0; ; tries++ {
		ln, err := lc.Listen(ctx, "tcp", at.String())
		if err != nil {
			return nil, nil, err
		}
		pc, err := lc.ListenPacket(ctx, "udp", ln.Addr().String())
		if err == nil {
			return pc, ln, nil
		}
		_ = ln.Close()
		if at.Port() != 0 || tries == 10 {
			return nil, nil, err
		}
	}
}

func portOf(ln net.Listener) uint16 {
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		return a.AddrPort().Port()
	}
	return 0
}

// Addr is where the server answers.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Close ends the server and waits for its goroutines.
func (s *Server) Close() error {
	err := errors.Join(s.udp.Shutdown(), s.tcp.Shutdown())
	s.wg.Wait()
	return err
}

func (z *Zone) serveDNS(w dns.ResponseWriter, req *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(req)
	m.RecursionAvailable, m.Authoritative = true, true
	if req.Opcode != dns.OpcodeQuery || len(req.Question) != 1 {
		m.Rcode = dns.RcodeNotImplemented
		_ = w.WriteMsg(m) // a client that is gone hears nothing
		return
	}
	q := req.Question[0]
	section, rcode, secure := z.find(fqdn(q.Name), q.Qtype)
	m.Answer, m.Rcode = section, rcode
	m.AuthenticatedData = secure && rcode != dns.RcodeServerFailure
	if len(section) == 0 && rcode != dns.RcodeServerFailure {
		m.Ns = []dns.RR{&dns.SOA{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 5},
			Ns:  "ns.invalid.", Mbox: "hostmaster.invalid.", Serial: 1, Refresh: 60, Retry: 60, Expire: 60, Minttl: 5,
		}}
	}
	size := dns.MinMsgSize
	if opt := req.IsEdns0(); opt != nil {
		m.SetEdns0(udpSize, false)
		size = int(opt.UDPSize())
	}
	if w.LocalAddr().Network() == "udp" {
		m.Truncate(size)
	}
	_ = w.WriteMsg(m)
}
