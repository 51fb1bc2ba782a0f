package smtp_test

import (
	"strconv"
	"testing"

	"github.com/posthorn-mail/posthorn/interop/rig"
)

// TestProxyProtocol has swaks play a load balancer at 127.0.0.5, which is believed, and at 127.0.0.6, which is not.
func TestProxyProtocol(t *testing.T) {
	swaks := rig.Need(t, "swaks", "swaks")
	s := start(t, newAuthority(t), "nord.test", setting{listen: "proxy_from = [\"127.0.0.5/32\"]\n"})
	send := func(from string, args ...string) (string, error) {
		return try(t, "", swaks, append([]string{"--server", "127.0.0.1", "--port", strconv.Itoa(s.Ports["smtp"]), "--local-interface", from,
			"--from", "carl@sued.test", "--to", "bert@nord.test", "--helo", "client.sued.test"}, args...)...)
	}
	v1 := []string{"--proxy-version", "1", "--proxy-family", "TCP4", "--proxy-source", "192.0.2.7", "--proxy-source-port", "4711",
		"--proxy-dest", "198.51.100.1", "--proxy-dest-port", "25"}
	v2 := []string{"--proxy-version", "2", "--proxy-family", "AF_INET6", "--proxy-source", "2001:db8::7", "--proxy-source-port", "4711",
		"--proxy-dest", "2001:db8::1", "--proxy-dest-port", "25"}
	for _, args := range [][]string{v1, v2} {
		if out, err := send("127.0.0.5", args...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	got := s.await(t, "bert@nord.test", 2)
	wants(t, got[0], "Received: from client.sued.test", "[192.0.2.7]")
	wants(t, got[1], "Received: from client.sued.test", "[IPv6:2001:db8::7]")
	if out, err := send("127.0.0.5", "--timeout", "2"); err == nil {
		t.Errorf("a proxy was served without a header:\n%s", out)
	}
	if out, err := send("127.0.0.6", v1...); err == nil {
		t.Errorf("a stranger's header was believed:\n%s", out)
	}
}
