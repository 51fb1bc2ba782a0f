package relay

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
)

// anyServer plays the same part on every connection, as often as it is called, until the test ends.
func anyServer(t *testing.T, play func(nc net.Conn, br *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	open := make(map[net.Conn]bool)
	var mu sync.Mutex
	all.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[nc] = true
			mu.Unlock()
			all.Go(func() {
				defer nc.Close()
				play(nc, bufio.NewReader(nc))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for nc := range open {
			_ = nc.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return ln.Addr().String()
}

// polite answers commands until the one named, which is left to the test; it reports whether that came.
func polite(nc net.Conn, br *bufio.Reader, until string) bool {
	_, _ = io.WriteString(nc, "220 mx\r\n")
	for {
		l, err := br.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.HasPrefix(l, until) {
			return true
		}
		switch {
		case strings.HasPrefix(l, "DATA"):
			_, _ = io.WriteString(nc, "354 go\r\n")
			for l != ".\r\n" && err == nil {
				l, err = br.ReadString('\n')
			}
			if until == "." {
				return err == nil
			}
		case strings.HasPrefix(l, "QUIT"):
			_, _ = io.WriteString(nc, "221 bye\r\n")
			return false
		}
		_, _ = io.WriteString(nc, "250 ok\r\n")
	}
}

// short are times that a test can wait for.
func short(o *Options, _ *route.Options) {
	d := 150 * time.Millisecond
	o.Timeouts = Timeouts{Connect: d, Greeting: d, Command: d, TLS: d, Data: d, Block: d, Final: d, Attempt: time.Second}
}

// nonsense is what a server may say instead of an answer.
var nonsense = map[string]string{
	"NULs":                 strings.Repeat("\x00", 300) + "\r\n",
	"garbage":              "\xff\xfe\x80garbage\x1b[2J\r\n",
	"no line end":          strings.Repeat("2", 1<<20),
	"a line without end":   "250 " + strings.Repeat("x", 4<<20) + "\r\n",
	"inconsistent codes":   "250-one\r\n550-two\r\n354 three\r\n",
	"a reply without end":  strings.Repeat("250-and so on\r\n", 100_000),
	"codes of other kinds": "199 what\r\n",
	"six":                  "650 what\r\n",
	"bare newlines":        "250 ok\n250 ok\n",
	"bare returns":         "250 ok\r250 ok\r",
	"nothing":              "",
	"354":                  "354 go\r\n",
	"very much":            strings.Repeat("450-"+strings.Repeat("no ", 150)+"\r\n", 100) + "450 no\r\n",
}

// TestNonsenseIsNoAnswer has servers that say nonsense at each stage. The mail waits, as the server may be well another day, what it
// said is clean where people read it, and it costs bounded memory.
func TestNonsenseIsNoAnswer(t *testing.T) {
	for what, words := range nonsense {
		for _, stage := range []string{"", "EHLO", "MAIL", "RCPT", "DATA", "."} {
			t.Run(what+" at "+stage, func(t *testing.T) {
				t.Parallel()
				if what == "354" && stage == "DATA" {
					t.Skip("that is what belongs there")
				}
				addr := anyServer(t, func(nc net.Conn, br *bufio.Reader) {
					if stage == "" || polite(nc, br, stage) {
						_, _ = io.WriteString(nc, words)
						_, _ = io.Copy(io.Discard, br)
					}
				})
				b := newBench(t, dialer{"192.0.2.1:25": addr}, short)
				began := time.Now()
				got := b.send(b.message(content), "a@one.test")
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				if got.Results[0].Status != queue.Deferred {
					t.Errorf("%+v", got.Results[0])
				}
				expectClean(t, got)
			})
		}
	}
}

// expectClean looks at what people will read.
func expectClean(t *testing.T, r queue.Report) {
	t.Helper()
	clean := func(s string) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || len(s) > 1000 {
			t.Errorf("%d bytes, not clean: %.200q", len(s), s)
		}
	}
	for _, res := range r.Results {
		clean(res.Reply)
		clean(res.Enhanced)
	}
	for _, e := range r.Events {
		clean(e.Reply)
		clean(e.Detail)
		clean(e.Server)
	}
}

// TestClosedAtEachStage has servers that close the connection, before and after the answer.
func TestClosedAtEachStage(t *testing.T) {
	for _, stage := range []string{"EHLO", "MAIL", "RCPT", "DATA", "."} {
		for _, said := range []string{"", "421 no more\r\n", "45", "250-ok\r\n"} {
			t.Run(stage+" "+said, func(t *testing.T) {
				t.Parallel()
				addr := anyServer(t, func(nc net.Conn, br *bufio.Reader) {
					if polite(nc, br, stage) {
						_, _ = io.WriteString(nc, said)
					}
				})
				b := newBench(t, dialer{"192.0.2.1:25": addr}, short)
				if got := b.send(b.message(content), "a@one.test"); got.Results[0].Status != queue.Deferred {
					t.Errorf("%+v", got.Results[0])
				}
			})
		}
	}
}

// TestAnswersInAdvance has servers that say yes before they were asked: no message is delivered by that.
func TestAnswersInAdvance(t *testing.T) {
	for name, script := range map[string]string{
		"to the content, with the go-ahead": "220 mx\r\n|250 mx\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n250 taken\r\n",
		"to the content, instead of it":     "220 mx\r\n|250 mx\r\n|250 ok\r\n|250 ok\r\n|250 taken\r\n",
		"all at once":                       "220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
		"all but the greeting":              "220 mx\r\n|250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
		"pipelined, with the go-ahead":      "220 mx\r\n|250-mx\r\n250 PIPELINING\r\n|250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
		"in chunks":                         "220 mx\r\n|250-mx\r\n250-CHUNKING\r\n250 PIPELINING\r\n|250 ok\r\n250 ok\r\n250 taken\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			addr := anyServer(t, func(nc net.Conn, br *bufio.Reader) {
				for i, say := range strings.Split(script, "|") {
					if i > 0 {
						if _, err := br.ReadString('\n'); err != nil {
							return
						}
					}
					_, _ = io.WriteString(nc, say)
				}
			})
			b := newBench(t, dialer{"192.0.2.1:25": addr}, short)
			if got := b.send(b.message(content), "a@one.test"); got.Results[0].Status != queue.Deferred {
				t.Errorf("%+v", got.Results[0])
			}
		})
	}
}

// TestAnswersTooManyEndTheConnection has a server that says yes twice: the second must not be taken for the next message's.
func TestAnswersTooManyEndTheConnection(t *testing.T) {
	var mu sync.Mutex
	connections := 0
	addr := anyServer(t, func(nc net.Conn, br *bufio.Reader) {
		mu.Lock()
		connections++
		mu.Unlock()
		if polite(nc, br, ".") {
			_, _ = io.WriteString(nc, "250 taken\r\n250 taken\r\n250 taken\r\n354 go\r\n250 taken\r\n")
			_, _ = io.Copy(io.Discard, br)
		}
	})
	b := newBench(t, dialer{"192.0.2.1:25": addr}, func(o *Options, r *route.Options) {
		short(o, r)
		o.IdleFor = time.Minute
	})
	for range 2 {
		if got := b.send(b.message(content), "a@one.test"); statuses(got) != "ok" {
			t.Fatalf("%+v", got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if connections != 2 {
		t.Fatalf("%d connections", connections)
	}
}

// TestInjectedBeforeTLS has what comes with the answer to STARTTLS: in TLS it would be taken for the server's own words. The connection
// ends, and as nobody demanded TLS the message goes without, where nothing is pretended.
func TestInjectedBeforeTLS(t *testing.T) {
	srv := serve(t, nil, "SILENT\nS: 220 mx\nC: EHLO\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nINJECT\nC: never", script(strings.ReplaceAll(simple, "a@x.test", "a@one.test")))
	b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, short)
	got := b.send(b.message(content), "a@one.test")
	if statuses(got) != "ok" || got.Results[0].TLS != "" {
		t.Fatalf("%+v", got)
	}
}

// TestStalledTLS has a server that stops in the middle of the handshake.
func TestStalledTLS(t *testing.T) {
	addr := anyServer(t, func(nc net.Conn, br *bufio.Reader) {
		_, _ = io.WriteString(nc, "220 mx\r\n")
		if l, _ := br.ReadString('\n'); strings.HasPrefix(l, "EHLO") {
			_, _ = io.WriteString(nc, "250-mx\r\n250 STARTTLS\r\n")
		}
		_, _ = br.ReadString('\n')
		_, _ = io.WriteString(nc, "220 go\r\n\x16\x03\x03\x40\x00")
		_, _ = io.Copy(io.Discard, br)
	})
	b := newBench(t, dialer{"192.0.2.1:25": addr}, short)
	began := time.Now()
	got := b.send(b.message(content), "a@one.test")
	if got.Results[0].Status != queue.Deferred || time.Since(began) > 5*time.Second {
		t.Fatalf("%v %+v", time.Since(began), got)
	}
}

// TestSlowHandshake has a server that takes its time to shake hands: that is no reason to go on in clear text.
func TestSlowHandshake(t *testing.T) {
	cert, _ := certificate(t, "mx1.x.test")
	deliver := strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(simple), "S: 220 mx ESMTP\n"), "a@x.test", "a@one.test")
	srv := serve(t, cert, script(hello("STARTTLS")+"C: STARTTLS\nS: 220 go\nSLOW\nTLS\n"+deliver))
	b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, nil)
	if got := b.send(b.message(content), "a@one.test"); statuses(got) != "ok" || got.Results[0].TLS == "" {
		t.Fatalf("%+v", got)
	}
}

// TestAnotherServerAfterTLS has a server whose words before TLS do not hold afterwards.
func TestAnotherServerAfterTLS(t *testing.T) {
	cert, _ := certificate(t, "mx1.x.test")
	srv := serve(t, cert, `
		S: 220 mx
		C: EHLO us.test
		S: 250-mx
		S: 250-CHUNKING
		S: 250-PIPELINING
		S: 250-SIZE 1
		S: 250 STARTTLS
		C: STARTTLS
		S: 220 go
		TLS
		C: EHLO us.test
		S: 250 mx
		C: MAIL FROM:<anna@us.test>`+"\n\t\tS: 250 ok\n\t\tC: RCPT TO:<a@one.test>\n\t\tS: 250 ok\n\t\tC: DATA\n\t\tS: 354 go\n\t\tBODY\n\t\tS: 250 2.0.0 taken")
	b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, nil)
	if got := b.send(b.message(content), "a@one.test"); statuses(got) != "ok" {
		t.Fatalf("%+v", got)
	}
}

// TestDrip has many servers that say an octet now and then, for ever. Each attempt ends in its time, with what it held.
func TestDrip(t *testing.T) {
	addr := anyServer(t, func(nc net.Conn, br *bufio.Reader) {
		if !polite(nc, br, "RCPT") {
			return
		}
		for {
			for _, c := range "250-wait a little longer\r\n" {
				if _, err := nc.Write([]byte{byte(c)}); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
	})
	b := newBench(t, dialer{"192.0.2.1:25": addr}, func(o *Options, r *route.Options) {
		short(o, r)
		o.Timeouts.Command = time.Minute // each line comes in time
	})
	before := runtime.NumGoroutine()
	m := b.message(content)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got := b.send(m, "a@one.test"); got.Results[0].Status != queue.Deferred {
				t.Errorf("%+v", got.Results[0])
			}
		})
	}
	all.Wait()
	b.relay.Close()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+10; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// TestOurselvesUnderAnotherName has a domain whose mail exchanger is this very server.
func TestOurselvesUnderAnotherName(t *testing.T) {
	us := script("S: 220 us.test\nC: EHLO us.test\nS: 250 US.test at your service")
	for _, tc := range []struct{ name, to, want string }{
		{"the only one", "a@one.test", "never"},
		{"the best one", "a@x.test", "never"},
		{"one beyond a better one, which is ill", "a@far.test", "later"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := serve(t, nil, us)
			b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, nil)
			if err := b.zone.Add("far.test. MX 5 ill.far.test.\nfar.test. MX 10 mx1.x.test.\nfar.test. MX 20 mx2.x.test.\nill.far.test. A 192.0.2.77\n"); err != nil {
				t.Fatal(err)
			}
			got := b.send(b.message(content), tc.to)
			if s, _, _ := strings.Cut(statuses(got), " "); s != tc.want {
				t.Fatalf("%+v", got)
			}
			if tc.want == "never" && got.Results[0].Enhanced != "5.4.6" {
				t.Errorf("%+v", got.Results[0])
			}
			if n := len(got.Events); got.Events[n-1].Kind != journey.Attempted {
				t.Errorf("%+v", got.Events)
			}
		})
	}
}
