package main

import (
	"fmt"
	"os"

	"github.com/posthorn-mail/posthorn/interop/node"
)

func (b *bench) build() error {
	if _, err := node.Binary(); err != nil {
		return err
	}
	b.startPosthorn = func(users []string) (*target, error) { return startPosthorn(users, b.sink.addr) }
	return nil
}

// startPosthorn starts a server whose way out leads to the sink.
func startPosthorn(users []string, sinkAddr string) (*target, error) {
	dir, err := os.MkdirTemp("/var/tmp", "bench-posthorn-")
	if err != nil {
		return nil, err
	}
	accounts := make([]node.Account, len(users))
	for i, u := range users {
		accounts[i] = node.Account{Address: u, Password: benchPassword}
	}
	n, err := node.New(dir, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"}, Accounts: accounts,
		Config: fmt.Sprintf("[queue]\nper_host = 20\n[[route]]\ndomains = [\"*\"]\nhost = %q\ntls = \"opportunistic\"\n[log]\nlevel = \"warn\"\nmail = %q\n",
			sinkAddr, dir+"/mail.log"),
	})
	if err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, err
	}
	stop := func() {
		_ = n.Kill()
		_ = os.RemoveAll(dir)
	}
	return &target{
		name: "Posthorn", mx: n.Addr("smtp"), submit: n.Addr("submissions"), login: true, imap: n.Addr("imaps"), imapTLS: true,
		pop3: n.Addr("pop3s"), metrics: n.Addr("metrics"), pids: func() []int { return []int{n.Pid()} }, users: users, password: benchPassword, stop: stop,
	}, nil
}
