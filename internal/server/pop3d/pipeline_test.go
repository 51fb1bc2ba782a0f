package pop3d

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/server/listen"
)

// counted counts what a server writes.
type counted struct {
	net.Listener
	writes, octets atomic.Int64
	broken         atomic.Bool // nothing can be written any more
}

type countedConn struct {
	net.Conn
	l *counted
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countedConn{c, l}, nil
}

func (c countedConn) Write(p []byte) (int, error) {
	if c.l.broken.Load() {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(p)
	c.l.writes.Add(1)
	c.l.octets.Add(int64(n))
	return n, err
}

// serveCounted is another listener of the server, with TLS from the start.
func (w *world) serveCounted(fetched func(*counted)) *counted {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	l := &counted{Listener: ln}
	srv := New(Options{Directory: w.dir, Mailboxes: w.boxes, Clock: w.clock, MailLog: w.log,
		Fetched: func(context.Context, Fetch) { fetched(l) }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- listen.New(listen.Config{Name: "counted", TLS: w.conf, Busy: Busy}, srv.Serve).Serve(ctx, l)
	}()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	return l
}

func retrieve(first, last int) string {
	var all strings.Builder
	for n := first; n <= last; n++ {
		fmt.Fprintf(&all, "RETR %d\r\n", n)
	}
	return all.String()
}

// TestPipelinedAnswersGoTogether, and nobody is told of a message before its last byte is on its way.
func TestPipelinedAnswersGoTogether(t *testing.T) {
	w := newWorld(t, Options{})
	const n = 20
	body := strings.Repeat("0123456789\r\n", 80)
	for range n {
		w.append(w.anna, "Subject: x\r\n\r\n"+body)
	}
	var before atomic.Int64 // octets written before the first RETR
	var told, early atomic.Int64
	l := w.serveCounted(func(l *counted) {
		if l.octets.Load()-before.Load() < told.Add(1)*int64(len(body)) {
			early.Add(1)
		}
	})
	w.secure = l.Addr().String()
	c := w.login("anna")
	before.Store(l.octets.Load())
	writes := l.writes.Load()
	c.send(retrieve(1, n))
	for range n {
		c.play("S~ \\+OK .*")
		c.multi()
	}
	if got := l.writes.Load() - writes; got >= n/2 {
		t.Errorf("%d answers in %d writes", n, got)
	}
	c.play("C: QUIT\nS~ \\+OK .*\nEND")
	if told.Load() != n || early.Load() != 0 {
		t.Errorf("told of %d messages, of %d before they were sent", told.Load(), early.Load())
	}
}

// TestMessagesOpenedAheadAreTheRightOnes, whatever is asked for next.
func TestMessagesOpenedAheadAreTheRightOnes(t *testing.T) {
	w := newWorld(t, Options{})
	for n := 1; n <= 40; n++ {
		size := 10
		if n == 30 {
			size = aheadSize / 10 // not opened ahead
		}
		w.append(w.anna, fmt.Sprintf("Subject: %d\r\n\r\n%s", n, strings.Repeat("12345678\r\n", size)))
	}
	c := w.login("anna")
	get := func(numbers ...int) {
		t.Helper()
		var all strings.Builder
		for _, n := range numbers {
			all.WriteString(retrieve(n, n))
		}
		c.send(all.String())
		for _, n := range numbers {
			c.play("S~ \\+OK .*")
			if got, want := c.multi()[0], fmt.Sprintf("Subject: %d", n); got != want {
				t.Fatalf("%q for message %d", got, n)
			}
		}
	}
	get(1, 2, 3, 4)
	get(5, 6, 7, 8)
	get(11, 12) // 9 and 10 were opened
	get(10, 13, 14, 15)
	get(16)
	c.play("C: TOP 17 0\nS~ \\+OK .*\nS: Subject: 17\nS: \nS: .\nC: DELE 18\nS~ \\+OK .*\nC: RETR 18\nS~ -ERR .*")
	get(17, 19, 20)
	get(21, 22, 23, 24, 25, 26)
	get(27, 28, 29, 30, 31, 32)
	get(33, 34, 35, 36, 37, 38)
	get(39, 40)
	get(1)
}

// TestNothingIsDeletedForWhoIsGone: a client that asks for a message, its deletion and the end at once has been sent the message before it
// is removed.
func TestNothingIsDeletedForWhoIsGone(t *testing.T) {
	w := newWorld(t, Options{})
	w.append(w.anna, first)
	l := w.serveCounted(func(*counted) {})
	secure := w.secure
	w.secure = l.Addr().String()
	c := w.login("anna")
	l.broken.Store(true)
	c.send("RETR 1\r\nDELE 1\r\nQUIT\r\n")
	if _, err := c.r.ReadByte(); err == nil {
		t.Fatal("something was sent")
	}
	w.secure = secure
	if n := w.count(w.anna); n != 1 {
		t.Errorf("%d messages are left", n)
	}
}
