// Package rig sets real programs up for the interop tests: peers from Debian, Posthorn's own binary, and real servers of it on
// loopback.
package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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

var buildOnce = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "posthorn-bin-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "posthorn")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/posthorn")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build posthorn: %w: %s", err, out)
	}
	return bin, nil
})

// Binary builds cmd/posthorn once per test process and returns its path.
func Binary(t testing.TB) string {
	t.Helper()
	bin, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find go.mod: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
