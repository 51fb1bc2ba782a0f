package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// The peer's part of the row is small, as Postfix takes mail at some hundred a second: as many messages for each destination as ours has
// with 200,000, and as many destinations dead.
const (
	peerMessages     = 8000
	peerDestinations = 400
	peerTime         = 30 * time.Second // the most that arrivals are waited for
)

// peerMillion measures the same with Postfix, if POSTFIX=1 asks for it, and tells it: how fast what waits arrives at the living. It is no
// row of the table, as the loads are too different.
func (b *bench) peerMillion() error {
	living, err := b.startSinkAt(net.JoinHostPort("0.0.0.0", "2525")) // each destination has an address of its own in 127.0.0.0/8
	if err != nil {
		return err
	}
	defer living.stop()
	hush, err := silence("0.0.0.0", 2526)
	if err != nil {
		return err
	}
	defer hush()
	with, err := peerRun(living, func(i int) int { return i % peerDestinations })
	if err != nil {
		return err
	}
	without, err := peerRun(living, func(i int) int { return i % (peerDestinations / 2) * 2 })
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "  Postfix, %d messages for %d destinations, half of them dead: %.1f/s at the living, without the dead %.1f/s\n",
		peerMessages, peerDestinations, with, without)
	return nil
}

// peerRoutes lead each destination to an address of its own, and to the port of the living (2525), the refusing (2527) or the silent (2526):
// even ones live, as with ours.
func peerRoutes() string {
	var b strings.Builder
	for i := range peerDestinations {
		port := 2525
		switch i % 4 {
		case 1:
			port = 2527
		case 3:
			port = 2526
		}
		fmt.Fprintf(&b, "d%03d.test smtp:[127.27.%d.%d]:%d\n", i, i/100, i%100+1, port)
	}
	return b.String()
}

func peerRun(living *sink, destination func(i int) int) (rate float64, err error) {
	dir, err := os.MkdirTemp("/var/tmp", "bench-million-peer-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	routes := filepath.Join(dir, "routes")
	if err := os.WriteFile(routes, []byte(peerRoutes()), 0o644); err != nil {
		return 0, err
	}
	port, err := peers.FreePort()
	if err != nil {
		return 0, err
	}
	o := peers.PostfixOptions{Hostname: "mx.nord.test", Port: port, Main: map[string]string{
		"transport_maps": "texthash:" + routes, "defer_transports": "smtp", "default_process_limit": "100",
		"smtpd_client_connection_count_limit": "0", "smtpd_client_message_rate_limit": "0",
	}}
	p, err := peers.StartPostfix(dir, o)
	if err != nil {
		return 0, err
	}
	const sessions = 20
	l := load{addr: p.Addr, sessions: sessions, messages: peerMessages / sessions, size: 1 << 10, from: "bench@nord.test",
		rcpts: func(s, m int) []string {
			return []string{"r@d" + fmt.Sprintf("%03d", destination(m*sessions+s)) + ".test"}
		}}
	began := time.Now()
	err = sendAll(l)
	p.Stop()
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "  Postfix: %s messages taken in %.0f s\n", strconv.Itoa(peerMessages), time.Since(began).Seconds())
	o.Main["defer_transports"] = ""
	if p, err = peers.StartPostfix(dir, o); err != nil {
		return 0, err
	}
	defer p.Stop()
	before := living.messages()
	began = time.Now()
	if err := p.Flush(); err != nil {
		return 0, err
	}
	for got := 0; got < peerMessages/4 && time.Since(began) < peerTime; got = living.messages() - before {
		time.Sleep(20 * time.Millisecond)
	}
	return float64(living.messages()-before) / time.Since(began).Seconds(), nil
}
