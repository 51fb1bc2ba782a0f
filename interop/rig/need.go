// Package rig sets real programs up for the interop tests: it installs a peer from Debian where it may, builds Posthorn's
// binary once, and starts real servers on loopback ports of their own.
package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Need returns the path of a program, installing its Debian package if it is missing and root and apt-get allow. Where it
// cannot be had the test is skipped with the reason.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("drives real programs; left out of -short")
	}
	if p := find(program); p != "" {
		return p
	}
	if reason := install(debianPackage); reason != "" {
		t.Skipf("needs %s (Debian package %s): %s", program, debianPackage, reason)
	}
	if p := find(program); p != "" {
		return p
	}
	t.Skipf("Debian package %s is installed but has no %s", debianPackage, program)
	return ""
}

// find looks in PATH and in the folders of daemons.
func find(program string) string {
	if p, err := exec.LookPath(program); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/lib/postfix/sbin", "/usr/lib/dovecot"} {
		p := filepath.Join(dir, program)
		if st, err := os.Stat(p); err == nil && st.Mode()&0o111 != 0 {
			return p
		}
	}
	return ""
}

// install runs apt-get for one package; it returns why it could not, or nothing. A lock keeps test processes apart.
func install(debianPackage string) string {
	if os.Geteuid() != 0 {
		return "not root, cannot install it"
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "no apt-get on this machine"
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "posthorn-apt.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err.Error()
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err.Error()
	}
	keepDaemonsOff()
	if err := apt("install", debianPackage); err == nil {
		return ""
	}
	if err := apt("update"); err != nil {
		return err.Error()
	}
	if err := apt("install", debianPackage); err != nil {
		return err.Error()
	}
	return ""
}

// keepDaemonsOff tells Debian not to start a service just because its package was installed (invoke-rc.d's policy layer);
// an existing policy is left alone.
func keepDaemonsOff() {
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); err == nil {
		return
	}
	_ = os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755)
}

func apt(verb string, args ...string) error {
	cmd := exec.Command("apt-get", append([]string{verb, "-y", "-q", "--no-install-recommends"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("apt-get %s: %w: %s", verb, err, lines[len(lines)-1])
	}
	return nil
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
