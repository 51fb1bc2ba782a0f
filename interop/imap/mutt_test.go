package imap_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/interop/rig"
)

// TestMutt lets mutt read, flag, copy, delete and move, on a terminal made by script(1).
func TestMutt(t *testing.T) {
	mutt := rig.Need(t, "mutt", "mutt")
	term := rig.Need(t, "script", "bsdutils")
	s := start(t)
	c := s.client(t)
	put(t, c, "INBOX", numbers(1, 30)...)
	host, port := s.host("imaps")
	out := filepath.Join(s.dir, "piped")
	keys := []string{
		"<limit>~i'<7@sued.test>'<enter>", "<display-message><exit>", fmt.Sprintf("<pipe-message>cat > %s<enter>", out), "<flag-message>",
		"<limit>~i'<8@sued.test>'<enter>", "<copy-message>=Archive<enter>", "<delete-message>",
		"<limit>~i'<9@sued.test>'<enter>", "<save-message>=Trash<enter>",
		"<limit>all<enter>", "<sync-mailbox>",
		"<change-folder>=Archive<enter>", "<quit>",
	}
	rc := filepath.Join(s.dir, "muttrc")
	must(t, os.WriteFile(rc, []byte(fmt.Sprintf(`set imap_user = %q
set imap_pass = %q
set folder = "imaps://%s:%s/"
set spoolfile = "=INBOX"
set certificate_file = %q
set header_cache = ""
set delete = yes
set confirmappend = no
set confirmcreate = no
set quit = yes
set wait_key = no
set pipe_decode = no
set sleep_time = 0
push %q
`, login, password, host, port, s.ca, strings.Join(keys, ""))), 0o600))
	said := run(t, []string{"TERM=vt100", "HOME=" + s.dir, "COLUMNS=80", "LINES=24"}, term, "-qec", mutt+" -n -F "+rc, "/dev/null")
	piped, err := os.ReadFile(out)
	if err != nil {
		t.Fatalf("mutt did not read message 7: %v\n%s", err, said)
	}
	if got, want := strings.ReplaceAll(string(piped), "\r\n", "\n"), strings.ReplaceAll(messageOf(7), "\r\n", "\n"); !strings.HasSuffix(got, want[strings.Index(want, "Grüße"):]) {
		t.Errorf("message 7 came as %q", got)
	}
	inbox := held(t, c, "INBOX")
	if len(inbox) != 28 || inbox["<7@sued.test>"] != "FS" {
		t.Errorf("INBOX has %d messages, 7 has flags %q\n%s", len(inbox), inbox["<7@sued.test>"], said)
	}
	if got := held(t, c, "Archive"); len(got) != 1 {
		t.Errorf("Archive: %v", got)
	}
	if got := held(t, c, "Trash"); len(got) != 1 {
		t.Errorf("Trash: %v", got)
	}
}
