package hostile

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/interop/node"
)

// patience bounds every step of a conversation. It is wide: it only ends what would never end.
const patience = time.Minute

const (
	domain   = "ost.test"
	password = "correct horse battery"
	proxy    = "127.0.0.5" // who may send PROXY headers
)

// long reports whether the full sizes are asked for.
var long = os.Getenv("POSTHORN_HOSTILE") == "long"

// size is how much of something an attack sends.
func size(short, full int) int {
	if long {
		return full
	}
	return short
}

// victim is the server under attack.
type victim struct {
	*node.Node
	fakes atomic.Uint32 // addresses handed out
}

func startVictim(t *testing.T, o node.Options) *victim {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the real binary; left out of -short")
	}
	o.Hostname, o.Domains = "mx.ost.test", []string{domain}
	o.Config = "proxy_from = [\"" + proxy + "/32\"]\n[dns]\nservers = [\"127.0.0.1:9\"]\n" + o.Config // nobody answers there, at once
	n, err := node.New(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		log := n.Log()
		for _, bad := range []string{"panic", "goroutine 1 [", "DATA RACE", "fatal error"} {
			if i := strings.Index(log, bad); i >= 0 {
				t.Errorf("the log tells of a %s:\n%s", bad, log[max(0, i-500):min(len(log), i+4000)])
			}
		}
	})
	return &victim{Node: n}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// account is an account's options.
func account(name string) node.Account {
	return node.Account{Address: name + "@" + domain, Password: password}
}

// stranger connects to a listener from an address that nobody has used yet.
func (v *victim) stranger(listener string) (net.Conn, error) {
	n := v.fakes.Add(1)
	return v.from(listener, fmt.Sprintf("198.%d.%d.%d", 18+n>>16, n>>8&255, n&255))
}

// from connects to a listener as a client at an address.
func (v *victim) from(listener, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(proxy)}}
	c, err := d.Dial("tcp", v.Addr(listener))
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(c, "PROXY TCP4 %s 127.0.0.1 40000 25\r\n", addr)
	return c, err
}

// client is a conversation in lines.
type client struct {
	net.Conn
	r *bufio.Reader
}

func talk(c net.Conn) *client { return &client{c, bufio.NewReaderSize(c, 64<<10)} }

// say sends bytes; a server that has hung up is not an error here.
func (c *client) say(s string) { _, _ = io.WriteString(c, s) }

// line is the next line without its end, empty when the server has hung up.
func (c *client) line() string {
	l, err := c.r.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimRight(l, "\r\n")
}

// reply is the last line of an SMTP reply.
func (c *client) reply() string {
	for {
		l := c.line()
		if len(l) < 4 || l[3] != '-' {
			return l
		}
	}
}

// ask sends an SMTP command and gives the reply.
func (c *client) ask(command string) string {
	c.say(command + "\r\n")
	return c.reply()
}

// tagged sends an IMAP command and gives its tagged response.
func (c *client) tagged(command string) string {
	c.say("t " + command + "\r\n")
	return c.until("t ")
}

// until reads lines up to one with the prefix; empty when the server has hung up.
func (c *client) until(prefix string) string {
	for {
		l := c.line()
		if l == "" || strings.HasPrefix(l, prefix) {
			return l
		}
	}
}

// rest reads what the server still says, up to the end.
func (c *client) rest() string {
	b, _ := io.ReadAll(io.LimitReader(c.r, 1<<20))
	return string(b)
}

func (v *victim) smtp() (*client, error) {
	conn, err := v.stranger("smtp")
	if err != nil {
		return nil, err
	}
	c := talk(conn)
	if got := c.reply(); !strings.HasPrefix(got, "220") {
		_ = c.Close()
		return nil, fmt.Errorf("greeted with %q", got)
	}
	c.ask("EHLO evil.test")
	return c, nil
}

// envelope opens a transaction up to DATA's 354.
func (c *client) envelope(to string) string {
	c.ask("MAIL FROM:<evil@evil.test>")
	c.ask("RCPT TO:<" + to + "@" + domain + ">")
	return c.ask("DATA")
}

// imap logs in.
func (v *victim) imap(user string) (*client, error) {
	conn, err := v.stranger("imaps")
	if err != nil {
		return nil, err
	}
	c := talk(tls.Client(conn, insecure()))
	c.line()
	if got := c.tagged(fmt.Sprintf("LOGIN %s@%s \"%s\"", user, domain, password)); !strings.HasPrefix(got, "t OK") {
		_ = c.Close()
		return nil, fmt.Errorf("login: %q", got)
	}
	return c, nil
}

func insecure() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a self-signed certificate of a test
}

// rss is the server's resident memory in bytes.
func (v *victim) rss() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", v.Pid()))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// cpu is the processor time that the server has used.
func (v *victim) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.Pid()))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // the kernel counts in hundredths
}

// goroutines asks the metrics.
func (v *victim) goroutines() (int, error) {
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + v.Addr("metrics") + "/metrics")
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Body.Close() }()
	s := bufio.NewScanner(r.Body)
	for s.Scan() {
		if f, ok := strings.CutPrefix(s.Text(), "go_goroutines "); ok {
			return strconv.Atoi(f)
		}
	}
	return 0, fmt.Errorf("no go_goroutines in the metrics: %w", s.Err())
}

// watch samples memory until stop, which gives the peak.
func (v *victim) watch() (stop func() int64) {
	done := make(chan struct{})
	result := make(chan int64)
	go func() {
		peak := v.rss()
		for {
			select {
			case <-done:
				result <- peak
				return
			case <-time.After(10 * time.Millisecond):
				peak = max(peak, v.rss())
			}
		}
	}()
	return func() int64 { close(done); return <-result }
}

// honest is two honest clients: one delivers mail, each over a new connection, the other reads it.
type honest struct {
	v    *victim
	stop chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex // guards what follows
	delivery []time.Duration
	reading  []time.Duration
	failed   []error
}

func (v *victim) honestClients() *honest {
	h := &honest{v: v, stop: make(chan struct{})}
	h.wg.Go(func() { h.repeat(&h.delivery, h.deliver) })
	h.wg.Go(func() { h.repeat(&h.reading, h.read) })
	return h
}

func (h *honest) repeat(into *[]time.Duration, once func() error) {
	for {
		began := time.Now()
		err := once()
		h.mu.Lock()
		*into = append(*into, time.Since(began))
		if err != nil {
			h.failed = append(h.failed, err)
		}
		h.mu.Unlock()
		select {
		case <-h.stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (h *honest) deliver() error {
	conn, err := net.DialTimeout("tcp", h.v.Addr("smtp"), patience)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := talk(conn)
	c.reply()
	c.ask("EHLO honest.test")
	if got := c.envelope("honest"); !strings.HasPrefix(got, "354") {
		return fmt.Errorf("honest DATA: %q", got)
	}
	if got := c.ask("Subject: hello\r\n\r\nhello\r\n."); !strings.HasPrefix(got, "250") {
		return fmt.Errorf("honest delivery: %q", got)
	}
	return nil
}

func (h *honest) read() error {
	conn, err := net.DialTimeout("tcp", h.v.Addr("imaps"), patience)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := talk(tls.Client(conn, insecure()))
	c.line()
	for _, command := range []string{"LOGIN honest@" + domain + " \"" + password + "\"", "SELECT INBOX", "FETCH 1 (FLAGS ENVELOPE)"} {
		if got := c.tagged(command); !strings.HasPrefix(got, "t OK") {
			return fmt.Errorf("honest %s: %q", command[:5], got)
		}
	}
	return nil
}

// end stops the clients and gives a line of figures and the failures.
func (h *honest) end() (figures string, worst time.Duration, failed []error) {
	close(h.stop)
	h.wg.Wait()
	slices.Sort(h.delivery)
	slices.Sort(h.reading)
	worst = max(at(h.delivery, 99), at(h.reading, 99))
	return fmt.Sprintf("deliver p50 %v p99 %v (%d), read p50 %v p99 %v (%d)",
		at(h.delivery, 50), at(h.delivery, 99), len(h.delivery), at(h.reading, 50), at(h.reading, 99), len(h.reading)), worst, h.failed
}

func at(d []time.Duration, percent int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	return d[(len(d)-1)*percent/100].Round(100 * time.Microsecond)
}
