package main

// row is one line of the table, or some that are measured together.
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

// into makes a row of a delivery.
func into(d delivery) func(b *bench) ([]result, error) {
	return func(b *bench) ([]result, error) { return b.deliver(d) }
}

// rows are all there are, with the aims the project has set itself.
func rows() []row {
	return []row{
		{"mx4k", "MX in → readable in the mailbox, 4 KiB, 20 sessions, 20 mailboxes",
			into(delivery{size: 4 << 10, sessions: 20, mailboxes: 20, source: true, ours: 24000, peer: 1500, aim: 20, floorAim: 0.6})},
		{"mx4kpipe", "the same, 4 KiB, from senders that pipeline",
			into(delivery{size: 4 << 10, sessions: 20, mailboxes: 20, ours: 24000, peer: 1500, aim: 20, floorAim: 0.6})},
		{"mx32k", "MX in → readable in the mailbox, 32 KiB, 20 sessions, 20 mailboxes",
			into(delivery{size: 32 << 10, sessions: 20, mailboxes: 20, source: true, ours: 12000, peer: 1200, aim: 15, floorAim: 0.9})},
		{"mx32kpipe", "the same, 32 KiB, from senders that pipeline",
			into(delivery{size: 32 << 10, sessions: 20, mailboxes: 20, ours: 12000, peer: 1200, aim: 15, floorAim: 0.9})},
		{"hot", "one hot mailbox, 4 KiB, 20 sessions",
			into(delivery{size: 4 << 10, sessions: 20, mailboxes: 1, source: true, ours: 24000, peer: 1200, aim: 20})},
		{"fanout", "one message to 50 local recipients, 4 KiB, 4 sessions (recipients a second)",
			into(delivery{size: 4 << 10, sessions: 4, mailboxes: 50, fanout: true, ours: 2400, peer: 80, aim: 20})},
		{"tls1", "MX in with STARTTLS, one message a connection, full handshakes, 4 KiB, 20 sessions, 20 mailboxes",
			into(delivery{size: 4 << 10, sessions: 20, mailboxes: 20, startTLS: true, ours: 6000, peer: 1200, aim: 5})},
		{"profile", "where a delivery's CPU time goes (4 KiB, 20 sessions, 20 mailboxes)", (*bench).profileDelivery},
		{"submit", "submission with login → queue → remote sink, 4 KiB, 20 sessions", (*bench).submission},
		{"million", "a full queue, half of its destinations dead", aimed((*bench).million, 0.9)},
		{"imapmix10", "IMAP mix, 10 clients", func(b *bench) ([]result, error) { return b.imapMix(10) }},
		{"imapmix50", "IMAP mix, 50 clients", func(b *bench) ([]result, error) { return b.imapMix(50) }},
		{"imapbig", "IMAP on 100,000 messages", (*bench).imapBig},
		{"idle", "memory of each idle IMAP client", single((*bench).idle)},
		{"pop3", "POP3, download of 10,000 messages", (*bench).pop3},
		{"pop3pipe", "the same by a client that pipelines", (*bench).pop3Pipelined},
		{"growth", "a mailbox of 1,000,000 messages", (*bench).growth},
		{"rest", "resident memory at rest", (*bench).rest},
	}
}

// aimed gives each figure beside ours an aim.
func aimed(run func(b *bench) ([]result, error), aim float64) func(b *bench) ([]result, error) {
	return func(b *bench) ([]result, error) {
		results, err := run(b)
		for _, r := range results {
			for i := range r.peers {
				if r.peers[i].aim == 0 {
					r.peers[i].aim = aim
				}
			}
		}
		return results, err
	}
}
