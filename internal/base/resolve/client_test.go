package resolve

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// scripted is a name server that does what a function says.
func scripted(t *testing.T, h func(w dns.ResponseWriter, req *dns.Msg)) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(h)}
	started, done := make(chan struct{}), make(chan struct{})
	srv.NotifyStartedFunc = func() { close(started) }
	go func() { defer close(done); _ = srv.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = srv.Shutdown(); <-done })
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

func answers(records ...string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(req)
		m.AuthenticatedData = true
		for _, r := range records {
			rr, err := dns.NewRR(r)
			if err != nil {
				panic(err)
			}
			if rr.Header().Rrtype == dns.TypeSOA {
				m.Ns = append(m.Ns, rr)
			} else {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	}
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientTriesTheNextServer(t *testing.T) {
	refusing := scripted(t, func(w dns.ResponseWriter, req *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(req, dns.RcodeRefused))
	})
	wrong := scripted(t, func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetReply(req)
		m.Question[0].Name = "other.test."
		_ = w.WriteMsg(m)
	})
	silent := scripted(t, func(dns.ResponseWriter, *dns.Msg) {})
	good := scripted(t, answers("a.test. 60 IN TXT hello"))
	c := client(t, Options{Servers: []netip.AddrPort{refusing, wrong, silent, good}, Timeout: 300 * time.Millisecond})
	if txt, err := c.TXT(t.Context(), "a.test"); err != nil || len(txt) != 1 || txt[0] != "hello" {
		t.Fatal(txt, err)
	}
	c = client(t, Options{Servers: []netip.AddrPort{refusing, wrong}, Timeout: 300 * time.Millisecond})
	if _, err := c.TXT(t.Context(), "a.test"); !IsTemporary(err) {
		t.Fatal(err)
	}
}

func TestClientWithoutEDNS(t *testing.T) {
	old := scripted(t, func(w dns.ResponseWriter, req *dns.Msg) {
		if req.IsEdns0() != nil {
			m := new(dns.Msg)
			m.SetRcodeFormatError(req)
			m.Question = req.Question
			_ = w.WriteMsg(m)
			return
		}
		answers("a.test. 60 IN TXT old")(w, req)
	})
	c := client(t, Options{Servers: []netip.AddrPort{old}})
	if txt, err := c.TXT(t.Context(), "a.test"); err != nil || len(txt) != 1 {
		t.Fatal(txt, err)
	}
}

func TestClientRemembers(t *testing.T) {
	var asked atomic.Int32
	count := func(h func(dns.ResponseWriter, *dns.Msg)) func(dns.ResponseWriter, *dns.Msg) {
		return func(w dns.ResponseWriter, req *dns.Msg) { asked.Add(1); h(w, req) }
	}
	nx := func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetRcode(req, dns.RcodeNameError)
		soa, _ := dns.NewRR("test. 900 IN SOA ns.test. h.test. 1 1 1 1 30")
		m.Ns = []dns.RR{soa}
		_ = w.WriteMsg(m)
	}
	fail := func(w dns.ResponseWriter, req *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(req, dns.RcodeServerFailure))
	}
	for name, tc := range map[string]struct {
		h   func(dns.ResponseWriter, *dns.Msg)
		ttl time.Duration // 0: not remembered
	}{
		"answer":                   {answers("a.test. 60 IN TXT x", "a.test. 90 IN TXT y"), time.Minute},
		"very long":                {answers("a.test. 999999 IN TXT x"), maxTTL},
		"zero TTL":                 {answers("a.test. 0 IN TXT x"), minTTL},
		"no such name":             {nx, 30 * time.Second},
		"no data":                  {answers("test. 20 IN SOA ns.test. h.test. 1 1 1 1 300"), 20 * time.Second},
		"no data and not how long": {answers(), 0},
		"failure":                  {fail, failureTTL},
	} {
		t.Run(name, func(t *testing.T) {
			clk := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			c := client(t, Options{Servers: []netip.AddrPort{scripted(t, count(tc.h))}, Clock: clk, Attempts: 1})
			ask := func() int32 {
				asked.Store(0)
				_, _ = c.TXT(t.Context(), "a.test")
				return asked.Load()
			}
			ask()
			if tc.ttl > 0 {
				clk.Advance(tc.ttl - 1)
				if n := ask(); n != 0 {
					t.Fatalf("asked again before %v", tc.ttl)
				}
				clk.Advance(1)
			}
			if n := ask(); n != 1 {
				t.Fatalf("asked %d times after %v", n, tc.ttl)
			}
		})
	}
}

func TestClientAsksOnceForMany(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	c := client(t, Options{Servers: []netip.AddrPort{scripted(t, func(w dns.ResponseWriter, req *dns.Msg) {
		asked.Add(1)
		<-release
		answers("a.test. 60 IN TXT x")(w, req)
	})}})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.TXT(t.Context(), "a.test"); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Fatalf("asked %d times", n)
	}
}

func TestSecureOnlyFromTrusted(t *testing.T) {
	// 127.0.0.1 is loopback; what a server elsewhere says is not believed unless it is listed.
	elsewhere := netip.MustParseAddrPort("192.0.2.53:53")
	reply := new(dns.Msg)
	reply.AuthenticatedData = true
	c := client(t, Options{Servers: []netip.AddrPort{elsewhere}})
	if c.read(question{"a.test.", dns.TypeA}, elsewhere, reply).answer.secure {
		t.Fatal("a stranger's AD bit was believed")
	}
	c = client(t, Options{Servers: []netip.AddrPort{elsewhere}, Trusted: []netip.Addr{elsewhere.Addr()}})
	if !c.read(question{"a.test.", dns.TypeA}, elsewhere, reply).answer.secure {
		t.Fatal("a listed server's AD bit was not believed")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(100)
	until := time.Now().Add(time.Hour)
	for i := range 10_000 {
		c.put(question{fmt.Sprint(i), dns.TypeA}, remembered{until: until})
		c.get(question{"0", dns.TypeA}, time.Now()) // what is asked for often stays
	}
	if c.len() > 100 {
		t.Fatalf("%d entries", c.len())
	}
	if _, ok := c.get(question{"0", dns.TypeA}, time.Now()); !ok {
		t.Fatal("the entry in use was forgotten")
	}
}

func TestResolvConf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver 192.0.2.1\nnameserver 2001:db8::1\noptions edns0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := client(t, Options{ResolvConf: path})
	if fmt.Sprint(c.o.Servers) != "[192.0.2.1:53 [2001:db8::1]:53]" {
		t.Fatal(c.o.Servers)
	}
	if err := os.WriteFile(path+".empty", []byte("search test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, without := range []string{path + ".none", path + ".empty"} {
		if c := client(t, Options{ResolvConf: without}); fmt.Sprint(c.o.Servers) != "[127.0.0.1:53]" {
			t.Fatal(c.o.Servers)
		}
	}
}

func BenchmarkCachedMX(b *testing.B) { benchmarkMX(b, Options{}) }

// benchmarkMX asks a name server in this process for the same MX again and again.
func benchmarkMX(b *testing.B, o Options) {
	b.Helper()
	srv, err := Serve(MustZone(testZone), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	o.Servers = []netip.AddrPort{srv.Addr()}
	c, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.MX(b.Context(), "nord.test"); err != nil {
			b.Fatal(err)
		}
	}
}
