// Package large sends a message of 100 MiB through a real server and holds its memory to a bound.
package large

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"net/textproto"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

const (
	bodySize  = 100 << 20
	smallSize = 10 << 10
	// extra is what the server may need beyond what it had at rest.
	extra = 64 << 20
)

// TestHundredMiB lets one message in by SMTP, to a mailbox and through the queue to another server, and reads it back by IMAP
// and POP3. What comes out is what went in, and the server's largest resident size stays within the bound.
func TestHundredMiB(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads the server's memory from /proc")
	}
	sink := newSink(t)
	n := rig.Start(t, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"},
		Accounts: []node.Account{{Address: "anna@nord.test", Password: "geheim-12345"}},
		Config:   fmt.Sprintf("[mail]\nmax_size = \"150MiB\"\n[[route]]\ndomains = [\"*\"]\nhost = %q\ntls = \"opportunistic\"\n", sink.ln.Addr().String()),
	})
	// A small message first: what a login, a TLS session and a first commit cost is not the large message's.
	small := submit(t, n, smallSize)
	if fetchIMAP(t, n, 1) != small || sink.next(t) != small {
		t.Fatal("the small message was changed")
	}
	before := resident(t, n, "VmRSS")
	forgetPeak(t, n)
	want := submit(t, n, bodySize)
	if got := fetchIMAP(t, n, 2); got != want {
		t.Errorf("IMAP gave another body than was sent")
	}
	if got := fetchPOP3(t, n); got != want {
		t.Errorf("POP3 gave another body than was sent")
	}
	if sink.next(t) != want {
		t.Errorf("the next server got another body than was sent")
	}
	peak := resident(t, n, "VmHWM")
	t.Logf("resident before %d MiB, at most %d MiB", before>>20, peak>>20)
	if peak-before > extra {
		t.Errorf("the server needed %d MiB more than at rest, want at most %d", (peak-before)>>20, extra>>20)
	}
}

// resident reads a line of /proc/PID/status, in bytes.
func resident(t *testing.T, n *node.Node, field string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s", field)
	return 0
}

// forgetPeak makes the kernel count the largest resident size anew.
func forgetPeak(t *testing.T, n *node.Node) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", n.Pid()), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

type digest [sha256.Size]byte

// writeBody writes lines of printable text that does not compress well, and returns their digest.
func writeBody(w io.Writer, size int) (digest, error) {
	h := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, h), 64<<10)
	rng := rand.New(rand.NewPCG(1, 1))
	line := make([]byte, 78)
	line[76], line[77] = '\r', '\n'
	for written := 0; written < size; written += len(line) {
		for i := range 76 {
			line[i] = 'A' + byte(rng.UintN(26))
		}
		if _, err := out.Write(line); err != nil {
			return digest{}, err
		}
	}
	err := out.Flush()
	return digest(h.Sum(nil)), err
}

func dialTLS(t *testing.T, addr string) *textproto.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(3 * time.Minute))
	t.Cleanup(func() { c.Close() })
	return textproto.NewConn(c)
}

func submit(t *testing.T, n *node.Node, size int) digest {
	t.Helper()
	c := dialTLS(t, n.Addr("submissions"))
	expect := func(code int, format string, args ...any) {
		t.Helper()
		if format != "" {
			if err := c.PrintfLine(format, args...); err != nil {
				t.Fatal(err)
			}
		}
		if _, msg, err := c.ReadResponse(code); err != nil {
			t.Fatalf("%s: %s %v", format, msg, err)
		}
	}
	expect(220, "")
	expect(250, "EHLO large.test")
	expect(235, "AUTH PLAIN AGFubmFAbm9yZC50ZXN0AGdlaGVpbS0xMjM0NQ==")
	expect(250, "MAIL FROM:<anna@nord.test>")
	expect(250, "RCPT TO:<anna@nord.test>")
	expect(250, "RCPT TO:<carl@[192.0.2.1]>")
	expect(354, "DATA")
	if err := c.PrintfLine("From: anna@nord.test\r\nSubject: large\r\n"); err != nil {
		t.Fatal(err)
	}
	d, err := writeBody(c.W, size)
	if err != nil {
		t.Fatal(err)
	}
	expect(250, ".")
	return d
}

func fetchIMAP(t *testing.T, n *node.Node, seq int) digest {
	t.Helper()
	c := dialTLS(t, n.Addr("imaps"))
	line := func() string {
		t.Helper()
		s, err := c.ReadLine()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	until := func(prefix string) string {
		t.Helper()
		for {
			if s := line(); strings.HasPrefix(s, prefix) {
				return s
			}
		}
	}
	line()
	for _, cmd := range []string{"a LOGIN anna@nord.test geheim-12345", "b SELECT INBOX"} {
		if err := c.PrintfLine("%s", cmd); err != nil {
			t.Fatal(err)
		}
		if s := until(cmd[:2]); !strings.HasPrefix(s[2:], "OK") {
			t.Fatal(s)
		}
	}
	if err := c.PrintfLine("c FETCH %d BODY.PEEK[TEXT]", seq); err != nil {
		t.Fatal(err)
	}
	s := until(fmt.Sprintf("* %d FETCH", seq))
	open, end := strings.LastIndexByte(s, '{'), strings.LastIndexByte(s, '}')
	size, err := strconv.ParseInt(s[open+1:end], 10, 64)
	if err != nil {
		t.Fatal(s)
	}
	h := sha256.New()
	if _, err := io.CopyN(h, c.R, size); err != nil {
		t.Fatal(err)
	}
	until("c OK")
	return digest(h.Sum(nil))
}

func fetchPOP3(t *testing.T, n *node.Node) digest {
	t.Helper()
	c := dialTLS(t, n.Addr("pop3s"))
	for _, cmd := range []string{"", "USER anna@nord.test", "PASS geheim-12345", "RETR 2"} {
		if cmd != "" {
			if err := c.PrintfLine("%s", cmd); err != nil {
				t.Fatal(err)
			}
		}
		if s, err := c.ReadLine(); err != nil || !strings.HasPrefix(s, "+OK") {
			t.Fatalf("%s: %s %v", cmd, s, err)
		}
	}
	d, err := readText(c.R)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// readText reads a dot-stuffed message up to its dot line and digests what is behind its header.
func readText(r *bufio.Reader) (digest, error) {
	var h hash.Hash
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return digest{}, err
		}
		switch {
		case string(line) == ".\r\n":
			if h == nil {
				return digest{}, fmt.Errorf("no body")
			}
			return digest(h.Sum(nil)), nil
		case h != nil:
			_, _ = h.Write(line)
		case string(line) == "\r\n":
			h = sha256.New()
		}
	}
}

// sink takes one message.
type sink struct {
	ln  net.Listener
	got chan digest
}

func newSink(t *testing.T) *sink {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{ln: ln, got: make(chan digest, 1)}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *sink) next(t *testing.T) digest {
	t.Helper()
	select {
	case d := <-s.got:
		return d
	case <-time.After(2 * time.Minute):
		t.Fatal("the message has not been relayed")
		return digest{}
	}
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 sink\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line); {
		case strings.HasPrefix(verb, "DATA"):
			fmt.Fprint(c, "354 go on\r\n")
			d, err := readText(r)
			if err != nil {
				return
			}
			fmt.Fprint(c, "250 ok\r\n")
			s.got <- d
		case strings.HasPrefix(verb, "QUIT"):
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}
