package pop3_test

import (
	"bytes"
	"context"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

const (
	login    = "anna@nord.test"
	password = "geheim mit ü"
)

// server is a running Posthorn with mail for anna.
type server struct {
	*node.Node
	dir string // for the files of the programs
	ca  string // the file of the authority
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T) *server {
	t.Helper()
	now := time.Now()
	s := &server{dir: t.TempDir()}
	authority, err := certs.NewAuthority("interop", now)
	must(t, err)
	s.ca = filepath.Join(s.dir, "ca.pem")
	must(t, os.WriteFile(s.ca, authority.PEM(), 0o600))
	pair := certs.Pair{Cert: filepath.Join(s.dir, "cert.pem"), Key: filepath.Join(s.dir, "key.pem")}
	must(t, authority.WritePair(pair, now, "localhost", "127.0.0.1"))
	s.Node = rig.Start(t, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"},
		Accounts: []node.Account{{Address: login, Password: password}},
		Config:   fmt.Sprintf("[[tls.certificate]]\ncert = %q\nkey = %q\n", pair.Cert, pair.Key),
	})
	return s
}

// bodies are what is hard on the way: dots, UTF-8, length, no text at all.
func bodies() []string {
	return []string{
		"Hello\r\n.\r\n..\r\n.dot\r\n",
		"Grüße aus dem Süden\r\n",
		strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 20_000),
		"",
		"last\r\n",
	}
}

func messageOf(i int, body string) string {
	return fmt.Sprintf("From: bert@sued.test\r\nTo: %s\r\nSubject: number %d\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\nMessage-ID: <%d@sued.test>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s", login, i, i, body)
}

// fill sends anna every body by SMTP.
func (s *server) fill(t *testing.T) {
	t.Helper()
	for i, b := range bodies() {
		c, err := smtp.Dial(s.Addr("smtp"))
		must(t, err)
		must(t, c.Hello("client.sued.test"))
		must(t, c.Mail("bert@sued.test"))
		must(t, c.Rcpt(login))
		w, err := c.Data()
		must(t, err)
		_, err = w.Write([]byte(messageOf(i+1, b)))
		must(t, err)
		must(t, w.Close())
		must(t, c.Quit())
	}
}

// run runs a program and gives what it printed.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	out, err := try(t, env, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func try(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// left is how many messages anna's inbox has.
func (s *server) left(t *testing.T) int {
	t.Helper()
	out := run(t, nil, rig.Need(t, "curl", "curl"), s.curl("pop3s", "")...)
	return len(strings.Fields(out)) / 2 // "number size" each
}

func (s *server) curl(scheme, path string, more ...string) []string {
	args := append([]string{"--silent", "--show-error", "--max-time", "30", "--cacert", s.ca, "--user", login + ":" + password}, more...)
	return append(args, fmt.Sprintf("%s://%s/%s", scheme, s.Addr(scheme), path))
}

// check compares what a program fetched with what was sent: the same from the first header field of ours on.
func check(t *testing.T, who string, i int, got string) {
	t.Helper()
	got = strings.ReplaceAll(strings.ReplaceAll(got, "\r\n", "\n"), "\n", "\r\n")
	want := messageOf(i, bodies()[i-1])
	at := strings.Index(got, "From: bert@sued.test")
	if at < 0 || strings.TrimRight(got[at:], "\r\n") != strings.TrimRight(want, "\r\n") {
		t.Errorf("%s: message %d came as %.300q (%d bytes), want %.200q (%d bytes)", who, i, got, len(got), want, len(want))
	}
}

func TestCurl(t *testing.T) {
	curl := rig.Need(t, "curl", "curl")
	s := start(t)
	s.fill(t)
	if got := run(t, nil, curl, s.curl("pop3s", "")...); strings.Count(got, "\n") != len(bodies()) {
		t.Errorf("LIST: %q", got)
	}
	for i := range bodies() {
		check(t, "curl", i+1, run(t, nil, curl, s.curl("pop3s", fmt.Sprint(i+1))...))
	}
	check(t, "curl with STLS", 1, run(t, nil, curl, s.curl("pop3", "1", "--ssl-reqd")...))
	for _, mech := range []string{"PLAIN", "LOGIN", "SCRAM-SHA-256"} {
		if mech == "SCRAM-SHA-256" && !strings.Contains(run(t, nil, curl, "--version"), "gsasl") {
			t.Log("this curl has no SCRAM")
			continue
		}
		check(t, "curl with "+mech, 2, run(t, nil, curl, s.curl("pop3s", "2", "--login-options", "AUTH="+mech)...))
	}
	if out, err := try(t, nil, curl, s.curl("pop3", "1")...); err == nil {
		t.Errorf("a login in clear text: %q", out)
	}
	if out, err := try(t, nil, curl, "--silent", "--cacert", s.ca, "--user", login+":wrong", "pop3s://"+s.Addr("pop3s")+"/1"); err == nil {
		t.Errorf("a wrong password: %q", out)
	}
	if got := run(t, nil, curl, s.curl("pop3s", "", "--request", "TOP 1 1")...); !strings.Contains(got, "Hello") || strings.Contains(got, ".dot") {
		t.Errorf("TOP: %q", got)
	}
	run(t, nil, curl, s.curl("pop3s", "", "--request", "DELE 1", "--head")...)
	if n := s.left(t); n != len(bodies())-1 {
		t.Errorf("%d messages after DELE", n)
	}
}

const poplib = `
import os, poplib, ssl, sys
port, tls_port, ca, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
context = ssl.create_default_context(cafile=ca)
poplib._MAXLINE = 1 << 16

def login(p):
    p.utf8()
    p.user(user)
    p.pass_(password)

p = poplib.POP3('localhost', port)
assert 'STLS' in p.capa() and 'USER' not in p.capa() and 'SASL' not in p.capa(), p.capa()
try:
    p.user(user)
    raise SystemExit('USER in clear text')
except poplib.error_proto as e:
    assert b'TLS' in e.args[0], e
p.stls(context)
caps = p.capa()
assert caps['SASL'] and 'SCRAM-SHA-256' in caps['SASL'] and 'USER' in caps and 'PIPELINING' in caps, caps
p.user(user)
try:
    p.pass_('wrong')
    raise SystemExit('wrong password')
except poplib.error_proto as e:
    assert e.args[0].startswith(b'-ERR [AUTH]'), e
login(p)

q = poplib.POP3_SSL('localhost', tls_port, context=context)
q.user(user)
try:
    q.pass_(password)
    raise SystemExit('two sessions at once')
except poplib.error_proto as e:
    assert e.args[0].startswith(b'-ERR [IN-USE]'), e
q.quit()

count, size = p.stat()
assert count == int(sys.argv[6]), count
listing = p.list()[1]
assert sum(int(l.split()[1]) for l in listing) == size, listing
uids = [l.split()[1] for l in p.uidl()[1]]
assert len(set(uids)) == count
for i in range(1, count + 1):
    lines = p.retr(i)[1]
    assert sum(len(l) + 2 for l in lines) == int(p.list(i).split()[2]), i
    with open(os.path.join(sys.argv[7], 'poplib-%d' % i), 'wb') as f:
        f.write(b'\r\n'.join(lines) + b'\r\n')
    assert p.top(i, 0)[1] == lines[:lines.index(b'') + 1]
assert p.uidl(2).split()[2] == uids[1]
p.dele(1)
p.dele(3)
p.rset()
p.dele(2)
assert p.stat()[0] == count - 1
try:
    p.retr(2)
    raise SystemExit('a deleted message')
except poplib.error_proto:
    pass
p.close()

p = poplib.POP3_SSL('localhost', tls_port, context=context)
login(p)
assert [l.split()[1] for l in p.uidl()[1]] == uids, 'nothing goes without QUIT, and unique-ids stay'
p.dele(2)
p.quit()
p = poplib.POP3_SSL('localhost', tls_port, context=context)
login(p)
assert [l.split()[1] for l in p.uidl()[1]] == uids[:1] + uids[2:]
p.quit()
print('done')
`

func TestPoplib(t *testing.T) {
	python := rig.Need(t, "python3", "python3")
	s := start(t)
	s.fill(t)
	script := filepath.Join(s.dir, "session.py")
	must(t, os.WriteFile(script, []byte(poplib), 0o600))
	out := run(t, []string{"PYTHONUTF8=1"}, python, script, fmt.Sprint(s.Ports["pop3"]), fmt.Sprint(s.Ports["pop3s"]), s.ca, login, password, fmt.Sprint(len(bodies())), s.dir)
	if strings.TrimSpace(out) != "done" {
		t.Fatal(out)
	}
	for i := range bodies() {
		b, err := os.ReadFile(filepath.Join(s.dir, fmt.Sprintf("poplib-%d", i+1)))
		must(t, err)
		check(t, "poplib", i+1, string(b))
	}
}

// asciiPassword is for programs that have no idea of UTF-8 passwords.
const asciiPassword = "plain-and-simple"

func (s *server) setASCIIPassword(t *testing.T) {
	t.Helper()
	if _, err := s.CLI(asciiPassword+"\n", "account", "password", login); err != nil {
		t.Fatal(err)
	}
}

func TestFetchmail(t *testing.T) {
	fetchmail := rig.Need(t, "fetchmail", "fetchmail")
	s := start(t)
	s.setASCIIPassword(t)
	s.fill(t)
	inbox := filepath.Join(s.dir, "inbox")
	must(t, os.Mkdir(inbox, 0o700))
	fetch := func(port string, options ...string) (string, error) {
		rc := filepath.Join(s.dir, "fetchmailrc")
		must(t, os.WriteFile(rc, []byte(fmt.Sprintf(
			"poll localhost service %d protocol pop3 uidl timeout 30 user %q password %q %s sslcertck sslcertfile %q mda \"cat > %s/$$\"\n",
			s.Ports[port], login, asciiPassword, strings.Join(options, " "), s.ca, inbox)), 0o600))
		return try(t, []string{"HOME=" + s.dir, "FETCHMAILHOME=" + s.dir}, fetchmail, "--fetchmailrc", rc, "--idfile", filepath.Join(s.dir, "ids"), "--pidfile", filepath.Join(s.dir, "pid"), "--nosyslog", "--verbose", "--nodetach")
	}
	out, err := fetch("pop3s", "ssl", "keep")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(inbox, "*"))
	must(t, err)
	if len(files) != len(bodies()) {
		t.Fatalf("%d files\n%s", len(files), out)
	}
	seen := map[int]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		for i := range bodies() {
			if bytes.Contains(b, fmt.Appendf(nil, "Subject: number %d\n", i+1)) {
				seen[i+1] = true
				check(t, "fetchmail", i+1, string(b))
			}
		}
	}
	if len(seen) != len(bodies()) {
		t.Errorf("messages %v", seen)
	}
	// What it has seen it does not fetch again, by the unique-ids; exit status 1 says that there was no new mail.
	out, err = fetch("pop3", "sslproto tls1.2+", "keep")
	var exit *exec.ExitError
	if !asExit(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out, "STLS") {
		t.Errorf("second run, with STLS: %v\n%s", err, out)
	}
	if out, err = fetch("pop3", "sslproto tls1.2+", "fetchall", "no keep"); err != nil {
		t.Errorf("third run: %v\n%s", err, out)
	}
	if n, err := s.count(t); err != nil || n != 0 {
		t.Errorf("%d messages are left, %v", n, err)
	}
}

func asExit(err error, target **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError) //nolint:errorlint // from exec itself
	*target = e
	return ok
}

// count asks by curl, with the ASCII password.
func (s *server) count(t *testing.T) (int, error) {
	t.Helper()
	out, err := try(t, nil, rig.Need(t, "curl", "curl"), "--silent", "--show-error", "--cacert", s.ca, "--user", login+":"+asciiPassword, "pop3s://"+s.Addr("pop3s")+"/")
	return len(strings.Fields(out)) / 2, err
}

func nobody(t *testing.T) int {
	t.Helper()
	u, err := user.Lookup("nobody")
	must(t, err)
	uid, err := strconv.Atoi(u.Uid)
	must(t, err)
	return uid
}

func TestGetmail(t *testing.T) {
	getmail := rig.Need(t, "getmail", "getmail6")
	s := start(t)
	s.setASCIIPassword(t)
	s.fill(t)
	open, err := os.MkdirTemp("", "getmail-") // others may look into it, unlike t.TempDir
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(open) })
	must(t, os.Chmod(open, 0o755))
	maildir := filepath.Join(open, "Maildir")
	asUser := "" // getmail does not deliver as root
	for _, d := range []string{"", "cur", "new", "tmp"} {
		must(t, os.MkdirAll(filepath.Join(maildir, d), 0o700))
		if os.Geteuid() == 0 {
			asUser = "user = nobody"
			must(t, os.Chown(filepath.Join(maildir, d), nobody(t), -1))
		}
	}
	get := func(extra string) string {
		rc := filepath.Join(s.dir, "getmailrc")
		must(t, os.WriteFile(rc, []byte(fmt.Sprintf(`[retriever]
type = SimplePOP3SSLRetriever
server = localhost
port = %d
username = %s
password = %s
ca_certs = %s
[destination]
type = Maildir
path = %s/
%s
[options]
received = false
delivered_to = false
verbose = 2
%s
`, s.Ports["pop3s"], login, asciiPassword, s.ca, maildir, asUser, extra)), 0o600))
		return run(t, []string{"HOME=" + s.dir}, getmail, "--getmaildir", s.dir, "--rcfile", rc)
	}
	out := get("read_all = false")
	files, err := filepath.Glob(filepath.Join(maildir, "new", "*"))
	must(t, err)
	if len(files) != len(bodies()) {
		t.Fatalf("%d files\n%s", len(files), out)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		for i := range bodies() {
			if bytes.Contains(b, fmt.Appendf(nil, "Subject: number %d\n", i+1)) {
				check(t, "getmail", i+1, string(b))
			}
		}
	}
	if out := get("read_all = false"); !strings.Contains(out, " 0 messages") {
		t.Errorf("second run: %s", out)
	}
	get("delete = true")
	if n, err := s.count(t); err != nil || n != 0 {
		t.Errorf("%d messages are left, %v", n, err)
	}
}
