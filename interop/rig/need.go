// Package rig sets real programs up for the interop tests: peers from Debian, and servers of Posthorn's own binary.
package rig

import (
	"errors"
	"testing"

	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/peers"
)

// Need returns the path of a program, installing its Debian package if it is missing and root and apt-get allow. Where it
// cannot be had the test is skipped with the reason.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("drives real programs; left out of -short")
	}
	p, err := peers.Ensure(program, debianPackage)
	if errors.Is(err, peers.ErrCannotInstall) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Binary builds cmd/posthorn once per test process and returns its path.
func Binary(t testing.TB) string {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Start runs a server for the time of a test. Its log is shown if the test fails.
func Start(t testing.TB, o node.Options) *node.Node {
	t.Helper()
	if testing.Short() {
		t.Skip("drives real programs; left out of -short")
	}
	n, err := node.New(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%s", o.Hostname, n.Log())
		}
		if err := n.Stop(); err != nil {
			t.Errorf("stop %s: %v", o.Hostname, err)
		}
	})
	return n
}
