package imap_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/posthorn-mail/posthorn/interop/rig"
)

// script lives on the server with Python's imaplib, and fails if anything is not as it should be.
const script = `
import imaplib, os, ssl, sys
host, port, clear, ca, user, password = sys.argv[1:]
ctx = ssl.create_default_context(cafile=ca)

def ok(answer):
    typ, data = answer
    assert typ == "OK", answer
    return data

def life(m):
    assert "IDLE" in m.capabilities and "IMAP4REV1" in m.capabilities, m.capabilities
    ok(m.create("Projekte/2026"))
    ok(m.subscribe("Projekte/2026"))
    assert any(b"Projekte/2026" in l for l in ok(m.list('""', "*")))
    assert any(b"Projekte/2026" in l for l in ok(m.lsub('""', "*")))
    assert ok(m.select("Projekte/2026")) == [b"0"]
    for i in range(10):
        body = b"Subject: number %d\r\nFrom: a@b.test\r\n\r\ntext %d\r\n" % (i, i)
        data = ok(m.append("Projekte/2026", "(\\Flagged)", imaplib.Time2Internaldate(1770000000 + i), body))
        assert b"APPENDUID" in data[0], data
    ok(m.noop())
    assert ok(m.search(None, "FLAGGED", "SUBJECT", '"number 7"')) == [b"8"]
    data = ok(m.fetch("1:3", "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    assert data[0][1] == b"Subject: number 0\r\n\r\n", data
    data = ok(m.uid("FETCH", "10", "(RFC822)"))
    assert data[0][1].endswith(b"text 9\r\n"), data
    data = ok(m.store("2:4", "+FLAGS.SILENT", "\\Deleted"))
    data = ok(m.uid("EXPUNGE", "3"))
    ok(m.copy("1", "Archive"))
    data = ok(m.expunge())
    assert data[-2:] == [b"3", b"2"], data
    data = ok(m.uid("MOVE", "10", "Trash"))
    data = ok(m.status("Projekte/2026", "(MESSAGES UIDNEXT UNSEEN)"))
    assert b"MESSAGES 6 UIDNEXT 11" in data[0], data
    ok(m.namespace())
    ok(m.rename("Projekte/2026", "Projekte/alt"))
    ok(m.unselect())
    ok(m.delete("Projekte/alt"))
    ok(m.delete("Projekte"))
    typ, data = m.select("Projekte")
    assert typ == "NO" and b"NONEXISTENT" in data[0], data
    typ, data = m.logout()
    assert typ == "BYE", data

m = imaplib.IMAP4_SSL(host, int(port), ssl_context=ctx)
ok(m.login(user, password))
life(m)

m = imaplib.IMAP4(host, int(clear))
try:
    m.login(user, password)
    raise SystemExit("a password was taken in clear text")
except imaplib.IMAP4.error:
    pass
ok(m.starttls(ctx))
ok(m.authenticate("PLAIN", lambda _: b"\0" + user.encode() + b"\0" + password.encode()))
life(m)
print("all well")
`

// TestPythonImaplib runs the script above.
func TestPythonImaplib(t *testing.T) {
	python := rig.Need(t, "python3", "python3")
	s := start(t)
	file := filepath.Join(s.dir, "life.py")
	must(t, os.WriteFile(file, []byte(script), 0o600))
	host, port := s.host("imaps")
	_, clear := s.host("imap")
	if got := run(t, nil, python, file, host, port, clear, s.ca, login, password); got != "all well\n" {
		t.Error(got)
	}
}
