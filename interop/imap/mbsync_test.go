package imap_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/posthorn-mail/posthorn/interop/rig"
)

// TestMbsync syncs 1,000 messages both ways, then changes of every kind on both sides.
func TestMbsync(t *testing.T) {
	mbsync := rig.Need(t, "mbsync", "isync")
	s := start(t)
	c := s.client(t)
	local := maildir(filepath.Join(s.dir, "mail"))
	config := s.mbsyncConfig(t, string(local))
	sync := func() { run(t, nil, mbsync, "-c", config, "both") }

	put(t, c, "INBOX", numbers(1, 500)...)
	local.add(t, "INBOX", numbers(501, 1000)...)
	must(t, c.Create("Größe", nil).Wait())
	put(t, c, "Größe", 5000, 5001)
	sync()
	local.same(t, "INBOX", held(t, c, "INBOX"), 1000)
	local.same(t, "Gr&APYA3w-e", held(t, c, "Größe"), 2)

	// here: read 1 to 100, answer 101, delete 200 to 209, add two
	for i := 1; i <= 100; i++ {
		local.flag(t, "INBOX", i, "S")
	}
	local.flag(t, "INBOX", 101, "RS")
	for i := 200; i < 210; i++ {
		local.remove(t, "INBOX", i)
	}
	local.add(t, "INBOX", 1001, 1002)
	// there: flag 501 to 600, delete 700 to 719, move 800 away, add three
	_, err := c.Select("INBOX", nil).Wait()
	must(t, err)
	store := func(op goimap.StoreFlagsOp, flag goimap.Flag, from, to int) {
		var uids goimap.UIDSet
		for i := from; i <= to; i++ {
			found, err := c.UIDSearch(&goimap.SearchCriteria{Header: []goimap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: fmt.Sprintf("<%d@sued.test>", i)}}}, nil).Wait()
			must(t, err)
			uids.AddNum(found.AllUIDs()...)
		}
		must(t, c.Store(uids, &goimap.StoreFlags{Op: op, Silent: true, Flags: []goimap.Flag{flag}}, nil).Close())
		if flag == goimap.FlagDeleted {
			_, err := c.UIDExpunge(uids).Collect()
			must(t, err)
		}
	}
	store(goimap.StoreFlagsAdd, goimap.FlagFlagged, 501, 600)
	store(goimap.StoreFlagsAdd, goimap.FlagDeleted, 700, 719)
	put(t, c, "INBOX", 2001, 2002, 2003)
	must(t, c.Create("Neu", nil).Wait())
	_, err = c.Move(goimap.SeqSetNum(1), "Neu").Wait()
	must(t, err)
	sync()

	there := held(t, c, "INBOX")
	local.same(t, "INBOX", there, 1000-10+2-20+3-1)
	local.same(t, "Neu", held(t, c, "Neu"), 1)
	for id, want := range map[string]string{"<50@sued.test>": "S", "<101@sued.test>": "RS", "<550@sued.test>": "F", "<2002@sued.test>": ""} {
		if got := there[id]; got != want {
			t.Errorf("%s has flags %q, want %q", id, got, want)
		}
	}
	for _, id := range []string{"<205@sued.test>", "<710@sued.test>"} {
		if _, ok := there[id]; ok {
			t.Errorf("%s is still there", id)
		}
	}
	// nothing is left to do
	before := held(t, c, "INBOX")
	sync()
	if after := held(t, c, "INBOX"); !maps.Equal(before, after) {
		t.Error("a third sync changed something")
	}
}

func numbers(from, to int) []int {
	var out []int
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

func (s *server) mbsyncConfig(t *testing.T, local string) string {
	host, port := s.host("imaps")
	file := filepath.Join(s.dir, "mbsyncrc")
	must(t, os.MkdirAll(local, 0o700))
	must(t, os.WriteFile(file, []byte(fmt.Sprintf(`IMAPAccount posthorn
Host %s
Port %s
User %s
Pass %q
SSLType IMAPS
CertificateFile %s

IMAPStore there
Account posthorn

MaildirStore here
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel both
Far :there:
Near :here:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
`, host, port, login, password, s.ca, local, local)), 0o600))
	return file
}

// maildir is a folder of Maildirs.
type maildir string

func (m maildir) add(t *testing.T, box string, numbers ...int) {
	t.Helper()
	for _, sub := range []string{"new", "cur", "tmp"} {
		must(t, os.MkdirAll(filepath.Join(string(m), box, sub), 0o700))
	}
	for _, i := range numbers {
		file := filepath.Join(string(m), box, "new", fmt.Sprintf("1700000000.%d.test", i))
		must(t, os.WriteFile(file, []byte(strings.ReplaceAll(messageOf(i), "\r\n", "\n")), 0o600))
	}
}

var (
	messageID = regexp.MustCompile(`(?m)^Message-ID: (<\d+@sued.test>)\r?$`)
	tuid      = regexp.MustCompile(`(?m)^X-TUID: .*\n`)
)

// files finds the message files of a mailbox by Message-ID.
func (m maildir) files(t *testing.T, box string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, sub := range []string{"new", "cur"} {
		found, err := filepath.Glob(filepath.Join(string(m), box, sub, "*"))
		must(t, err)
		for _, f := range found {
			b, err := os.ReadFile(f)
			must(t, err)
			id := messageID.FindSubmatch(b)
			if id == nil {
				t.Fatalf("%s: %.200q", f, b)
			}
			out[string(id[1])] = f
			var i int
			_, _ = fmt.Sscanf(string(id[1]), "<%d@", &i)
			// mbsync marks what it puts into the other store with a field of its own
			if got := tuid.ReplaceAllString(strings.ReplaceAll(string(b), "\r\n", "\n"), ""); got != strings.ReplaceAll(messageOf(i), "\r\n", "\n") {
				t.Fatalf("%s was changed on its way: %.300q", id[1], got)
			}
		}
	}
	return out
}

func (m maildir) find(t *testing.T, box string, i int) string {
	t.Helper()
	for _, sub := range []string{"new", "cur"} {
		found, err := filepath.Glob(filepath.Join(string(m), box, sub, "*"))
		must(t, err)
		for _, f := range found {
			b, err := os.ReadFile(f)
			must(t, err)
			if strings.Contains(string(b), fmt.Sprintf("Message-ID: <%d@sued.test>", i)) {
				return f
			}
		}
	}
	t.Fatalf("message %d is not in %s", i, box)
	return ""
}

// flag gives a message's file these flags.
func (m maildir) flag(t *testing.T, box string, i int, flags string) {
	t.Helper()
	f := m.find(t, box, i)
	base, _, _ := strings.Cut(filepath.Base(f), ":2,")
	must(t, os.Rename(f, filepath.Join(string(m), box, "cur", base+":2,"+flags)))
}

func (m maildir) remove(t *testing.T, box string, i int) {
	t.Helper()
	must(t, os.Remove(m.find(t, box, i)))
}

// same holds a mailbox here to what it is on the server.
func (m maildir) same(t *testing.T, box string, there map[string]string, count int) {
	t.Helper()
	if len(there) != count {
		t.Errorf("%s: the server has %d messages, want %d", box, len(there), count)
	}
	here := map[string]string{}
	for id, f := range m.files(t, box) {
		_, flags, _ := strings.Cut(filepath.Base(f), ":2,")
		here[id] = flags
	}
	var different []string
	for id := range maps.Keys(there) {
		if flags, ok := here[id]; !ok || flags != there[id] {
			different = append(different, fmt.Sprintf("%s here %q there %q", id, flags, there[id]))
		}
	}
	if slices.Sort(different); len(different) > 0 || len(here) != len(there) {
		t.Errorf("%s: %d here, %d there, different: %.10q", box, len(here), len(there), different)
	}
}
