package smtp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/interop/rig"
)

// ways are the two ports of submission.
var ways = []struct{ name, listener string }{{"STARTTLS on 587", "submission"}, {"TLS on 465", "submissions"}}

func TestSwaks(t *testing.T) {
	swaks := rig.Need(t, "swaks", "swaks")
	s := start(t, newAuthority(t), "nord.test", setting{})
	sent := 0
	for _, w := range ways {
		for _, mechanism := range []string{"PLAIN", "LOGIN"} {
			how := "--tls"
			if w.listener == "submissions" {
				how = "--tls-on-connect"
			}
			out := run(t, "", swaks, "--server", "localhost", "--port", strconv.Itoa(s.Ports[w.listener]), how, "--tls-verify", "--tls-ca-path", s.ca,
				"--auth", mechanism, "--auth-user", "anna@nord.test", "--auth-password", password, "--pipeline",
				"--from", "anna@nord.test", "--to", "bert@nord.test", "--header", "Subject: "+w.name+" "+mechanism,
				"--body", ".\\n..\\nGrüße\\n.dot\\n")
			wants(t, out, "235 2.7.0", "250 2.0.0 Accepted, message id ")
			sent++
		}
	}
	got := s.await(t, "bert@nord.test", sent)
	for i, m := range got {
		wants(t, m, "Subject: "+ways[i/2].name, "with ESMTPSA", "\n.\n..\nGrüße\n.dot\n")
	}
}

func TestSwaksIsRefused(t *testing.T) {
	swaks := rig.Need(t, "swaks", "swaks")
	s := start(t, newAuthority(t), "nord.test", setting{})
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no login", []string{"--port", strconv.Itoa(s.Ports["submission"]), "--tls", "--to", "bert@nord.test"}, "530 5.7.0"},
		{"no TLS", []string{"--port", strconv.Itoa(s.Ports["submission"]), "--to", "bert@nord.test"}, "530 5.7.0"},
		{"wrong password", []string{"--port", strconv.Itoa(s.Ports["submissions"]), "--tls-on-connect", "--to", "bert@nord.test",
			"--auth", "PLAIN", "--auth-user", "anna@nord.test", "--auth-password", "wrong"}, "535 5.7.8"},
		{"not her address", []string{"--port", strconv.Itoa(s.Ports["submissions"]), "--tls-on-connect", "--to", "bert@nord.test", "--from", "bert@nord.test",
			"--auth", "PLAIN", "--auth-user", "anna@nord.test", "--auth-password", password}, "553 5.7.1"},
		{"unknown recipient", []string{"--port", strconv.Itoa(s.Ports["smtp"]), "--to", "nobody@nord.test"}, "550 5.1.1"},
		{"a stranger's relay", []string{"--port", strconv.Itoa(s.Ports["smtp"]), "--to", "x@elsewhere.example"}, "550 5.7.1"},
	} {
		out, err := try(t, "", swaks, append([]string{"--server", "localhost", "--from", "anna@nord.test"}, c.args...)...)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
	}
	if got := s.inbox(t, "bert@nord.test"); len(got) > 0 {
		t.Errorf("bert got %q", got)
	}
}

func TestMsmtp(t *testing.T) {
	msmtp := rig.Need(t, "msmtp", "msmtp")
	s := start(t, newAuthority(t), "nord.test", setting{})
	sent := 0
	for _, w := range ways {
		for _, auth := range []string{"plain", "scram-sha-256", "login", "on"} {
			starttls := "on"
			if w.listener == "submissions" {
				starttls = "off"
			}
			conf := filepath.Join(t.TempDir(), "msmtprc")
			must(t, os.WriteFile(conf, []byte(fmt.Sprintf("account default\nhost localhost\nport %d\ntls on\ntls_starttls %s\ntls_trust_file %s\n"+
				"auth %s\nuser anna@nord.test\npassword \"%s\"\nfrom anna@nord.test\ndsn_notify failure,delay\ndsn_return headers\n",
				s.Ports[w.listener], starttls, s.ca, auth, password)), 0o600))
			letter := fmt.Sprintf("From: anna@nord.test\nTo: bert@nord.test\nSubject: msmtp %s %s\n\n.\nGrüße\n", w.listener, auth)
			out, err := try(t, letter, msmtp, "-C", conf, "bert@nord.test")
			if err != nil && strings.Contains(out, "support for authentication method") {
				t.Logf("this msmtp has no %s", auth)
				continue
			}
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", w.name, auth, err, out)
			}
			sent++
		}
	}
	if sent < 4 {
		t.Errorf("only %d messages were sent", sent)
	}
	for _, m := range s.await(t, "bert@nord.test", sent) {
		wants(t, m, "Subject: msmtp", "with ESMTPSA", "\n\n.\nGrüße\n")
	}
}

// script drives smtplib: argv is host, port, CA file, password, and "starttls" or "tls".
const script = `
import smtplib, ssl, sys
from email.message import EmailMessage
host, port, ca, password, how = sys.argv[1:]
ctx = ssl.create_default_context(cafile=ca)
if how == "tls":
    s = smtplib.SMTP_SSL(host, int(port), context=ctx, timeout=30)
else:
    s = smtplib.SMTP(host, int(port), timeout=30)
    s.starttls(context=ctx)
s.login("anna@nord.test", password)
for i in range(3):
    m = EmailMessage()
    m["From"] = "Anna Nørd <anna@nord.test>"
    m["To"] = "bert@nord.test"
    m["Subject"] = "Grüße %d aus Python" % i
    m.set_content("Hallo Bert,\n.\n..\nschöne Grüße\n")
    m.add_attachment(bytes(range(256)) * 400, maintype="application", subtype="octet-stream", filename="alles.bin")
    refused = s.send_message(m)
    assert not refused, refused
m.replace_header("Subject", "SMTPUTF8")
s.send_message(m, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
try:
    s.sendmail("anna@nord.test", ["nobody@nord.test"], "Subject: x\r\n\r\nx\r\n")
    raise SystemExit("nobody took a message")
except smtplib.SMTPRecipientsRefused as e:
    code, text = e.recipients["nobody@nord.test"]
    assert code == 550 and b"5.1.1" in text, (code, text)
code, text = s.docmd("VRFY", "bert@nord.test")
assert code == 252, (code, text)
s.quit()
`

func TestPythonSmtplib(t *testing.T) {
	python := rig.Need(t, "python3", "python3")
	s := start(t, newAuthority(t), "nord.test", setting{})
	for _, w := range ways {
		how := "starttls"
		if w.listener == "submissions" {
			how = "tls"
		}
		// smtplib logs in with ASCII passwords only, so the account gets one.
		_, err := s.CLI("plain-secret\n", "account", "password", "anna@nord.test")
		must(t, err)
		run(t, "", python, "-c", script, "localhost", strconv.Itoa(s.Ports[w.listener]), s.ca, "plain-secret", how)
	}
	got := s.await(t, "bert@nord.test", 8)
	for i, m := range got {
		wants(t, m, "alles.bin", "Received: from ")
		if i%4 == 3 {
			wants(t, m, "Subject: SMTPUTF8", "with UTF8SMTPSA")
		}
	}
}
