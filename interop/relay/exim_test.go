package relay_test

import (
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/peers"
)

const carl = "carl@exim.test"

const eximConf = `
exim_path = DIR/root/usr/sbin/exim4
spool_directory = DIR/spool
log_file_path = DIR/%slog
log_selector = +tls_cipher +smtp_connection
pid_file_path =
primary_hostname = mx.exim.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = PORT
tls_advertise_hosts = *
tls_certificate = DIR/exim.pem
tls_privatekey = DIR/exim.pem
chunking_advertise_hosts = *
dsn_advertise_hosts = *
prdr_enable = false
deliver_drop_privilege = true
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept domains = exim.test
         local_parts = carl
  deny   domains = exim.test
         message = no carl, no mail
  accept hosts = 127.0.0.1
begin routers
away:
  driver = manualroute
  domains = ! exim.test
  route_list = * 127.0.0.1
  self = send
  transport = to_posthorn
here:
  driver = accept
  transport = box
begin transports
to_posthorn:
  driver = smtp
  port = NEXT
  hosts_require_tls = *
  tls_verify_certificates = TRUST
  hosts_try_chunking = *
  allow_localhost
box:
  driver = appendfile
  file = DIR/box
  create_file = anywhere
  delivery_date_add
`

// exim starts Debian's Exim out of its unpacked packages: installed, it would push Postfix, another peer, off the machine.
func exim(t *testing.T, w *world, port, next int) (dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives real programs; left out of -short")
	}
	if os.Geteuid() != 0 {
		t.Skip("Exim wants to be started by root")
	}
	dir, err := os.MkdirTemp("", "posthorn-exim-") // t.TempDir is closed to the user that Exim becomes
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, p := range []string{"exim4-base", "exim4-daemon-light"} {
		if _, err := download(dir, p); err == nil {
			continue
		}
		_ = exec.Command("apt-get", "update").Run() // on a fresh machine it knows no packages yet
		if out, err := download(dir, p); err != nil {
			t.Skipf("cannot download %s: %v: %s", p, err, out)
		}
	}
	debs, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	for _, deb := range debs {
		if out, err := exec.Command("dpkg", "-x", deb, filepath.Join(dir, "root")).CombinedOutput(); err != nil {
			t.Skipf("cannot unpack %s: %v: %s", deb, err, out)
		}
	}
	if _, err := user.Lookup("Debian-exim"); err != nil { // as the package itself would
		if out, err := exec.Command("useradd", "--system", "--no-create-home", "--user-group", "Debian-exim").CombinedOutput(); err != nil {
			t.Skipf("cannot make Exim's user: %v: %s", err, out)
		}
	}
	var pem []byte
	for _, f := range []string{"cert.pem", "key.pem"} {
		b, err := os.ReadFile(filepath.Join(w.dir, f))
		must(t, err)
		pem = append(pem, b...)
	}
	ca, err := os.ReadFile(w.trust)
	must(t, err)
	conf := strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(port), "NEXT", fmt.Sprint(next), "TRUST", filepath.Join(dir, "ca.pem")).Replace(eximConf)
	must(t, os.WriteFile(filepath.Join(dir, "exim.pem"), pem, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "exim.conf"), []byte(conf), 0o644))
	must(t, os.Chmod(dir, 0o755))
	if out, err := exec.Command("chown", "-R", "Debian-exim", dir+"/exim.pem", dir).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v: %s", err, out)
	}
	must(t, os.Chown(filepath.Join(dir, "exim.conf"), 0, 0))
	bin := filepath.Join(dir, "root/usr/sbin/exim4")
	must(t, os.Chown(bin, 0, 0))
	log, err := os.Create(filepath.Join(dir, "out"))
	must(t, err)
	cmd := exec.Command(bin, "-C", filepath.Join(dir, "exim.conf"), "-bdf")
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		if t.Failed() {
			for _, f := range []string{"out", "mainlog", "paniclog"} {
				b, _ := os.ReadFile(filepath.Join(dir, f))
				t.Logf("exim's %s:\n%s", f, b)
			}
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = log.Close()
	})
	must(t, peers.WaitForPort(fmt.Sprintf("127.0.0.1:%d", port)))
	return dir
}

func download(dir, debianPackage string) ([]byte, error) {
	cmd := exec.Command("apt-get", "download", debianPackage)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// TestExim sends to Exim and gets from it, with TLS both ways.
func TestExim(t *testing.T) {
	w := newWorld(t)
	port, err := peers.FreePort()
	must(t, err)
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	nord := w.start(t, "nord", []node.Account{{Address: anna, Password: annasPassword}},
		fmt.Sprintf("[[route]]\ndomains = [\"exim.test\"]\nhost = %q\n", addr))
	dir := exim(t, w, port, nord.Ports["smtp"])

	id := w.submit(t, nord, carl)
	var box string
	eventually(t, "Exim has the message", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "box"))
		box = strings.ReplaceAll(string(b), "\n", "\r\n")
		return strings.Contains(box, subject) && strings.Contains(box, "zweien")
	})
	if !strings.Contains(box, body) {
		t.Errorf("the body came changed: %q", box)
	}
	eventually(t, "the story is told", func() bool { return strings.Contains(cli(t, nord, "journey", id), "Handed over") })
	expectIn(t, "the story", cli(t, nord, "journey", id), "certificate verified", "TLS 1.3", "OK id=")

	w.submit(t, nord, "nobody@exim.test")
	eventually(t, "the notice", func() bool {
		in := w.inbox(t, nord, anna, annasPassword)
		if len(in) > 0 {
			expectIn(t, "the notice", in[0], "nobody@exim.test", "no carl, no mail", "Action: failed")
		}
		return len(in) > 0
	})

	c, err := smtp.Dial(addr)
	must(t, err)
	must(t, c.Mail(carl))
	must(t, c.Rcpt(anna))
	d, err := c.Data()
	must(t, err)
	fmt.Fprintf(d, "From: %s\r\nTo: %s\r\nSubject: von Exim\r\n\r\n%s", carl, anna, "Grüße, carl\r\n")
	must(t, d.Close())
	must(t, c.Quit())
	eventually(t, "the answer arrives", func() bool {
		in := w.inbox(t, nord, anna, annasPassword)
		if len(in) < 2 {
			return false
		}
		expectIn(t, "the answer", in[1], "Subject: von Exim", "Grüße, carl", "by mx.nord.test")
		expectIn(t, "its last hop", received(t, in[1])[0], "mx.exim.test", "TLS 1.3")
		return true
	})
}
