package resolve

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestSocketsAreUsedAgain(t *testing.T) {
	var mu sync.Mutex
	ports := map[string]int{} // guarded by mu
	silent := false           // guarded by mu
	late := answers("a.test. 60 IN TXT late")
	var unanswered *dns.Msg // guarded by mu
	at := scripted(t, func(w dns.ResponseWriter, req *dns.Msg) {
		mu.Lock()
		defer mu.Unlock()
		ports[w.RemoteAddr().String()]++
		if silent {
			unanswered = req
			return
		}
		if unanswered != nil {
			late(w, unanswered) // to a question of before: it is passed over
		}
		answers("a.test. 60 IN TXT hello")(w, req)
	})
	c := client(t, Options{Servers: []netip.AddrPort{at}, CacheEntries: -1, Attempts: 1, Timeout: 300 * time.Millisecond})
	ask := func() string {
		txt, err := c.TXT(t.Context(), "a.test")
		if err != nil || len(txt) != 1 {
			return ""
		}
		return txt[0]
	}
	used := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(ports)
	}
	for range 20 {
		if got := ask(); got != "hello" {
			t.Fatalf("the answer is %q", got)
		}
	}
	if n := used(); n != 1 {
		t.Fatalf("20 questions in turn came from %d ports", n)
	}
	mu.Lock()
	silent = true
	mu.Unlock()
	if got := ask(); got != "" {
		t.Fatalf("silence was heard as %q", got)
	}
	mu.Lock()
	silent = false
	mu.Unlock()
	if got := ask(); got != "hello" {
		t.Fatalf("after a question without an answer the next one's is %q", got)
	}
	if n := used(); n != 2 {
		t.Fatalf("the socket of a question without an answer was used again: %d ports", n)
	}
}

func TestSocketsOfStrangersAreNotKept(t *testing.T) {
	for server, want := range map[string]bool{"127.0.0.53:53": true, "[::1]:53": true, "192.0.2.53:53": false} {
		s := sockets{server: netip.MustParseAddrPort(server)}
		if got := s.keep(&socket{}); got != want {
			t.Errorf("%s: kept is %v", server, got)
		}
	}
	s := sockets{server: netip.MustParseAddrPort("127.0.0.1:53")}
	for range maxSockets {
		s.keep(&socket{})
	}
	if s.keep(&socket{}) {
		t.Error("there is no bound")
	}
}

// BenchmarkQuestion asks over the network, with the name server's own costs in this process.
func BenchmarkQuestion(b *testing.B) { benchmarkMX(b, Options{CacheEntries: -1}) }
