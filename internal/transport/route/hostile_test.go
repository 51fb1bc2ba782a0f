package route

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// hostileDNS is a name server that answers as the test says; nil for no answer at all.
func hostileDNS(t *testing.T, timeout time.Duration, answer func(m *dns.Msg, overTCP bool) *dns.Msg) *resolve.Client {
	t.Helper()
	pc, ln := listenBoth(t)
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_, tcp := w.RemoteAddr().(*net.TCPAddr)
		if m := answer(new(dns.Msg).SetReply(q), tcp); m != nil {
			_ = w.WriteMsg(m)
		}
	})
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: h}, {Listener: ln, Handler: h}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		ended := make(chan struct{})
		go func() {
			_ = s.ActivateAndServe() // it ends with the test
			close(ended)
		}()
		<-started
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-ended
		})
	}
	c, err := resolve.New(resolve.Options{
		Servers: []netip.AddrPort{netip.MustParseAddrPort(pc.LocalAddr().String())}, Timeout: timeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listenBoth takes a port that is free for UDP and TCP.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if ln, err := net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			return pc, ln
		}
		_ = pc.Close()
	}
}

func rr(t *testing.T, format string, args ...any) dns.RR {
	t.Helper()
	r, err := dns.NewRR(fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHostileDNS has answers that are too many, circular, false or none. No mail comes back because of what may pass, and each costs
// bounded time.
func TestHostileDNS(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(m *dns.Msg, overTCP bool) *dns.Msg
		hosts  int
		first  string
		kind   mail.Kind
		silent bool
	}{
		"thousands of exchangers, the best at the end": {func(m *dns.Msg, tcp bool) *dns.Msg {
			if !tcp {
				m.Truncated = true
				return m
			}
			for i := range 2000 {
				m.Answer = append(m.Answer, rr(t, "x.test. 0 MX %d m%d.test.", 3000-i, i))
			}
			return m
		}, maxHosts, "m1999.test", 0, false},
		"a circle of aliases": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Answer = append(m.Answer, rr(t, "x.test. 0 CNAME y.test."), rr(t, "y.test. 0 CNAME x.test."))
			return m
		}, 0, "", mail.KindUnavailable, false},
		"a chain of aliases without end": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Answer = append(m.Answer, rr(t, "x.test. 0 CNAME a0.test."))
			for i := range 100 {
				m.Answer = append(m.Answer, rr(t, "a%d.test. 0 CNAME a%d.test.", i, i+1))
			}
			return m
		}, 0, "", mail.KindUnavailable, false},
		"a failure": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Rcode = dns.RcodeServerFailure
			return m
		}, 0, "", mail.KindUnavailable, false},
		"a refusal": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Rcode = dns.RcodeRefused
			return m
		}, 0, "", mail.KindUnavailable, false},
		"no answer": {func(*dns.Msg, bool) *dns.Msg { return nil }, 0, "", mail.KindUnavailable, true},
		"always cut short": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Truncated = true
			return m
		}, 0, "", mail.KindUnavailable, false},
		"cut short, and nothing over TCP": {func(m *dns.Msg, tcp bool) *dns.Msg {
			if tcp {
				return nil
			}
			m.Truncated = true
			return m
		}, 0, "", mail.KindUnavailable, true},
		"an answer to another question": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Question[0].Name = "evil.test."
			m.Answer = append(m.Answer, rr(t, "evil.test. 0 MX 1 mx.evil.test."))
			return m
		}, 0, "", mail.KindUnavailable, false},
		"other names' records beside": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Answer = append(m.Answer, rr(t, "x.test. 0 MX 10 mx.x.test."), rr(t, "evil.test. 0 MX 1 mx.evil.test."))
			return m
		}, 1, "mx.x.test", 0, false},
		"no mail": {func(m *dns.Msg, _ bool) *dns.Msg {
			m.Answer = append(m.Answer, rr(t, "x.test. 0 MX 0 ."))
			return m
		}, 0, "", mail.KindNoMail, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := 10 * time.Second // a busy machine may take long
			if tc.silent {
				timeout = 200 * time.Millisecond
			}
			r := New(Options{Resolver: hostileDNS(t, timeout, tc.answer), Names: []string{"us.test"}})
			began := time.Now()
			got, err := r.Route(t.Context(), "x.test")
			if took := time.Since(began); tc.silent && took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if tc.kind == 0 && err != nil || tc.kind != 0 && !mail.IsKind(err, tc.kind) {
				t.Fatalf("%v %v", got, err)
			}
			if len(got.Hosts) != tc.hosts || tc.first != "" && got.Hosts[0].Name != tc.first {
				t.Errorf("%+v", got.Hosts)
			}
		})
	}
}

// TestAddressesOfNobody has addresses the system would take for something else than a server.
func TestAddressesOfNobody(t *testing.T) {
	z := resolve.MustZone("")
	if err := z.Add("z.test. A 0.0.0.0\nz.test. AAAA ::\nz.test. A 224.0.0.1\nz.test. A 255.255.255.255\nz.test. AAAA ff02::1\n" +
		"some.test. A 0.0.0.0\nsome.test. A 192.0.2.1\n"); err != nil {
		t.Fatal(err)
	}
	r := New(Options{Resolver: z})
	if got, err := r.Addrs(t.Context(), Host{Name: "z.test", Port: 25}); !mail.IsKind(err, mail.KindNoSuchDomain) {
		t.Errorf("%v %v", got, err)
	}
	if got, err := r.Addrs(t.Context(), Host{Name: "some.test", Port: 25}); err != nil || fmt.Sprint(got) != "[192.0.2.1:25]" {
		t.Errorf("%v %v", got, err)
	}
}

// TestLameDNSIsAskedOnce has many who want to know what a name server never says: they share one question, and whoever gives up does
// not wait for it.
func TestLameDNSIsAskedOnce(t *testing.T) {
	var asked atomic.Int32
	r := New(Options{Resolver: hostileDNS(t, 200*time.Millisecond, func(*dns.Msg, bool) *dns.Msg {
		asked.Add(1)
		return nil
	})})
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	const many = 500
	for range many {
		go func() {
			_, err := r.Route(ctx, "x.test")
			done <- err
		}()
	}
	cancel()
	for range many {
		if err := <-done; !mail.IsKind(err, mail.KindUnavailable) {
			t.Errorf("%v", err)
		}
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	if n := asked.Load(); n > 8 {
		t.Errorf("asked %d times", n)
	}
}
