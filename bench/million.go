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
// without; the queue is as full on both sides, as the engine has to put in order what it was filled with. A quarter of the
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
	m := million{bench: b, sink: living, dns: ns.Addr().String(), n: n}
	with := millionSide{name: "with", destination: func(i int) int { return i % destinations }}
	without := millionSide{name: "without", destination: func(i int) int { return i % (destinations / 2) * 2 }}
	sides := []*millionSide{&with, &without}
	for _, side := range sides {
		remove, err := m.fill(side)
		if err != nil {
			return nil, err
		}
		defer remove()
	}
	for turn := range millionTurns {
		for _, side := range sides {
			if err := m.run(side, turn); err != nil {
				return nil, err
			}
		}
	}
	out := []result{{
		row: fmt.Sprintf("%d messages waiting for %d destinations, half of them dead: arrivals at the living, %d runs of each side in turn (ready "+
			"%.1f s after the start, at most %d MiB)", n, destinations, millionTurns, with.ready.Seconds(), with.memory>>20),
		ours:  figure{name: "Posthorn", unit: "/s", runs: with.rates},
		peers: []figure{{name: "the same without the dead ones", unit: "/s", runs: without.rates}},
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
	n     int // messages
}

// millionTurns is how often each side runs, in turn: what the engine does in the background makes one run differ from the next by a tenth.
const millionTurns = 2

// millionSide is what is measured with the dead destinations, or without.
type millionSide struct {
	name        string
	destination func(i int) int
	filled      string // the folder of a queue that no run has touched

	rates  []float64
	ready  time.Duration // from the start of the process until it takes connections, the longest
	memory int64         // the most that was resident
}

func (m *million) node(dir string) (*node.Node, error) {
	return node.New(dir, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"}, Binary: m.bench.binary,
		Config: fmt.Sprintf("[dns]\nservers = [%q]\n[log]\nlevel = \"warn\"\nmail = %q\n", m.dns, dir+"/mail.log"),
	})
}

// folder makes one, and gives what removes it.
func (m *million) folder() (dir string, remove func(), err error) {
	remove, err = m.bench.cleanup.starting(func() (_ func(), err error) {
		dir, err = folder("million")
		return func() { _ = os.RemoveAll(dir) }, err
	})
	return dir, remove, err
}

// fill makes a side's queue.
func (m *million) fill(side *millionSide) (remove func(), err error) {
	dir, remove, err := m.folder()
	if err != nil {
		return nil, err
	}
	if _, err := m.node(dir); err != nil {
		return remove, err
	}
	side.filled = filepath.Join(dir, "data")
	began := time.Now()
	if err := fillQueue(filepath.Join(side.filled, "store"), m.n, side.destination); err != nil {
		return remove, fmt.Errorf("fill the queue: %w", err)
	}
	took := time.Since(began).Seconds()
	fmt.Fprintf(os.Stderr, "  %d messages put into the queue in %.0f s: %.0f/s, %d MiB on the disk\n", m.n, took, float64(m.n)/took, diskUse(dir)>>20)
	return remove, nil
}

// run starts a server on a copy of a side's queue and watches the sink: until a quarter of the messages have arrived.
func (m *million) run(side *millionSide, turn int) error {
	dir, remove, err := m.folder()
	if err != nil {
		return err
	}
	defer remove()
	srv, err := m.node(dir)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if err := errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(side.filled))); err != nil {
		return fmt.Errorf("copy the queue: %w", err)
	}
	syscall.Sync() // or the first to sync pays for the copy
	before := m.sink.messages()
	began := time.Now()
	end, err := m.bench.cleanup.starting(func() (func(), error) { return func() { _ = srv.Kill() }, srv.Start() })
	if err != nil {
		return err
	}
	defer end()
	ready := time.Since(began)
	t := &target{name: "Posthorn", metrics: srv.Addr("metrics"), pids: func() []int { return []int{srv.Pid()} }}
	defer t.profileAs(side.name + strconv.Itoa(turn+1))()
	want, told, limit := m.n/4, 0, time.Minute+time.Duration(m.n)*time.Millisecond
	rate := 0.0
	for got := 0; got < want; got = m.sink.messages() - before {
		time.Sleep(50 * time.Millisecond)
		rate = float64(got) / time.Since(began).Seconds()
		if s := int(time.Since(began).Seconds()); s >= told+5 {
			told = s
			fmt.Fprintf(os.Stderr, "  %d s: %d\n", s, got)
		}
		if time.Since(began) > limit {
			fmt.Fprintf(os.Stderr, "  %d of %d messages have arrived in time\n", got, want)
			break
		}
	}
	memory := highWater(srv.Pid())
	t.since(cost{}, m.sink.messages()-before, 1<<10)
	fmt.Fprintf(os.Stderr, "  %s the dead: %.0f/s at the living; ready after %.2f s; at most %d MiB\n", side.name, rate, ready.Seconds(), memory>>20)
	side.rates = append(side.rates, rate)
	side.ready, side.memory = max(side.ready, ready), max(side.memory, memory)
	return nil
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
