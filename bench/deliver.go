package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// delivery is a load of messages into mailboxes; ours and peer are how many messages each side gets (slow ones get fewer, the
// rate is what counts).
type delivery struct {
	size, sessions, mailboxes int
	fanout                    bool // each message to every mailbox
	startTLS                  bool // a connection for each message, with STARTTLS
	source                    bool // sent by smtp-source, which does not pipeline; else by our own sender, which does
	ours, peer                int
	aim, floorAim             float64 // how many times as fast as the peer, and as a server that keeps nothing
}

func (b *bench) deliver(d delivery) ([]result, error) {
	ours := figure{name: "Posthorn", unit: "/s"}
	peer := figure{name: "Postfix + Dovecot", unit: "/s", aim: d.aim}
	floor := figure{name: "smtp-sink (keeps nothing)", unit: "/s", aim: d.floorAim}
	kept := result{
		row: "the same: bytes on the disk for each message (the body is stored once)", less: true,
		ours: figure{name: "Posthorn", unit: "KiB"}, peers: []figure{{name: "Postfix + Dovecot", unit: "KiB"}},
	}
	sides := []side{
		{&ours, func() (float64, error) { return b.deliverOnce(b.posthorn, d, d.ours, &kept.ours) }},
		{&peer, func() (float64, error) { return b.deliverOnce(b.peerPlain, d, d.peer, &kept.peers[0]) }},
	}
	peers := 1
	if !d.startTLS { // smtp-sink speaks no TLS
		sides = append(sides, side{&floor, func() (float64, error) { return b.sinkOnce(d, d.ours) }})
		peers++
	}
	if err := b.inTurn(sides...); err != nil {
		return nil, err
	}
	results := []result{{ours: ours, peers: []figure{peer, floor}[:peers]}}
	if d.fanout {
		results = append(results, kept)
	}
	return results, nil
}

func (d delivery) load(addr string, users []string, messages int) load {
	return load{
		addr: addr, sessions: d.sessions, messages: messages / d.sessions, size: d.size, from: "bench@remote.test",
		starttls: d.startTLS, reconnect: d.startTLS,
		rcpts: func(s, _ int) []string {
			if d.fanout {
				return users
			}
			return users[s%len(users) : s%len(users)+1]
		},
	}
}

// deliverOnce measures from the first connection until the last message can be read; kept hears how much of the disk each message
// takes then.
func (b *bench) deliverOnce(start starter, d delivery, messages int, kept *figure) (float64, error) {
	t, err := start(benchUsers(d.mailboxes))
	if err != nil {
		return 0, err
	}
	defer t.stop()
	readers, err := openReaders(t)
	if err != nil {
		return 0, err
	}
	defer closeReaders(readers)
	stop := t.profile()
	defer stop()
	was := diskUse(t.data)
	rate, err := b.measure(d, t, readers, messages)
	if err == nil {
		kept.runs = append(kept.runs, float64(diskUse(t.data)-was)/1024/float64(messages))
	}
	return rate, err
}

// send puts the load on the server at addr and returns how many messages it was.
func (b *bench) send(d delivery, addr string, users []string, messages int) (int, error) {
	l := d.load(addr, users, messages)
	if d.source {
		return b.sourceAll(l, d.mailboxes)
	}
	return l.sessions * l.messages, sendAll(l)
}

// measure sends messages and waits until they can be read; the mailboxes are empty before.
func (b *bench) measure(d delivery, t *target, readers []*reader, messages int) (float64, error) {
	before := t.cost()
	began := time.Now()
	sent, err := b.send(d, t.mx, t.users, messages)
	if err != nil {
		return 0, err
	}
	each, arrived := sent/d.mailboxes, sent
	if d.fanout {
		each, arrived = sent, sent*d.mailboxes
	}
	if err := waitReadable(readers, each); err != nil {
		return 0, err
	}
	took := time.Since(began)
	t.sinceBytes(before, arrived, int64(sent)*int64(d.size))
	return float64(arrived) / took.Seconds(), nil
}

func (b *bench) sinkOnce(d delivery, messages int) (float64, error) {
	s, err := b.startSink()
	if err != nil {
		return 0, err
	}
	defer s.stop()
	began := time.Now()
	total, err := b.send(d, s.addr, benchUsers(d.mailboxes), messages)
	if err != nil {
		return 0, err
	}
	if d.fanout {
		total *= d.mailboxes
	}
	return float64(total) / time.Since(began).Seconds(), nil
}

// submission measures from the first connection until the sink has taken the last message.
func (b *bench) submission() ([]result, error) {
	floor := figure{name: "straight to smtp-sink", unit: "/s"}
	direct := delivery{size: 4 << 10, sessions: 20, mailboxes: 20}
	return b.bothWays(ways{
		what: "submission with login → queue → remote sink, 4 KiB, 20 sessions", peer: "Postfix", unit: "/s", aim: 8,
		ours:   func(start starter) (float64, error) { return b.submitOnce(start, 24000) },
		theirs: func(start starter) (float64, error) { return b.submitOnce(start, 3000) },
		floor:  &side{&floor, func() (float64, error) { return b.sinkOnce(direct, 8000) }},
	})
}

func (b *bench) submitOnce(start starter, messages int) (float64, error) {
	t, err := start(benchUsers(20))
	if err != nil {
		return 0, err
	}
	defer t.stop()
	defer t.profile()()
	before, spent := b.sink.messages(), t.cost()
	l := load{
		addr: t.submit, tls: t.secure, sessions: 20, messages: messages / 20, size: 4 << 10, from: t.users[0],
		user: func(int) string { return t.users[0] }, password: func(int) string { return t.password },
		rcpts: func(s, m int) []string { return []string{"r" + strconv.Itoa(s*1_000_000+m) + "@remote.test"} },
	}
	began := time.Now()
	if err := sendAll(l); err != nil {
		return 0, err
	}
	if err := b.sink.waitFor(before + l.sessions*l.messages); err != nil {
		return 0, err
	}
	took := time.Since(began)
	t.since(spent, l.sessions*l.messages, l.size)
	return float64(l.sessions*l.messages) / took.Seconds(), nil
}

// profileDelivery runs a longer delivery under the profiler.
func (b *bench) profileDelivery() ([]result, error) {
	d := delivery{size: 4 << 10, sessions: 20, mailboxes: 20}
	t, err := b.posthorn(benchUsers(d.mailboxes))
	if err != nil {
		return nil, err
	}
	defer t.stop()
	readers, err := openReaders(t)
	if err != nil {
		return nil, err
	}
	defer closeReaders(readers)
	messages := number("MESSAGES", 60000)
	seconds := max(1, messages/9000) // shorter than the load, so that nothing but the load is in it
	path := b.dir + "/delivery.pprof"
	recorded := make(chan error, 1)
	began := time.Now()
	go func() {
		recorded <- fetch("http://"+t.metrics+"/debug/pprof/profile?seconds="+strconv.Itoa(seconds), path)
	}()
	rate, err := b.measure(d, t, readers, messages)
	if err := errors.Join(err, <-recorded); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "  %.0f/s under the profiler, %d s of %.1f\n", rate, seconds, time.Since(began).Seconds())
	cpu, written := b.lastSpent(t.name)
	b.shares, err = readShares(b.binary, path)
	if err != nil {
		return nil, err
	}
	b.shares.cpu, b.shares.written, b.shares.rate = cpu, written, rate
	return nil, nil
}
