package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// target is one mail system under load.
type target struct {
	name     string
	mx       string // address of the port that takes mail from strangers
	submit   string // address that takes mail to be sent on; with TLS and login if login is set
	login    bool
	imap     string
	imapTLS  bool // IMAP and POP3 are TLS from the start
	pop3     string
	pids     func() []int
	metrics  string // our own port for profiles; empty for peers
	users    []string
	password string
	stop     func()
}

// memory is what the target's processes hold, in bytes.
func (t *target) memory() (int64, error) { return rss(t.pids()) }

func (t *target) dialIMAP() (net.Conn, error) {
	if t.imapTLS {
		return tls.Dial("tcp", t.imap, &tls.Config{InsecureSkipVerify: true})
	}
	return net.Dial("tcp", t.imap)
}

const benchPassword = "bench-password-1"

func benchUsers(n int) []string {
	users := make([]string, n)
	for i := range users {
		users[i] = fmt.Sprintf("user%d@nord.test", i)
	}
	return users
}

// startPeer starts Postfix in front of Dovecot, joined by LMTP, mailboxes in mdbox; what is not for nord.test goes to the sink.
func startPeer(users []string, sinkAddr string) (*target, error) {
	dir, err := os.MkdirTemp("/var/tmp", "bench-peer-")
	if err != nil {
		return nil, err
	}
	var ports [4]int
	for i := range ports {
		if ports[i], err = peers.FreePort(); err != nil {
			return nil, err
		}
	}
	d, err := peers.StartDovecot(dir, peers.DovecotOptions{
		LMTPPort: ports[0], IMAPPort: ports[1], POP3Port: ports[2], Users: users, Password: benchPassword,
	})
	if err != nil {
		return nil, err
	}
	p, err := peers.StartPostfix(dir, peers.PostfixOptions{
		Hostname: "mx.nord.test", Port: ports[3],
		Main: map[string]string{
			"virtual_mailbox_domains": "nord.test", "virtual_transport": fmt.Sprintf("lmtp:inet:127.0.0.1:%d", ports[0]),
			"virtual_mailbox_maps": "", "virtual_alias_maps": "", "default_transport": "smtp:[127.0.0.1]:" + portOf(sinkAddr),
			"lmtp_destination_recipient_limit": "1", "lmtp_destination_concurrency_limit": "20",
			"smtp_destination_concurrency_limit": "20", "smtpd_client_connection_count_limit": "0",
			"smtpd_client_message_rate_limit": "0", "default_process_limit": "100", "message_size_limit": "0", "mailbox_size_limit": "0",
		},
	})
	if err != nil {
		d.Stop()
		return nil, err
	}
	stop := func() {
		p.Stop()
		d.Stop()
		_ = os.RemoveAll(dir)
	}
	return &target{
		name: "Postfix + Dovecot", mx: p.Addr, submit: p.Addr, imap: d.IMAPAddr, pop3: d.POP3Addr, users: users, password: benchPassword,
		pids: func() []int { return append(pidsOf("dovecot"), pidsOf("postfix")...) }, stop: stop,
	}, nil
}

func portOf(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "25"
	}
	return port
}
