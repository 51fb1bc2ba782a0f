package hostile

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// literalsThatNeverCome announces literals, before and after the login, and waits.
func literalsThatNeverCome(t *testing.T, v *victim) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for i := range size(200, 2000) {
		conn, err := v.stranger("imap")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
		c := talk(conn)
		c.line()
		c.say([]string{"a LOGIN {4000}\r\n", "a LOGIN {4000+}\r\n", "a LOGIN {999999999999}\r\n", "a APPEND INBOX {99999999+}\r\n"}[i%4])
	}
	for range 20 {
		c, err := v.imap("evil")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		c.say("a APPEND INBOX {50000000}\r\n")
		c.say("Subject: never\r\n")
	}
}

// imapGrammar sends what a parser or a search may take too long for.
func imapGrammar(t *testing.T, v *victim) {
	c, err := v.imap("evil")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	c.tagged("SELECT INBOX")
	descending := make([]string, 0, 10_000)
	for i := 20_000; i > 0; i -= 2 {
		descending = append(descending, fmt.Sprint(i))
	}
	for _, command := range []string{
		"SEARCH " + strings.Repeat("(", 10_000) + "ALL" + strings.Repeat(")", 10_000),
		"SEARCH " + strings.Repeat("NOT ", 10_000) + "ALL",
		"SEARCH " + strings.Repeat("OR ALL ", 9_000) + "ALL",
		"SEARCH " + strings.Repeat("1:* ", 2_000) + "ALL",
		"SEARCH " + strings.Repeat("UID 4294967295:1 ", 2_000) + "ALL",
		"FETCH " + strings.Join(descending, ",") + " FLAGS",
		"UID FETCH " + strings.Repeat("1:*,", 15_000) + "1 FLAGS",
		"FETCH 1 (" + strings.Repeat("BODY.PEEK[] ", 5_000) + "FLAGS)",
		"FETCH 1 BODY[" + strings.Repeat("1.", 20_000) + "1]",
		"FETCH 1 BODY[HEADER.FIELDS (" + strings.Repeat("a ", 20_000) + "b)]",
		`LIST "" "` + strings.Repeat("%*", 20_000) + `"`,
		`LIST "" (` + strings.Repeat(`"%*%*%*%*%*%*%*%*x" `, 2_000) + `"*")`,
		"STORE 1:* FLAGS (" + strings.Repeat("a", 60_000) + ")",
		"CREATE " + strings.Repeat("a/", 20_000) + "b",
		"STATUS INBOX (" + strings.Repeat("MESSAGES ", 5_000) + "UNSEEN)",
		"ENABLE " + strings.Repeat("CONDSTORE ", 5_000) + "CONDSTORE",
		"ID (" + strings.Repeat(`"a" "b" `, 5_000) + `"c" "d")`,
	} {
		began := time.Now()
		got := c.tagged(command)
		if got == "" {
			t.Errorf("%.40s (%d bytes) ended the connection", command, len(command))
			return
		}
		if took := time.Since(began); took > time.Second {
			t.Logf("%.40s took %v: %.60s", command, took, got)
		}
		c.tagged("NOOP") // so that the bad ones are not in a row
	}
	c.say("t SEARCH " + strings.Repeat("ALL ", 100_000) + "\r\n")
	if got := c.until("* BYE"); got == "" {
		t.Error("a line beyond the bound was not answered with BYE")
	}
}

func millionKeywords(t *testing.T, v *victim) {
	c, err := v.imap("evil")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	c.tagged("SELECT INBOX")
	refused := 0
	for i := range size(200, 20_000) {
		var b strings.Builder
		for k := range 50 {
			fmt.Fprintf(&b, "k%d-%d ", i, k)
		}
		if got := c.tagged("STORE 1 +FLAGS.SILENT (" + strings.TrimSpace(b.String()) + ")"); strings.Contains(got, "[LIMIT]") {
			refused++
		}
	}
	if refused == 0 {
		t.Error("keywords without end were taken")
	}
}

// mailboxesWithoutEnd makes mailboxes until it is told that there are enough, lists them all, and removes them.
func mailboxesWithoutEnd(t *testing.T, v *victim) {
	c, err := v.imap("evil")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	const batch = 200
	made, refused := 0, 0
	for i := 0; i < size(600, 6000); i += batch {
		var b strings.Builder
		for k := range batch {
			fmt.Fprintf(&b, "m CREATE box%d/%s%d\r\n", i%7, strings.Repeat("x", 150), i+k)
		}
		go c.say(b.String())
		for range batch {
			switch got := c.until("m "); {
			case strings.HasPrefix(got, "m OK"):
				made++
			case strings.Contains(got, "[LIMIT]"):
				refused++
			default:
				t.Fatalf("CREATE: %q", got)
			}
		}
	}
	t.Logf("%d mailboxes were made, %d refused", made, refused)
	if long && (refused == 0 || made > 5000) {
		t.Errorf("%d mailboxes were made, %d refused", made, refused)
	}
	for range 5 {
		if got := c.tagged(`LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))`); !strings.HasPrefix(got, "t OK") {
			t.Errorf("LIST: %.80q", got)
		}
	}
}

// binaryBombs has many large parts decoded at once (BINARY, RFC 3516), and their sizes counted, by clients that then leave.
func binaryBombs(t *testing.T, v *victim) {
	body := strings.Repeat(strings.Repeat("QUFB", 19)+"\r\n", size(20_000, 400_000))
	if got := v.send(t, "bomb", "Subject: decode\r\nMIME-Version: 1.0\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"+body); !strings.HasPrefix(got, "250") {
		t.Fatalf("bomb: %q", got)
	}
	crowd(size(4, 16), func(i int) {
		c, err := v.imap("bomb")
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		c.tagged("SELECT INBOX")
		command := []string{"t FETCH * BINARY.SIZE[1]\r\n", "t FETCH * BINARY.PEEK[1]\r\n", "t FETCH * BINARY.PEEK[1]<9999999.10>\r\n"}[i%3]
		go c.say(strings.Repeat(command, size(10, 100)) + "t LOGOUT\r\n")
		_, _ = io.Copy(io.Discard, c.r)
	})
}

// answersNobodyReads pipelines commands with large answers and reads none.
func answersNobodyReads(t *testing.T, v *victim) {
	var open []*client
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range 20 {
		c, err := v.imap("evil")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		c.tagged("SELECT INBOX")
	}
	flood := strings.Repeat("t FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])\r\n", 100_000)
	crowd(len(open), func(i int) {
		_ = open[i].SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		open[i].say(flood)
	})
}

// searchBombs looks for words in decoded bombs, very many at once, and goes away.
func searchBombs(t *testing.T, v *victim) {
	for i := range size(2, 10) {
		body := strings.Repeat(strings.Repeat("QUFB", 19)+"\r\n", size(20_000, 400_000))
		if got := v.send(t, "bomb", fmt.Sprintf("Subject: bomb %d\r\nContent-Transfer-Encoding: base64\r\n\r\n%s", i, body)); !strings.HasPrefix(got, "250") {
			t.Fatalf("bomb: %q", got)
		}
	}
	var open []*client
	for range size(2, 8) {
		c, err := v.imap("bomb")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		_ = c.SetDeadline(time.Now().Add(3 * patience)) // a search may take a minute
		c.tagged("SELECT INBOX")
		c.say("t SEARCH " + strings.Repeat("NOT BODY qq ", size(40, 1000)) + "ALL\r\n")
	}
	for _, c := range open { // no answer is left out, and no search goes on for longer than it may
		if got := c.until("t "); !strings.HasPrefix(got, "t NO [LIMIT]") && !strings.HasPrefix(got, "t OK") {
			t.Errorf("the search was answered with %q", got)
		}
		_ = c.Close()
	}
}

func appendOverQuota(t *testing.T, v *victim) {
	c, err := v.imap("poor")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	message := "Subject: x\r\n\r\n" + strings.Repeat("y", 400<<10) + "\r\n"
	over := 0
	for range size(20, 1000) {
		c.say(fmt.Sprintf("t APPEND INBOX {%d+}\r\n%s\r\n", len(message), message))
		if strings.Contains(c.until("t "), "OVERQUOTA") {
			over++
		}
	}
	if over < size(20, 1000)-3 {
		t.Errorf("only %d were over quota", over)
	}
}
