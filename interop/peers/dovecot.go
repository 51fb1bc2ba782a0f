package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
}

// Dovecot is a running instance.
type Dovecot struct {
	Dir                          string
	LMTPAddr, IMAPAddr, POP3Addr string
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
	if err := d.write(o); err != nil {
		return nil, err
	}
	if err := launch(dir, "dovecot", "-c", d.conf); err != nil {
		return nil, err
	}
	for _, a := range []string{d.LMTPAddr, d.IMAPAddr, d.POP3Addr} {
		if err := WaitForPort(a); err != nil {
			d.Stop()
			return nil, fmt.Errorf("dovecot does not answer: %w\n%s", err, d.Log())
		}
	}
	return d, nil
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
ssl = no
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
    port = 0
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
    port = 0
  }
  service_count = 0
}
protocol imap {
  mail_max_userip_connections = 10000
}
%[7]s
`, d.Dir, location, mailRoot, o.LMTPPort, o.IMAPPort, o.POP3Port, o.Extra)
	return os.WriteFile(d.conf, []byte(conf), 0o644)
}

// Log is what it has logged.
func (d *Dovecot) Log() string {
	b, _ := os.ReadFile(filepath.Join(d.Dir, "dovecot.log"))
	return string(b)
}

// Stop ends it.
func (d *Dovecot) Stop() {
	_ = exec.Command("dovecot", "-c", d.conf, "stop").Run()
}
