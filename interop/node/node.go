// Package node builds Posthorn's binary and runs real servers of it on loopback, for tests and benchmarks that drive it from
// outside as a stranger would: its own command line, its own configuration file, signals.
package node

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// Listeners are the names of the ports a node opens, as the configuration names them.
var listeners = []string{"smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "metrics"}

// Options say what a node is.
type Options struct {
	Hostname string
	Domains  []string
	Accounts []Account
	// Config is added to the configuration file, after the top-level keys and [listen].
	Config string
	// Env is added to the environment of the server.
	Env []string
	// PerAddress is per_address; 0 for 20,000, so that loads from one address are not held back.
	PerAddress int
	// Binary is the program; empty for what Binary returns.
	Binary string
}

// Account is one person on a node.
type Account struct{ Address, Password, Lang string }

// Node is a server that runs, or has run.
type Node struct {
	Dir   string
	Ports map[string]int // by listener name

	binary string
	env    []string
	cmd    *exec.Cmd
	log    *os.File
	ended  chan error
}

var buildOnce = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find go.mod: %w", err)
	}
	dir, err := os.MkdirTemp("", "posthorn-bin-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "posthorn")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/posthorn")
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(out)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build posthorn: %w: %s", err, out)
	}
	return bin, nil
})

// Binary builds cmd/posthorn once per process and returns its path. POSTHORN_BINARY names one that is built already.
func Binary() (string, error) {
	if b := os.Getenv("POSTHORN_BINARY"); b != "" {
		return b, nil
	}
	return buildOnce()
}

// New writes a node's configuration into dir and adds its domains and accounts; Start runs it.
func New(dir string, o Options) (*Node, error) {
	bin := o.Binary
	if bin == "" {
		var err error
		if bin, err = Binary(); err != nil {
			return nil, err
		}
	}
	n := &Node{Dir: dir, Ports: map[string]int{}, binary: bin, env: o.Env}
	var b strings.Builder
	fmt.Fprintf(&b, "hostname = %q\ndata = %q\n[listen]\nper_address = %d\n", o.Hostname, filepath.Join(dir, "data"),
		cmp.Or(o.PerAddress, 20_000))
	for _, l := range listeners {
		port, err := peers.FreePort()
		if err != nil {
			return nil, err
		}
		n.Ports[l] = port
		fmt.Fprintf(&b, "%s = [%q]\n", l, n.Addr(l))
	}
	b.WriteString(o.Config)
	if err := os.WriteFile(n.config(), []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	for _, d := range o.Domains {
		if _, err := n.CLI("", "domain", "add", d); err != nil {
			return nil, err
		}
	}
	for _, a := range o.Accounts {
		args := []string{"account", "add", a.Address}
		if a.Lang != "" {
			args = append(args, "--language", a.Lang)
		}
		if _, err := n.CLI(a.Password+"\n", args...); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n *Node) config() string { return filepath.Join(n.Dir, "posthorn.toml") }

// Addr is a listener's address.
func (n *Node) Addr(listener string) string { return fmt.Sprintf("127.0.0.1:%d", n.Ports[listener]) }

// CLI runs a command of the binary on this node's configuration and returns what it said.
func (n *Node) CLI(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.binary, append([]string{"--config", n.config(), "--lang", "en"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("posthorn %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// Start runs the server and returns when it takes connections.
func (n *Node) Start() error {
	log, err := os.OpenFile(filepath.Join(n.Dir, "serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n.log = log
	n.cmd = exec.Command(n.binary, "--config", n.config(), "serve")
	n.cmd.Env = append(os.Environ(), n.env...)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		return err
	}
	n.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) {
		ended <- cmd.Wait()
		close(ended) // who asks again is told at once
	}(n.cmd, n.ended)
	for _, l := range []string{"smtp", "submissions", "imaps"} {
		if err := peers.WaitForPort(n.Addr(l)); err != nil {
			return errors.Join(fmt.Errorf("the server does not answer: %w\n%s", err, n.Log()), n.Kill())
		}
	}
	return nil
}

// Pid is the server's process.
func (n *Node) Pid() int { return n.cmd.Process.Pid }

// Kill ends the server at once, as a power failure would (kill -9).
func (n *Node) Kill() error {
	_ = n.cmd.Process.Kill()
	<-n.ended
	return n.log.Close()
}

// Stop ends the server in order.
func (n *Node) Stop() error {
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-n.ended:
		return errors.Join(err, n.log.Close())
	case <-time.After(time.Minute):
		return errors.Join(errors.New("the server does not stop"), n.Kill())
	}
}

// Log is what the server has written.
func (n *Node) Log() string {
	b, _ := os.ReadFile(filepath.Join(n.Dir, "serve.log"))
	return string(b)
}
