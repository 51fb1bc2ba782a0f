package imapd

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"
)

// FuzzSession lets a client that has logged in and selected a mailbox send anything. The session must end, and every
// line it answers must be one of IMAP's responses.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"a FETCH 1:* (FLAGS ENVELOPE BODY[])\r\nb STORE 1 +FLAGS (\\Seen x)\r\n",
		"a SEARCH OR (BODY x) NOT HEADER X {1}\r\ny\r\n",
		"a APPEND INBOX {3+}\r\nabc\r\nb COPY 1 Archive\r\nc MOVE * Trash\r\nd EXPUNGE\r\n",
		"a IDLE\r\nDONE\r\nb LIST (SUBSCRIBED) \"\" (\"*\" %) RETURN (STATUS (SIZE))\r\n",
		"a ENABLE IMAP4rev2\r\nb CREATE \"ä\"\r\nc RENAME \"ä\" b\r\nd DELETE b\r\n",
		"a UID FETCH 1 (BINARY.PEEK[1]<0.5> BODY[2.MIME])\r\nb EXAMINE INBOX\r\nc CLOSE\r\n",
	} {
		f.Add(seed)
	}
	s := start(f, Options{Limits: Limits{MaxBad: 50}})
	f.Fuzz(func(t *testing.T, input string) {
		p := s.login(t)
		defer p.Close()
		p.ask("sel", "SELECT INBOX")
		if _, err := io.WriteString(p, input+"\r\nDONE\r\nzz LOGOUT\r\n"); err != nil {
			return // the server has had enough already
		}
		if err := p.Conn.(*tls.Conn).CloseWrite(); err != nil {
			return
		}
		must(t, p.SetReadDeadline(time.Now().Add(20*time.Second)))
		all, err := io.ReadAll(p.r)
		if err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatalf("the session does not end: %q", all)
		}
		if len(all) > 0 && !strings.HasSuffix(string(all), "\r\n") {
			t.Fatalf("answers end in the middle of a line: %q", all)
		}
	})
}
