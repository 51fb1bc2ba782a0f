package hostile

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/interop/node"
)

// ports are the listeners that strangers reach.
var ports = []string{"smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s"}

// silentConnections opens thousands of connections from as many addresses and says nothing, or next to nothing.
func silentConnections(t *testing.T, v *victim) {
	n := size(2000, 10_000)
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err == nil && lim.Cur < uint64(n)+200 {
		n = int(lim.Cur) - 200
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	listeners := []string{"smtp", "imap", "pop3", "submission"}
	for i := range n {
		c, err := v.stranger(listeners[i%len(listeners)])
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		open = append(open, c)
	}
	greeted := 0
	for _, c := range open {
		var b [1]byte
		if n, _ := c.Read(b[:]); n == 1 {
			greeted++
		}
	}
	t.Logf("%d of %d connections were answered", greeted, n)
	if greeted < n*9/10 {
		t.Errorf("only %d of %d connections were answered", greeted, n)
	}
}

func connectionChurn(t *testing.T, v *victim) {
	var failed atomic.Int64
	crowd(8, func(int) {
		for i := range size(200, 5000) {
			c, err := v.stranger(ports[i%len(ports)])
			if err != nil {
				failed.Add(1)
				continue
			}
			if tc, ok := c.(*net.TCPConn); ok && i%2 == 0 {
				_ = tc.SetLinger(0) // a reset instead of an end
			}
			_ = c.Close()
		}
	})
	if n := failed.Load(); n > 0 {
		t.Errorf("%d connections failed", n)
	}
}

// halfOpenHandshakes begins TLS and stops in the middle of the first message.
func halfOpenHandshakes(t *testing.T, v *victim) {
	var open []net.Conn
	for i := range size(300, 3000) {
		c, err := v.stranger([]string{"imaps", "submissions", "pop3s"}[i%3])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte{0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc, 0x03, 0x03})
		open = append(open, c)
	}
	for _, c := range open {
		_ = c.Close()
	}
}

// handshakeFlood makes the server compute.
func handshakeFlood(t *testing.T, v *victim) {
	var done atomic.Int64
	crowd(16, func(int) {
		for range size(20, 500) {
			c, err := v.stranger("imaps")
			if err != nil {
				continue
			}
			if tls.Client(c, insecure()).Handshake() == nil {
				done.Add(1)
			}
			_ = c.Close()
		}
	})
	if done.Load() == 0 {
		t.Error("no handshake succeeded")
	}
}

// handshakesLeft has the server compute its half of a handshake, and goes away without the other.
func handshakesLeft(t *testing.T, v *victim) {
	crowd(16, func(int) {
		for range size(30, 600) {
			c, err := v.stranger("imaps")
			if err != nil {
				continue
			}
			_ = tls.Client(&deaf{Conn: c}, insecure()).Handshake() // it ends with the server's first word
			_ = c.Close()
		}
	})
	if _, err := v.goroutines(); err != nil {
		t.Error(err)
	}
}

// deaf takes one answer and then reads no more.
type deaf struct {
	net.Conn
	heard bool
}

func (d *deaf) Read(p []byte) (int, error) {
	if d.heard {
		return 0, io.EOF
	}
	d.heard = true
	return d.Conn.Read(p[:min(len(p), 5)])
}

// tinyRecords sends commands byte by byte, each in a TLS record of its own.
func tinyRecords(t *testing.T, v *victim) {
	crowd(size(4, 40), func(int) {
		conn, err := v.stranger("imaps")
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		c := talk(tls.Client(conn, insecure()))
		c.line()
		for _, b := range []byte(strings.Repeat("a CAPABILITY\r\n", size(30, 1000))) {
			c.say(string(b))
		}
		if got := c.tagged("NOOP"); !strings.HasPrefix(got, "t OK") && got != "" {
			t.Errorf("NOOP after tiny records: %q", got)
		}
	})
}

// stalledProxy begins headers of the PROXY protocol and never ends them.
func stalledProxy(t *testing.T, v *victim) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	heads := []string{"PROXY TCP4 1.2.", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01", "P", ""}
	for i := range size(400, 4000) {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(proxy)}}
		c, err := d.Dial("tcp", v.Addr(ports[i%len(ports)]))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		_, _ = io.WriteString(c, heads[i%len(heads)])
	}
	c, err := v.smtp() // one who ends it is served
	if err != nil {
		t.Fatalf("beside %d stalled headers: %v", len(open), err)
	}
	_ = c.Close()
}

func startTLSAndSilence(t *testing.T, v *victim) {
	var open []net.Conn
	for range size(100, 2000) {
		c, err := v.smtp()
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ask("STARTTLS"); !strings.HasPrefix(got, "220") {
			t.Fatalf("STARTTLS: %q", got)
		}
		open = append(open, c)
	}
	for _, c := range open {
		_ = c.Close()
	}
}

// garbageEverywhere sends random bytes, random lines, and other protocols' words.
func garbageEverywhere(t *testing.T, v *victim) {
	crowd(28, func(i int) {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		for range size(10, 200) {
			c, err := v.stranger(ports[i%len(ports)])
			if err != nil {
				t.Error(err)
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
			switch i % 4 {
			case 0:
				b := make([]byte, 64<<10)
				for k := range b {
					b[k] = byte(r.Uint32())
				}
				_, _ = c.Write(b)
			case 1:
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"+strings.Repeat("a b c\r\n", 10_000))
			case 2:
				_, _ = io.WriteString(c, strings.Repeat("\r\n", 100_000))
			default:
				_, _ = io.WriteString(c, strings.Repeat("a {3+}\r\nxyz (\r\n", 10_000))
			}
			_ = c.Close()
		}
	})
}

func proxyGarbage(t *testing.T, v *victim) {
	v2 := "\r\n\r\n\x00\r\nQUIT\n"
	heads := []string{"PROXY TCP4 1.2.3.4\r\n", "PROXY " + strings.Repeat("A", 5000) + "\r\n", "PROXY TCP6 ::1 ::1 99999 1\r\n",
		v2 + "\x21\x11\xff\xff" + strings.Repeat("\xff", 65535), v2 + "\x21\xff\x00\x04abcd", v2, "EHLO x\r\n", ""}
	for i := range size(80, 4000) {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(proxy)}}
		c, err := d.Dial("tcp", v.Addr(ports[i%len(ports)]))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		head := heads[i%len(heads)]
		_, _ = io.WriteString(c, head)
		if i%len(heads) == 0 { // an invalid one ends the connection at once and without a word
			if got, _ := io.ReadAll(c); len(got) > 0 {
				t.Errorf("%q was answered with %q", head, got)
			}
		}
		_ = c.Close()
	}
}

// loginFlood guesses passwords from many addresses: for nobody, for somebody, and one after the other.
func loginFlood(t *testing.T, v *victim) {
	var refused, later atomic.Int64
	crowd(size(20, 400), func(i int) {
		conn, err := v.stranger("imaps")
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		c := talk(tls.Client(conn, insecure()))
		c.line()
		for k := range 3 {
			got := c.tagged(fmt.Sprintf("LOGIN nobody%d-%d@%s wrong", i, k, domain))
			switch {
			case strings.Contains(got, "AUTHENTICATIONFAILED"):
				refused.Add(1)
			case strings.Contains(got, "UNAVAILABLE"):
				later.Add(1)
			default:
				t.Errorf("a wrong login was answered with %q", got)
			}
		}
	})
	t.Logf("%d guesses were wrong, %d were put off", refused.Load(), later.Load())
}

func pop3Abuse(t *testing.T, v *victim) {
	conn, err := v.stranger("pop3s")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c := talk(tls.Client(conn, insecure()))
	c.line()
	c.say("USER evil@" + domain + "\r\nPASS " + password + "\r\n")
	c.line()
	if got := c.line(); !strings.HasPrefix(got, "+OK") {
		t.Fatalf("PASS: %q", got)
	}
	go c.say(strings.Repeat("NOOP\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 1 99999999\r\n", size(500, 20_000)) + strings.Repeat("X\r\n", 100))
	if _, err := io.Copy(io.Discard, c.r); err != nil { // to the end, which only the server makes: then the maildrop is free again
		t.Errorf("before the server hung up: %v", err)
	}
}

// metricsSlowloris asks one byte at a time.
func metricsSlowloris(t *testing.T, v *victim) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range size(60, 60) { // fewer than the port takes at once: it is private, and the others are told to wait
		c, err := net.DialTimeout("tcp", v.Addr("metrics"), patience)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("a", 10_000))
		open = append(open, c)
	}
	if _, err := v.goroutines(); err != nil {
		t.Errorf("metrics beside slow clients: %v", err)
	}
}

func adminGarbage(t *testing.T, v *victim) {
	for i := range size(9, 300) {
		c, err := net.DialTimeout("unix", v.Dir+"/data/admin.sock", patience)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		switch i % 3 {
		case 0:
			_, _ = io.WriteString(c, strings.Repeat("\x00\xff{}\r\n", 1000))
		case 1:
			_, _ = io.WriteString(c, "POST /account-add HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n"+strings.Repeat("[", 100_000))
		default:
			_, _ = io.WriteString(c, "GET /"+strings.Repeat("a", 2<<20)+" HTTP/1.1\r\n\r\n")
		}
		_ = c.Close()
	}
	if out, err := v.CLI("", "status"); err != nil {
		t.Errorf("status after garbage: %v: %s", err, out)
	}
}

// TestFilesAreLeftForTheStore floods a server that may open few files. It refuses what is too much, and its store never lacks a file.
func TestFilesAreLeftForTheStore(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary; left out of -short")
	}
	real, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "posthorn")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nulimit -n 400 && exec "+real+" \"$@\"\n"), 0o700); err != nil { //nolint:gosec // it has to run
		t.Fatal(err)
	}
	t.Setenv("POSTHORN_BINARY", script)
	v := startVictim(t, node.Options{Accounts: []node.Account{account("honest"), account("evil")}})
	first, err := v.smtp() // an honest client that is there already
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	var open []net.Conn
	greeted, refused := 0, 0
	for i := range 900 {
		c, err := v.stranger([]string{"smtp", "submission", "imap", "pop3"}[i%4])
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		switch got := talk(c).line(); {
		case strings.HasPrefix(got, "421"), strings.HasPrefix(got, "* BYE"), strings.HasPrefix(got, "-ERR"), got == "":
			refused++
		default:
			greeted++
		}
	}
	t.Logf("with 400 files, %d connections were served and %d refused", greeted, refused)
	if greeted > 200 || greeted < 150 {
		t.Errorf("%d connections were served", greeted)
	}
	if got := first.envelope("honest"); !strings.HasPrefix(got, "354") {
		t.Errorf("DATA in the flood: %q", got)
	}
	if got := first.ask("Subject: in the flood\r\n\r\n" + strings.Repeat("x\r\n", 1<<20) + "."); !strings.HasPrefix(got, "250") {
		t.Errorf("a delivery in the flood: %q", got)
	}
	for _, c := range open {
		_ = c.Close()
	}
	for deadline := time.Now().Add(patience); ; {
		h := honest{v: v}
		if err := h.deliver(); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("after the flood: %v", err)
		}
	}
	if strings.Contains(v.Log(), "too many open files") {
		t.Errorf("files ran out:\n%s", v.Log())
	}
}
