package imapd

import (
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
)

func TestFullMailbox(t *testing.T) {
	s := start(t, Options{})
	must(t, s.boxes.Account(s.account).SetQuota(t.Context(), mailbox.Quota{Bytes: 100}))
	p := s.login(t)
	if got := p.ask("a", "APPEND INBOX {6+}\r\na: b\r\n"); !strings.HasPrefix(got[0], "a OK") {
		t.Fatal(got)
	}
	// refused before it is sent, and after it was
	if got := p.ask("b", "APPEND INBOX {96}"); !strings.HasPrefix(got[0], "b NO [OVERQUOTA]") {
		t.Error(got)
	}
	if got := p.ask("c", "APPEND INBOX {96+}\r\n"+strings.Repeat("x", 96)); !strings.HasPrefix(got[0], "c NO [OVERQUOTA]") {
		t.Error(got)
	}
	if got := p.ask("d", "STATUS INBOX (MESSAGES)"); got[0] != "* STATUS INBOX (MESSAGES 1)" {
		t.Error(got)
	}
}
