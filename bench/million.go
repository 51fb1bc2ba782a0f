package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/interop/node"
)

// The servers of the destinations; all of 127.0.0.0/8 is this machine. Port 25 is the one that mail goes to.
const (
	livingAddr   = "127.25.0.1" // smtp-sink
	refusingAddr = "127.25.0.2" // nobody listens
	silentAddr   = "127.25.0.3" // takes no connection and says nothing
	destinations = 10_000
)

// million measures how fast a full queue's messages arrive at the destinations that live, with dead ones beside them and
// without; the queue is as full in both runs, as the engine has to put in order what it was filled with. A quarter of the
// destinations refuses connections, and a quarter is silent. WAITING makes it smaller, but then finding out about the dead weighs more.
func (b *bench) million() ([]result, error) {
	n := number("WAITING", 1_000_000)
	living, err := b.startSinkAt(net.JoinHostPort(livingAddr, "25"))
	if err != nil {
		return nil, fmt.Errorf("this row needs the right to listen on port 25: %w", err)
	}
	defer living.stop()
	hush, err := silence(silentAddr, 25)
	if err != nil {
		return nil, err
	}
	defer hush()
	ns, err := resolve.Serve(destinationZone(), "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	m := million{bench: b, sink: living, dns: ns.Addr().String()}
	with, err := m.run("with", n, func(i int) int { return i % destinations })
	if err != nil {
		return nil, err
	}
	without, err := m.run("without", n, func(i int) int { return i % (destinations / 2) * 2 })
	if err != nil {
		return nil, err
	}
	out := []result{{
		row: fmt.Sprintf("%d messages waiting for %d destinations, half of them dead: arrivals at the living (ready %.1f s after the start, "+
			"at most %d MiB)", n, destinations, with.ready.Seconds(), with.memory>>20),
		ours:  figure{name: "Posthorn", unit: "/s", runs: []float64{with.rate}},
		peers: []figure{{name: "the same without the dead ones", unit: "/s", runs: []float64{without.rate}}},
	}}
	if os.Getenv("POSTFIX") != "1" {
		return out, nil
	}
	return out, b.peerMillion()
}

// destinationZone has a mail exchanger for each destination: even ones live.
func destinationZone() *resolve.Zone {
	var b strings.Builder
	for i := range destinations {
		at := livingAddr
		switch i % 4 {
		case 1:
			at = refusingAddr
		case 3:
			at = silentAddr
		}
		fmt.Fprintf(&b, "d%d.test. 3600 MX 10 mx.d%d.test.\nmx.d%d.test. 3600 A %s\n", i, i, i, at)
	}
	return resolve.MustZone(b.String())
}

// silence listens with no room for connections, so that who comes waits until it gives up.
func silence(addr string, port int) (func(), error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	to := syscall.SockaddrInet4{Port: port, Addr: [4]byte(net.ParseIP(addr).To4())}
	if err := errors.Join(syscall.Bind(fd, &to), syscall.Listen(fd, 0)); err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	var waiting []net.Conn
	for range 4 { // these take what room there is
		c, err := net.DialTimeout("tcp", net.JoinHostPort(addr, strconv.Itoa(port)), 100*time.Millisecond)
		if err == nil {
			waiting = append(waiting, c)
		}
	}
	return func() {
		for _, c := range waiting {
			_ = c.Close()
		}
		_ = syscall.Close(fd)
	}, nil
}

// million is the row's surroundings.
type million struct {
	bench *bench
	sink  *sink
	dns   string
}

type millionRun struct {
	rate   float64
	ready  time.Duration // from the start of the process until it takes connections
	memory int64         // the most that was resident
}

// run fills a queue, starts a server on it and watches the sink: until a quarter of the messages have arrived.
func (m *million) run(name string, n int, destination func(i int) int) (millionRun, error) {
	var out millionRun
	var dir string
	remove, err := m.bench.cleanup.starting(func() (_ func(), err error) {
		dir, err = folder("million")
		return func() { _ = os.RemoveAll(dir) }, err
	})
	if err != nil {
		return out, err
	}
	defer remove()
	srv, err := node.New(dir, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"}, Binary: m.bench.binary,
		Config: fmt.Sprintf("[dns]\nservers = [%q]\n[log]\nlevel = \"warn\"\nmail = %q\n", m.dns, dir+"/mail.log"),
	})
	if err != nil {
		return out, err
	}
	began := time.Now()
	err = fillQueue(filepath.Join(dir, "data", "store"), n, destination)
	if err != nil {
		return out, fmt.Errorf("fill the queue: %w", err)
	}
	took := time.Since(began).Seconds()
	fmt.Fprintf(os.Stderr, "  %d messages put into the queue in %.0f s: %.0f/s, %d MiB on the disk\n", n, took, float64(n)/took, diskUse(dir)>>20)
	before := m.sink.messages()
	began = time.Now()
	end, err := m.bench.cleanup.starting(func() (func(), error) { return func() { _ = srv.Kill() }, srv.Start() })
	if err != nil {
		return out, err
	}
	defer end()
	out.ready = time.Since(began)
	t := &target{name: "Posthorn", metrics: srv.Addr("metrics"), pids: func() []int { return []int{srv.Pid()} }}
	defer t.profileAs(name)()
	want, told, limit := n/4, 0, time.Minute+time.Duration(n)*time.Millisecond
	for got := 0; got < want; got = m.sink.messages() - before {
		time.Sleep(50 * time.Millisecond)
		out.rate = float64(got) / time.Since(began).Seconds()
		if s := int(time.Since(began).Seconds()); s >= told+5 {
			told = s
			fmt.Fprintf(os.Stderr, "  %d s: %d\n", s, got)
		}
		if time.Since(began) > limit {
			fmt.Fprintf(os.Stderr, "  %d of %d messages have arrived in time\n", got, want)
			break
		}
	}
	out.memory = highWater(srv.Pid())
	t.since(cost{}, m.sink.messages()-before, 1<<10)
	fmt.Fprintf(os.Stderr, "  %.0f/s at the living; ready after %.2f s; at most %d MiB\n", out.rate, out.ready.Seconds(), out.memory>>20)
	return out, nil
}

// fillers is how many commit to the queue at once.
const fillers = 4

// fillQueue commits messages of 1 KiB, each with a body of its own, as intake does, and each commit is on the disk before the next.
func fillQueue(dir string, n int, destination func(i int) int) (err error) {
	ctx := context.Background()
	st, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	q, err := queue.Open(ctx, st, queue.Options{})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	failed := make(chan error, fillers)
	for f := range fillers {
		all.Go(func() { failed <- fillPart(ctx, st, q, f*n/fillers, (f+1)*n/fillers, destination) })
	}
	all.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	rest(st)
	return err
}

// rest returns when the engine has put in order what it was given, as it would be for a queue that has waited: else the run whose queue
// was filled faster pays for that while the clock goes.
func rest(st *pebblestore.DB) {
	const quiet, most = 2 * time.Second, 2 * time.Minute
	began := time.Now()
	since, written := began, int64(0)
	for time.Since(since) < quiet && time.Since(began) < most {
		if n := st.Stats().WrittenBytes; n != written {
			since, written = time.Now(), n
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// fillPart commits the messages from one number to another, some hundred in one commit.
func fillPart(ctx context.Context, st store.Store, q *queue.Queue, from, to int, destination func(i int) int) error {
	author, err := mail.ParseAddress("bench@nord.test")
	if err != nil {
		return err
	}
	body := strings.TrimSuffix(string(message(1<<10, author.String())), ".\r\n")
	b := store.NewBatch()
	for i := from; i < to; i++ {
		rcpt, err := mail.ParseAddress(fmt.Sprintf("r%d@d%d.test", i, destination(i)))
		if err != nil {
			return err
		}
		w := st.Stage(ctx)
		if _, err := io.WriteString(w, fmt.Sprintf("Message-ID: <%d@nord.test>\r\n", i)+body); err != nil {
			return err
		}
		staged, err := w.Finish()
		if err != nil {
			return err
		}
		b.AddBlob(staged)
		now := time.Now()
		q.Add(b, queue.Message{
			ID: mail.MessageID{ID: mail.NewID(now)}, From: author, Blob: staged.Ref(), Created: now,
			Recipients: []mail.Recipient{{Address: rcpt}},
		})
		if b.Len() < 2000 && i < to-1 {
			continue
		}
		if err := store.Commit(ctx, st, b); err != nil {
			return err
		}
		b = store.NewBatch()
	}
	return nil
}
