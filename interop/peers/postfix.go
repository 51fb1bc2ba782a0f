package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// PostfixOptions say what a Postfix of ours does.
type PostfixOptions struct {
	Hostname string
	Port     int               // smtpd listens here on 127.0.0.1
	Main     map[string]string // more main.cf settings; they win
	Extra    string            // more master.cf lines
}

// Postfix is a running instance.
type Postfix struct {
	Dir  string
	Addr string
	conf string
}

// StartPostfix starts an instance whose configuration, queue and data live under dir. It needs root, as Postfix does.
func StartPostfix(dir string, o PostfixOptions) (*Postfix, error) {
	if _, err := Ensure("postfix", "postfix"); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: Postfix wants to be started by root", ErrCannotInstall)
	}
	p := &Postfix{Dir: dir, conf: filepath.Join(dir, "postfix"), Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port))}
	for _, d := range []string{p.conf, filepath.Join(dir, "queue"), filepath.Join(dir, "data")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if out, err := exec.Command("chown", "postfix", filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("chown: %w: %s", err, out)
	}
	// Every folder above must be open to the postfix user.
	for d := dir; d != "/" && d != "."; d = filepath.Dir(d) {
		if st, err := os.Stat(d); err == nil && st.Mode()&0o005 != 0o005 {
			_ = os.Chmod(d, st.Mode()|0o055)
		}
	}
	if err := p.writeMain(o); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(p.conf, "master.cf"), []byte(masterCF(o)), 0o644); err != nil {
		return nil, err
	}
	if err := p.run("start"); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, p.Log())
	}
	if err := WaitForPort(p.Addr); err != nil {
		log := p.Log()
		p.Stop()
		return nil, fmt.Errorf("postfix does not answer: %w\n%s", err, log)
	}
	return p, nil
}

func (p *Postfix) writeMain(o PostfixOptions) error {
	main := map[string]string{
		"compatibility_level": "3.6", "queue_directory": filepath.Join(p.Dir, "queue"), "data_directory": filepath.Join(p.Dir, "data"),
		"command_directory": "/usr/sbin", "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix", "setgid_group": "postdrop",
		"myhostname": o.Hostname, "mydestination": "", "mynetworks": "127.0.0.0/8", "inet_interfaces": "127.0.0.1",
		"inet_protocols": "ipv4", "alias_maps": "", "local_recipient_maps": "", "relay_domains": "", "multi_instance_enable": "yes",
		"multi_instance_name": "", "maillog_file": filepath.Join(p.Dir, "postfix.log"), "maillog_file_prefixes": p.Dir,
		"smtpd_recipient_restrictions": "permit_mynetworks,reject", "smtpd_peername_lookup": "no", "disable_vrfy_command": "yes",
		"biff": "no", "smtp_host_lookup": "native", "syslog_name": "posthorn-peer",
	}
	for k, v := range o.Main {
		main[k] = v
	}
	var b strings.Builder
	for k, v := range main {
		fmt.Fprintf(&b, "%s = %s\n", k, v)
	}
	return os.WriteFile(filepath.Join(p.conf, "main.cf"), []byte(b.String()), 0o644)
}

func masterCF(o PostfixOptions) string {
	return fmt.Sprintf(`127.0.0.1:%d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
%s`, o.Port, o.Extra)
}

func (p *Postfix) run(verb string) error {
	return launch(p.Dir, "postfix", "-c", p.conf, verb)
}

// Flush makes Postfix try everything waiting now.
func (p *Postfix) Flush() error { return p.run("flush") }

// Pid is the master process, of which all others descend; 0 if it does not run.
func (p *Postfix) Pid() int { return readPid(filepath.Join(p.Dir, "queue", "pid", "master.pid")) }

// Log is what it has logged.
func (p *Postfix) Log() string {
	b, _ := os.ReadFile(filepath.Join(p.Dir, "postfix.log"))
	return string(b)
}

// Stop ends it.
func (p *Postfix) Stop() {
	_ = p.run("abort")
}

// readPid reads a daemon's file with its process number; 0 if there is none.
func readPid(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// WaitForPort returns when somebody takes connections at the address, or after ten seconds why not.
func WaitForPort(addr string) error {
	var err error
	for range 200 {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", addr, time.Second); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
