package imap_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/interop/rig"
)

// TestCurl drives curl over implicit TLS and STARTTLS.
func TestCurl(t *testing.T) {
	curl := rig.Need(t, "curl", "curl")
	s := start(t)
	c := s.client(t)
	put(t, c, "INBOX", 1, 2, 3)
	ask := func(scheme, path string, more ...string) string {
		t.Helper()
		host, port := s.host(scheme)
		args := append([]string{"--silent", "--show-error", "--max-time", "30", "--cacert", s.ca, "--user", login + ":" + password}, more...)
		return run(t, nil, curl, append(args, fmt.Sprintf("%s://%s:%s/%s", scheme, host, port, path))...)
	}
	if got := ask("imaps", ""); !strings.Contains(got, `* LIST (\HasNoChildren \Drafts) "/" Drafts`) {
		t.Errorf("LIST: %q", got)
	}
	if got := ask("imaps", "INBOX;MAILINDEX=2"); got != messageOf(2) {
		t.Errorf("message 2: %q", got)
	}
	if got := ask("imap", "INBOX;UID=3", "--ssl-reqd"); got != messageOf(3) {
		t.Errorf("message 3 with STARTTLS: %q", got)
	}
	for _, mech := range []string{"PLAIN", "LOGIN"} {
		if got := ask("imaps", "INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)", "--login-options", "AUTH="+mech); got != "Subject: number 1\r\n\r\n" {
			t.Errorf("subject with %s: %q", mech, got)
		}
	}
	file := filepath.Join(s.dir, "new")
	must(t, os.WriteFile(file, []byte(messageOf(4)), 0o600))
	ask("imaps", "INBOX", "--upload-file", file)
	if got := ask("imaps", "INBOX?SUBJECT%20%22number%204%22"); strings.TrimSpace(got) != "* SEARCH 4" {
		t.Errorf("SEARCH: %q", got)
	}
	ask("imaps", "INBOX", "--request", `STORE 2 +FLAGS (\Deleted)`)
	ask("imaps", "INBOX", "--request", "EXPUNGE")
	got := held(t, c, "INBOX")
	if _, second := got["<2@sued.test>"]; len(got) != 3 || second {
		t.Errorf("left: %v", got)
	}
}
