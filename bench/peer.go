package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// pair is Postfix in front of Dovecot, joined by LMTP, mailboxes in mdbox; what is not for nord.test goes to the sink. Both ports
// of each kind are open, without TLS and with it; which ones a load takes is the target's matter.
type pair struct {
	dir     string
	dovecot *peers.Dovecot
	postfix *peers.Postfix
	submits string // submission with TLS from the start, after a login
	submit  string // the same in clear text
}

// peerTLS starts the peers for clients that speak TLS.
func (b *bench) peerTLS(users []string) (*target, error) {
	t, p, err := b.startPeer(users)
	if err != nil {
		return nil, err
	}
	t.name += ", TLS"
	t.imap, t.pop3, t.submit, t.secure = p.dovecot.IMAPSAddr, p.dovecot.POP3SAddr, p.submits, true
	return t, nil
}

// peerPlain starts the peers for clients that speak plainly. MX in has STARTTLS all the same.
func (b *bench) peerPlain(users []string) (*target, error) {
	t, _, err := b.startPeer(users)
	return t, err
}

func (b *bench) startPeer(users []string) (*target, *pair, error) {
	p := &pair{}
	stop, err := b.cleanup.starting(func() (func(), error) {
		if err := p.start(users, b.sink.addr); err != nil {
			p.stop()
			return nil, err
		}
		return p.stop, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return &target{
		name: "Postfix + Dovecot", mx: p.postfix.Addr, submit: p.submit, imap: p.dovecot.IMAPAddr, pop3: p.dovecot.POP3Addr,
		users: users, password: benchPassword, pids: p.pids, data: filepath.Join(p.dir, "mail"), stop: stop, bench: b,
		restart: p.dovecot.Restart,
	}, p, nil
}

// pids are the masters' and, behind them, those of all their processes.
func (p *pair) pids() []int {
	var heads, others []int
	if p.dovecot != nil && p.dovecot.Pid() != 0 {
		heads = append(heads, p.dovecot.Pid())
	}
	if p.postfix != nil && p.postfix.Pid() != 0 {
		heads = append(heads, p.postfix.Pid())
	}
	for _, pid := range heads {
		others = append(others, family(pid)[1:]...)
	}
	return append(heads, others...)
}

func (p *pair) stop() {
	all := p.pids()
	if p.postfix != nil {
		p.postfix.Stop()
	}
	if p.dovecot != nil {
		p.dovecot.Stop()
	}
	gone(all)
	_ = os.RemoveAll(p.dir)
}

func (p *pair) start(users []string, sinkAddr string) (err error) {
	if p.dir, err = folder("peer"); err != nil {
		return err
	}
	cert, key, err := peerCertificate(p.dir)
	if err != nil {
		return err
	}
	var ports [9]int
	for i := range ports {
		if ports[i], err = peers.FreePort(); err != nil {
			return err
		}
	}
	p.dovecot, err = peers.StartDovecot(p.dir, peers.DovecotOptions{
		LMTPPort: ports[0], IMAPPort: ports[1], POP3Port: ports[2], Users: users, Password: benchPassword,
		CertFile: cert, KeyFile: key, IMAPSPort: ports[4], POP3SPort: ports[5], AuthPort: ports[6],
	})
	if err != nil {
		return err
	}
	p.submits, p.submit = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[7])), net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[8]))
	login := `
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sasl_type=dovecot
  -o smtpd_sasl_path=inet:127.0.0.1:` + strconv.Itoa(ports[6]) + `
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
`
	p.postfix, err = peers.StartPostfix(p.dir, peers.PostfixOptions{
		Hostname: "mx.nord.test", Port: ports[3],
		Main: map[string]string{
			"virtual_mailbox_domains": "nord.test", "virtual_transport": fmt.Sprintf("lmtp:inet:127.0.0.1:%d", ports[0]),
			"virtual_mailbox_maps": "", "virtual_alias_maps": "", "default_transport": "smtp:[127.0.0.1]:" + portOf(sinkAddr),
			"lmtp_destination_concurrency_limit": "20", "smtp_destination_concurrency_limit": "20", "smtpd_client_connection_count_limit": "0",
			"smtpd_client_message_rate_limit": "0", "default_process_limit": "100", "message_size_limit": "0", "mailbox_size_limit": "0",
			// A delivery that Dovecot puts off would otherwise be tried again after five minutes, which the clock would count.
			"queue_run_delay": "1s", "minimal_backoff_time": "1s", "maximal_backoff_time": "2s",
			"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": key + " " + cert,
		},
		Extra: p.submits + " inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes" + login + p.submit + " inet n - n - - smtpd" + login,
	})
	return err
}

func portOf(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "25"
	}
	return port
}
