package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// DovecotOptions say what a Dovecot of ours does.
type DovecotOptions struct {
	LMTPPort, IMAPPort, POP3Port int
	// Users are logins; each has the password Password and a mailbox of its own.
	Users    []string
	Password string
	// Location is mail_location with %u and ROOT (the folder for mail); mdbox by default.
	Location string
	Extra    string // more settings
	// With a certificate there is TLS: imaps and pop3s from the start, on ports that are not 0.
	CertFile, KeyFile    string
	IMAPSPort, POP3SPort int
	AuthPort             int // asks for logins here, for Postfix's SASL; 0 for nowhere
}

// Dovecot is a running instance.
type Dovecot struct {
	Dir                          string
	LMTPAddr, IMAPAddr, POP3Addr string
	IMAPSAddr, POP3SAddr         string
	conf                         string
}

// StartDovecot starts an instance that keeps everything under dir. It needs root.
func StartDovecot(dir string, o DovecotOptions) (*Dovecot, error) {
	for _, need := range [][2]string{{"dovecot", "dovecot-core"}, {"imap", "dovecot-imapd"}, {"pop3", "dovecot-pop3d"}, {"lmtp", "dovecot-lmtpd"}} {
		if _, err := Ensure(need[0], need[1]); err != nil {
			return nil, err
		}
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: Dovecot wants to be started by root", ErrCannotInstall)
	}
	d := &Dovecot{Dir: dir, conf: filepath.Join(dir, "dovecot.conf")}
	addr := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	d.LMTPAddr, d.IMAPAddr, d.POP3Addr = addr(o.LMTPPort), addr(o.IMAPPort), addr(o.POP3Port)
	d.IMAPSAddr, d.POP3SAddr = addr(o.IMAPSPort), addr(o.POP3SPort)
	if err := d.write(o); err != nil {
		return nil, err
	}
	if err := d.start(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Dovecot) start() error {
	if err := launch(d.Dir, "dovecot", "-c", d.conf); err != nil {
		return err
	}
	for _, a := range []string{d.LMTPAddr, d.IMAPAddr, d.POP3Addr} {
		if err := WaitForPort(a); err != nil {
			d.Stop()
			return fmt.Errorf("dovecot does not answer: %w\n%s", err, d.Log())
		}
	}
	return nil
}

// Restart ends it and starts it again with what it keeps.
func (d *Dovecot) Restart() error {
	d.Stop()
	for range 200 {
		if d.Pid() == 0 {
			return d.start()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("dovecot does not stop\n%s", d.Log())
}

func (d *Dovecot) write(o DovecotOptions) error {
	mailRoot := filepath.Join(d.Dir, "mail")
	if err := os.MkdirAll(mailRoot, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("sh", "-c", "id vmailtest >/dev/null 2>&1 || useradd -r -M -s /usr/sbin/nologin vmailtest; chown vmailtest "+mailRoot).CombinedOutput(); err != nil {
		return fmt.Errorf("make the mail user: %w: %s", err, out)
	}
	users := ""
	for _, u := range o.Users {
		users += fmt.Sprintf("%s:{PLAIN}%s::::::\n", u, o.Password)
	}
	if err := os.WriteFile(filepath.Join(d.Dir, "users"), []byte(users), 0o644); err != nil {
		return err
	}
	location := o.Location
	if location == "" {
		location = "mdbox:" + mailRoot + "/%u"
	}
	conf := fmt.Sprintf(`base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/dovecot.log
protocols = imap pop3 lmtp
%[8]s
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = %[2]s
mail_uid = vmailtest
mail_gid = vmailtest
first_valid_uid = 1
mail_fsync = optimized
default_process_limit = 1000
default_client_limit = 2000
passdb {
  driver = passwd-file
  args = username_format=%%u %[1]s/users
}
userdb {
  driver = static
  args = uid=vmailtest gid=vmailtest home=%[3]s/%%u allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = %[4]d
  }
  process_min_avail = 4
}
service imap-login {
  inet_listener imap {
    address = 127.0.0.1
    port = %[5]d
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = %[9]d
    ssl = yes
  }
  service_count = 0
  process_min_avail = 2
}
service pop3-login {
  inet_listener pop3 {
    address = 127.0.0.1
    port = %[6]d
  }
  inet_listener pop3s {
    address = 127.0.0.1
    port = %[10]d
    ssl = yes
  }
  service_count = 0
}
protocol imap {
  mail_max_userip_connections = 10000
}
%[7]s
`, d.Dir, location, mailRoot, o.LMTPPort, o.IMAPPort, o.POP3Port, o.Extra+o.auth(), o.tls(), o.IMAPSPort, o.POP3SPort)
	return os.WriteFile(d.conf, []byte(conf), 0o644)
}

func (o DovecotOptions) tls() string {
	if o.CertFile == "" {
		return "ssl = no"
	}
	return fmt.Sprintf("ssl = yes\nssl_cert = <%s\nssl_key = <%s", o.CertFile, o.KeyFile)
}

func (o DovecotOptions) auth() string {
	if o.AuthPort == 0 {
		return ""
	}
	return fmt.Sprintf("\nservice auth {\n  inet_listener sasl {\n    address = 127.0.0.1\n    port = %d\n  }\n}\n", o.AuthPort)
}

// Pid is the master process, of which all others descend; 0 if it does not run.
func (d *Dovecot) Pid() int { return readPid(filepath.Join(d.Dir, "run", "master.pid")) }

// Log is what it has logged.
func (d *Dovecot) Log() string {
	b, _ := os.ReadFile(filepath.Join(d.Dir, "dovecot.log"))
	return string(b)
}

// Stop ends it.
func (d *Dovecot) Stop() {
	_ = exec.Command("dovecot", "-c", d.conf, "stop").Run()
}
