package imapd

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write what the server answers into the sessions")

// masks hide what is different each time.
var masks = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b(MAILBOXID|EMAILID|THREADID) \([0-9a-v]{20}\)`), "$1 (ID)"},
	{regexp.MustCompile(`UIDVALIDITY \d+`), "UIDVALIDITY V"},
	{regexp.MustCompile(`(APPENDUID|COPYUID) \d+`), "$1 V"},
}

// TestSessions runs testdata/sessions/*.txt: "1> " is a line that connection 1 sends, "1< " one that it must get, "1? "
// waits for one line that comes by itself, "1! " connects anew in clear text, "1." expects the end of the connection.
// After a line sent, everything is read up to its tagged response, or to the continuation request it must cause. Lines
// of literals are joined with "␍␊".
func TestSessions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "sessions", "*.txt"))
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no sessions")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runSession(t, file) })
	}
}

type player struct {
	*testing.T
	srv   *server
	peers map[byte]*peer
	tags  map[byte]string
	out   strings.Builder
}

func runSession(t *testing.T, file string) {
	script, err := os.ReadFile(file)
	must(t, err)
	p := &player{T: t, srv: start(t, Options{Version: "test"}), peers: map[byte]*peer{}, tags: map[byte]string{}}
	for l := range strings.Lines(string(script)) {
		l = strings.TrimSuffix(l, "\n")
		if len(l) > 1 && l[1] == '<' {
			continue
		}
		p.out.WriteString(l + "\n")
		if len(l) > 1 && strings.IndexByte(">?!.", l[1]) >= 0 {
			p.step(l[0], l[1], l[min(3, len(l)):])
		}
	}
	if *update {
		must(t, os.WriteFile(file, []byte(p.out.String()), 0o644))
		return
	}
	want, got := strings.Split(string(script), "\n"), strings.Split(p.out.String(), "\n")
	for i := range max(len(want), len(got)) {
		w, g := at(want, i), at(got, i)
		if w != g {
			t.Fatalf("%s:%d:\ngot  %s\nwant %s\n\nwhole session:\n%s", file, i+1, g, w, p.out.String())
		}
	}
}

func at(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "(nothing)"
}

func (p *player) step(who, what byte, text string) {
	if what == '!' {
		p.peers[who] = p.srv.dial(p.T, true)
		p.record(who, p.peers[who].line())
		return
	}
	if p.peers[who] == nil {
		p.peers[who] = p.srv.login(p.T)
	}
	peer := p.peers[who]
	switch what {
	case '?':
		p.record(who, peer.line())
	case '.':
		peer.ended()
		delete(p.peers, who)
	case '>':
		text = strings.ReplaceAll(text, "␍␊", "\r\n")
		peer.send(text)
		if p.tags[who] == "" {
			p.tags[who], _, _ = strings.Cut(text, " ")
		}
		prefixes := []string{p.tags[who] + " ", "+ "}
		if p.tags[who] == "" || strings.ContainsAny(p.tags[who], "{") {
			prefixes = []string{"* BAD", "* BYE"}
		}
		lines := peer.until(prefixes...)
		for _, l := range lines {
			p.record(who, l)
		}
		if !strings.HasPrefix(lines[len(lines)-1], "+ ") {
			p.tags[who] = ""
		}
	}
}

func (p *player) record(who byte, line string) {
	for _, m := range masks {
		line = m.re.ReplaceAllString(line, m.with)
	}
	p.out.WriteString(string(who) + "< ")
	for _, r := range strings.ReplaceAll(line, "\r\n", "␍␊") { // invalid bytes come as U+FFFD
		if unicode.IsPrint(r) {
			p.out.WriteRune(r)
			continue
		}
		fmt.Fprintf(&p.out, "\\x%02x", r)
	}
	p.out.WriteByte('\n')
}
