package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/posthorn-mail/posthorn/interop/node"
)

// build makes Posthorn's program; POSTHORN_BINARY names one that is built already.
func (b *bench) build() error {
	b.binary = os.Getenv("POSTHORN_BINARY")
	if b.binary != "" {
		return nil
	}
	var err error
	b.binary, err = b.buildWith("posthorn")
	return err
}

// buildWith builds Posthorn with more environment, as name.
func (b *bench) buildWith(name string, env ...string) (string, error) {
	bin := filepath.Join(b.dir, name)
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/posthorn")
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build posthorn (run from the folder with go.mod): %w: %s", err, out)
	}
	return bin, nil
}

// posthorn starts a server whose way out leads to the sink.
func (b *bench) posthorn(users []string) (*target, error) {
	t, _, err := b.startNode(users, b.binary)
	return t, err
}

// posthornPlain starts the same for clients that speak plainly; they are on this machine, so that they may log in.
func (b *bench) posthornPlain(users []string) (*target, error) {
	t, n, err := b.startNode(users, b.binary)
	if err != nil {
		return nil, err
	}
	t.name += ", no TLS"
	t.imap, t.pop3, t.submit, t.secure = n.Addr("imap"), n.Addr("pop3"), n.Addr("submission"), false
	return t, nil
}

// startNode starts a server of that binary; it may be stopped and started again.
func (b *bench) startNode(users []string, binary string) (*target, *node.Node, error) {
	var n *node.Node
	stop, err := b.cleanup.starting(func() (func(), error) {
		dir, err := folder("posthorn")
		if err != nil {
			return nil, err
		}
		remove := func() { _ = os.RemoveAll(dir) }
		if n, err = newNode(dir, users, binary, b.sink.addr); err != nil {
			remove()
			return nil, err
		}
		if err := n.Start(); err != nil {
			remove()
			return nil, err
		}
		return func() {
			_ = n.Kill()
			remove()
		}, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return &target{
		name: "Posthorn", mx: n.Addr("smtp"), submit: n.Addr("submissions"), imap: n.Addr("imaps"), secure: true,
		pop3: n.Addr("pop3s"), metrics: n.Addr("metrics"), pids: func() []int { return []int{n.Pid()} }, users: users,
		password: benchPassword, data: filepath.Join(n.Dir, "data", "store"), stop: stop, bench: b,
		restart: func() error {
			if err := n.Stop(); err != nil {
				return err
			}
			return n.Start()
		},
	}, n, nil
}

func newNode(dir string, users []string, binary, sinkAddr string) (*node.Node, error) {
	accounts := make([]node.Account, len(users))
	for i, u := range users {
		accounts[i] = node.Account{Address: u, Password: benchPassword}
	}
	return node.New(dir, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"}, Accounts: accounts, Binary: binary,
		Config: fmt.Sprintf("login_without_tls_from = [\"127.0.0.0/8\"]\n[queue]\nper_host = 20\n[[route]]\ndomains = [\"*\"]\nhost = %q\ntls = \"opportunistic\"\n[log]\nlevel = \"warn\"\nmail = %q\n",
			sinkAddr, dir+"/mail.log"),
	})
}

// errNoFigure means that what was to be measured did not show itself.
var errNoFigure = errors.New("no figure")
