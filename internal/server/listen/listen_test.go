package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// start serves on a kernel-given port and returns its address and a stop that waits for Serve and gives its result.
func start(t *testing.T, cfg Config, h Handler) (addr string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- New(cfg, h).Serve(ctx, ln) }()
	stop = func() error {
		cancel()
		select {
		case err := <-result:
			return err
		case <-time.After(20 * time.Second):
			return errors.New("Serve did not end")
		}
	}
	return ln.Addr().String(), stop
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// echoRemote says who the client is and then waits for it to end, or for the drain.
func echoRemote(_ context.Context, c *Conn) {
	lc := line.NewConn(c.Conn, line.Config{})
	defer c.OnDrain(lc.Interrupt)()
	_, _ = lc.WriteString(c.Remote.String() + " > " + c.Local.String() + "\r\n")
	for {
		_, err := lc.ReadLine()
		if errors.Is(err, line.ErrInterrupted) {
			_, _ = lc.WriteString("bye\r\n")
			_ = lc.Flush()
		}
		if err != nil {
			return
		}
		_, _ = lc.WriteString("ok\r\n")
	}
}

func TestLimitByAddress(t *testing.T) {
	addr, stop := start(t, Config{MaxPerAddr: 2, Busy: "421 too many\r\n"}, echoRemote)
	var open []net.Conn
	for range 2 {
		c := dial(t, addr)
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	third := dial(t, addr)
	if got, _ := io.ReadAll(third); string(got) != "421 too many\r\n" {
		t.Errorf("the third got %q", got)
	}
	_ = open[0].Close()
	// The slot is free once the server has seen the end: the next gets in after at most a few tries.
	for deadline := time.Now().Add(10 * time.Second); ; {
		l, err := bufio.NewReader(dial(t, addr)).ReadString('\n')
		if err == nil && strings.Contains(l, " > ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the freed slot was not given again")
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestLimitInAllAndExemption(t *testing.T) {
	addr, stop := start(t, Config{MaxConns: 3, MaxPerAddr: 1, Exempt: loopback}, echoRemote)
	for i := range 4 {
		l, err := bufio.NewReader(dial(t, addr)).ReadString('\n')
		if got, want := err == nil && strings.Contains(l, " > "), i < 3; got != want {
			t.Errorf("connection %d served: %v", i, got)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTotalOfManyListeners(t *testing.T) {
	total := NewTotal(2)
	first, stopFirst := start(t, Config{Total: total, ProxyFrom: loopback}, echoRemote)
	second, stopSecond := start(t, Config{Total: total, Busy: "421 too many\r\n"}, echoRemote)
	silent := dial(t, first) // counts, though its PROXY header has not come
	served := dial(t, second)
	if l, err := bufio.NewReader(served).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", l, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; { // until the first listener has accepted its one
		c := dial(t, second)
		got, _ := bufio.NewReader(c).ReadString('\n')
		_ = c.Close()
		if got == "421 too many\r\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the third got %q", got)
		}
	}
	_ = silent.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		l, err := bufio.NewReader(dial(t, second)).ReadString('\n')
		if err == nil && strings.Contains(l, " > ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the freed place was not given again")
		}
	}
	for _, stop := range []func() error{stopFirst, stopSecond} {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestProxyHeader(t *testing.T) {
	addr, stop := start(t, Config{ProxyFrom: loopback}, echoRemote)
	c := dial(t, addr)
	_, _ = io.WriteString(c, "PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n")
	if l, _ := bufio.NewReader(c).ReadString('\n'); l != "192.0.2.7:4711 > 198.51.100.1:25\r\n" {
		t.Errorf("client is %q", l)
	}
	without := dial(t, addr)
	_, _ = io.WriteString(without, "EHLO client.example\r\n")
	if got, _ := io.ReadAll(without); len(got) != 0 {
		t.Errorf("a proxy without header got %q", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestPrivate is the client's own address, which the proxy tells or is silent about.
func TestPrivate(t *testing.T) {
	private := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		private, proxies []netip.Prefix
		header, want     string
	}{
		{nil, nil, "", "false"},
		{private[1:], nil, "", "false"},
		{private, nil, "", "true"},
		{private, loopback, "PROXY TCP4 10.1.2.3 10.0.0.1 4711 143\r\n", "true"},
		{private, loopback, "PROXY TCP6 ::ffff:10.1.2.3 ::1 4711 143\r\n", "true"},
		{private, loopback, "PROXY TCP4 192.0.2.7 10.0.0.1 4711 143\r\n", "false"},
		{private, loopback, "PROXY UNKNOWN\r\n", "false"},
	} {
		addr, stop := start(t, Config{Private: c.private, ProxyFrom: c.proxies}, func(_ context.Context, c *Conn) {
			_, _ = fmt.Fprintln(c, c.Private)
		})
		conn := dial(t, addr)
		_, _ = io.WriteString(conn, c.header)
		if l, _ := bufio.NewReader(conn).ReadString('\n'); l != c.want+"\n" {
			t.Errorf("private %v, proxies %v, %q: %q, want %s", c.private, c.proxies, c.header, l, c.want)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestHeaderFromStrangerIsNotBelieved(t *testing.T) {
	addr, stop := start(t, Config{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, echoRemote)
	c := dial(t, addr)
	_, _ = io.WriteString(c, "PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n")
	if l, _ := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(l, "127.0.0.1:") {
		t.Errorf("client is %q", l)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestDrainLetsSessionsFinish(t *testing.T) {
	addr, stop := start(t, Config{}, echoRemote)
	c := dial(t, addr)
	r := bufio.NewReader(c)
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "bye\r\n" {
		t.Errorf("at the end the client got %q", rest)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still accepting")
	}
}

func TestDrainEndsStubbornSessions(t *testing.T) {
	started := make(chan struct{})
	ended := make(chan error, 1)
	addr, stop := start(t, Config{Drain: time.Millisecond}, func(ctx context.Context, c *Conn) {
		close(started)
		_, err := io.ReadAll(c) // does not listen to anybody
		<-ctx.Done()
		ended <- err
	})
	dial(t, addr)
	<-started
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the session ended with %v", err)
	}
}

func TestPanicEndsOneSession(t *testing.T) {
	var notFirst atomic.Bool
	addr, stop := start(t, Config{MaxConns: 1}, func(ctx context.Context, c *Conn) {
		if !notFirst.Swap(true) {
			panic("a bug")
		}
		echoRemote(ctx, c)
	})
	if _, err := io.ReadAll(dial(t, addr)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		l, _ := bufio.NewReader(dial(t, addr)).ReadString('\n')
		if strings.Contains(l, " > ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the slot of the session that panicked was not given again")
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestClosedSocketIsToldToTheCaller(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := New(Config{}, echoRemote).Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestOneClient(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
	} {
		if got := client(netip.MustParseAddr(c.a)) == client(netip.MustParseAddr(c.b)); got != c.same {
			t.Errorf("%s and %s: one client is %v", c.a, c.b, got)
		}
	}
}
