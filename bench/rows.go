package main

import (
	"fmt"
	"strconv"
	"time"
)

// row is one line of the table.
type row struct {
	name  string // for ONLY=
	title string
	run   func(b *bench) ([]result, error)
}

// single makes a row of one result.
func single(f func(b *bench) (result, error)) func(b *bench) ([]result, error) {
	return func(b *bench) ([]result, error) {
		r, err := f(b)
		return []result{r}, err
	}
}

func rows() []row {
	return []row{
		{"mx4k", "MX in → readable in the mailbox, 4 KiB, 20 sessions, 20 mailboxes", single(func(b *bench) (result, error) {
			return b.deliver(delivery{size: 4 << 10, sessions: 20, mailboxes: 20, ours: 24000, peer: 1500})
		})},
		{"mx32k", "MX in → readable in the mailbox, 32 KiB, 20 sessions, 20 mailboxes", single(func(b *bench) (result, error) {
			return b.deliver(delivery{size: 32 << 10, sessions: 20, mailboxes: 20, ours: 5000, peer: 1200})
		})},
		{"hot", "one hot mailbox, 4 KiB, 20 sessions", single(func(b *bench) (result, error) {
			return b.deliver(delivery{size: 4 << 10, sessions: 20, mailboxes: 1, ours: 8000, peer: 1200})
		})},
		{"fanout", "one message to 20 local recipients, 4 KiB, 4 sessions (recipients per second)", single(func(b *bench) (result, error) {
			return b.deliver(delivery{size: 4 << 10, sessions: 4, mailboxes: 20, fanout: true, ours: 800, peer: 160})
		})},
		{"submit", "submission → queue → remote sink, 4 KiB, 20 sessions", single((*bench).submission)},
		{"million", "a full queue, half of its destinations dead", (*bench).million},
		{"imapmix10", "IMAP mix, 10 clients", single(func(b *bench) (result, error) { return b.imapMix(10) })},
		{"imapmix50", "IMAP mix, 50 clients", single(func(b *bench) (result, error) { return b.imapMix(50) })},
		{"imapbig", "IMAP on 100,000 messages", (*bench).imapBig},
		{"idle", "idle IMAP clients", single((*bench).idle)},
		{"pop3", "POP3, download of 10,000 messages", single((*bench).pop3)},
	}
}

// delivery is a load of messages into mailboxes; ours and peer are how many messages each side gets (slow ones get fewer, the
// rate is what counts).
type delivery struct {
	size, sessions, mailboxes int
	fanout                    bool
	ours, peer                int
}

func (b *bench) deliver(d delivery) (result, error) {
	ours := figure{name: "Posthorn", unit: "/s"}
	peer := figure{name: "Postfix + Dovecot", unit: "/s"}
	floor := figure{name: "smtp-sink (keeps nothing)", unit: "/s"}
	for range b.repeat {
		r, err := b.deliverOnce(b.startPosthorn, d, d.ours)
		if err != nil {
			return result{}, fmt.Errorf("posthorn: %w", err)
		}
		ours.runs = append(ours.runs, r)
		if r, err = b.deliverOnce(b.startPeers, d, d.peer); err != nil {
			return result{}, fmt.Errorf("peer: %w", err)
		}
		peer.runs = append(peer.runs, r)
		if r, err = b.sinkOnce(d, d.ours); err != nil {
			return result{}, fmt.Errorf("sink: %w", err)
		}
		floor.runs = append(floor.runs, r)
	}
	return result{ours: ours, peers: []figure{peer, floor}}, nil
}

func (d delivery) load(addr string, users []string, messages int) load {
	return load{
		addr: addr, sessions: d.sessions, messages: messages / d.sessions, size: d.size, from: "bench@remote.test",
		rcpts: func(s, _ int) []string {
			if d.fanout {
				return users
			}
			return users[s%len(users) : s%len(users)+1]
		},
	}
}

// deliverOnce measures from the first connection until the last message can be read.
func (b *bench) deliverOnce(start func(users []string) (*target, error), d delivery, messages int) (float64, error) {
	t, err := start(benchUsers(d.mailboxes))
	if err != nil {
		return 0, err
	}
	defer t.stop()
	l := d.load(t.mx, t.users, messages)
	readers, err := openReaders(t)
	if err != nil {
		return 0, err
	}
	defer closeReaders(readers)
	stop := t.profile()
	defer stop()
	before := t.cost()
	began := time.Now()
	if err := sendAll(l); err != nil {
		return 0, err
	}
	total := l.sessions * l.messages
	each := total / d.mailboxes
	if d.fanout {
		each, total = total, total*d.mailboxes
	}
	if err := waitReadable(readers, each); err != nil {
		return 0, err
	}
	took := time.Since(began)
	t.since(before, total, d.size)
	return float64(total) / took.Seconds(), nil
}

func (b *bench) sinkOnce(d delivery, messages int) (float64, error) {
	s, err := startSink()
	if err != nil {
		return 0, err
	}
	defer s.stop()
	l := d.load(s.addr, benchUsers(d.mailboxes), messages)
	began := time.Now()
	if err := sendAll(l); err != nil {
		return 0, err
	}
	total := l.sessions * l.messages
	if d.fanout {
		total *= d.mailboxes
	}
	return float64(total) / time.Since(began).Seconds(), nil
}

// submission measures from the first connection until the sink has taken the last message.
func (b *bench) submission() (result, error) {
	ours := figure{name: "Posthorn", unit: "/s"}
	peer := figure{name: "Postfix (no TLS, no login)", unit: "/s"}
	floor := figure{name: "straight to smtp-sink", unit: "/s"}
	once := func(start func(users []string) (*target, error), messages int) (float64, error) {
		t, err := start(benchUsers(20))
		if err != nil {
			return 0, err
		}
		defer t.stop()
		defer t.profile()()
		before, spent := b.sink.messages(), t.cost()
		l := load{
			addr: t.submit, sessions: 20, messages: messages / 20, size: 4 << 10, from: t.users[0],
			rcpts: func(s, m int) []string { return []string{"r" + strconv.Itoa(s*1_000_000+m) + "@remote.test"} },
		}
		if t.login {
			l.user = func(int) string { return t.users[0] }
			l.password = func(int) string { return t.password }
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
	for range b.repeat {
		r, err := once(b.startPosthorn, 24000)
		if err != nil {
			return result{}, fmt.Errorf("posthorn: %w", err)
		}
		ours.runs = append(ours.runs, r)
		if r, err = once(b.startPeers, 3000); err != nil {
			return result{}, fmt.Errorf("peer: %w", err)
		}
		peer.runs = append(peer.runs, r)
		if r, err = b.sinkOnce(delivery{size: 4 << 10, sessions: 20, mailboxes: 20}, 8000); err != nil {
			return result{}, fmt.Errorf("sink: %w", err)
		}
		floor.runs = append(floor.runs, r)
	}
	return result{ours: ours, peers: []figure{peer, floor}}, nil
}
