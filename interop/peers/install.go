package peers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrCannotInstall means the program is missing and may not be installed here.
var ErrCannotInstall = errors.New("cannot install")

// Ensure returns the path of a program, installing its Debian package if it is missing and root and apt-get allow.
func Ensure(program, debianPackage string) (string, error) {
	if p := find(program); p != "" {
		return p, nil
	}
	if err := install(debianPackage); err != nil {
		return "", fmt.Errorf("needs %s (Debian package %s): %w", program, debianPackage, err)
	}
	if p := find(program); p != "" {
		return p, nil
	}
	return "", fmt.Errorf("%w: Debian package %s has no %s", ErrCannotInstall, debianPackage, program)
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

// install runs apt-get for one package. A lock keeps processes apart.
func install(debianPackage string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: not root", ErrCannotInstall)
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w: no apt-get on this machine", ErrCannotInstall)
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "posthorn-apt.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock apt: %w", err)
	}
	keepDaemonsOff()
	if err := apt("install", debianPackage); err == nil {
		return nil
	}
	if err := apt("update"); err != nil {
		return fmt.Errorf("%w: %w", ErrCannotInstall, err)
	}
	if err := apt("install", debianPackage); err != nil {
		return fmt.Errorf("%w: %w", ErrCannotInstall, err)
	}
	return nil
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

// launch runs a command that leaves daemons behind. Its output goes to a file, for a daemon that inherits a pipe would keep
// the caller waiting for ever.
func launch(dir string, name string, args ...string) error {
	f, err := os.CreateTemp(dir, "launch-*.log")
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Run(); err != nil {
		out, _ := os.ReadFile(f.Name())
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
