package resolve

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// maxSockets bounds the sockets to one name server that are kept for the next questions.
const maxSockets = 32

// sockets are connected to one name server over UDP and kept for the next questions. That spares a question more than half of what it
// costs, but only a server on loopback is asked that way: nobody else's answer can come from there. Any other question has a socket, and
// so a port, of its own, which who would forge the answer has to guess (RFC 5452 section 9.2).
type sockets struct {
	server netip.AddrPort

	mu   sync.Mutex
	idle []*socket // guarded by mu
}

// socket asks one question at a time.
type socket struct {
	conn net.Conn
	buf  [udpSize]byte
}

// ask asks a question over UDP. A socket whose question failed is not used again: the answer may still come.
func (s *sockets) ask(ctx context.Context, m *dns.Msg, timeout time.Duration) (*dns.Msg, error) {
	k, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	reply, err := k.ask(m, until)
	if err != nil || !s.keep(k) {
		_ = k.conn.Close()
	}
	return reply, err
}

func (s *sockets) take(ctx context.Context) (*socket, error) {
	s.mu.Lock()
	if n := len(s.idle) - 1; n >= 0 {
		k := s.idle[n]
		s.idle = s.idle[:n]
		s.mu.Unlock()
		return k, nil
	}
	s.mu.Unlock()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", s.server.String())
	if err != nil {
		return nil, err
	}
	return &socket{conn: conn}, nil
}

// keep reports whether the socket is kept.
func (s *sockets) keep(k *socket) bool {
	if !s.server.Addr().IsLoopback() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) >= maxSockets {
		return false
	}
	s.idle = append(s.idle, k)
	return true
}

// ask waits for the answer until then. What answers another question than this socket's last is passed over.
func (k *socket) ask(m *dns.Msg, until time.Time) (*dns.Msg, error) {
	out, err := m.PackBuffer(k.buf[:])
	if err != nil {
		return nil, err
	}
	if err := k.conn.SetDeadline(until); err != nil {
		return nil, err
	}
	if _, err := k.conn.Write(out); err != nil {
		return nil, err
	}
	for {
		n, err := k.conn.Read(k.buf[:])
		if err != nil {
			return nil, err
		}
		if n < 2 || uint16(k.buf[0])<<8|uint16(k.buf[1]) != m.Id {
			continue
		}
		reply := new(dns.Msg)
		if err := reply.Unpack(k.buf[:n]); err != nil {
			return nil, err
		}
		return reply, nil
	}
}

// exchange asks one server over UDP, and over TCP if the answer does not fit.
func (c *Client) exchange(ctx context.Context, server netip.AddrPort, q question) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	m.AuthenticatedData = true // RFC 6840 section 5.7: please say whether it was proven
	m.SetEdns0(udpSize, false)
	reply, err := c.overUDP(ctx, server, m)
	if err == nil && reply.Rcode == dns.RcodeFormatError {
		m.Extra = nil // a server from before EDNS (RFC 6891 section 7)
		reply, err = c.overUDP(ctx, server, m)
	}
	if err == nil && reply.Truncated {
		reply, err = c.overTCP(ctx, server, m)
		if err == nil && reply.Truncated {
			return nil, errTruncated
		}
	}
	return reply, err
}

func (c *Client) overUDP(ctx context.Context, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	m.Id = dns.Id()
	reply, err := c.sockets[server].ask(ctx, m, c.o.Timeout)
	return matching(m, reply, err)
}

func (c *Client) overTCP(ctx context.Context, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	client := dns.Client{Net: "tcp", Timeout: c.o.Timeout}
	m.Id = dns.Id()
	reply, _, err := client.ExchangeContext(ctx, m, server.String())
	return matching(m, reply, err)
}

// matching refuses what is no answer to the question.
func matching(m, reply *dns.Msg, err error) (*dns.Msg, error) {
	if err != nil {
		return nil, err
	}
	if len(reply.Question) != 1 || reply.Question[0].Qtype != m.Question[0].Qtype ||
		fqdn(reply.Question[0].Name) != m.Question[0].Name || !reply.Response {
		return nil, errMismatch
	}
	return reply, nil
}
