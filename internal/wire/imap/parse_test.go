package imap

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestParseGolden holds each command of testdata/parse.txt to what it parses to, beside it in testdata/parse.golden.
func TestParseGolden(t *testing.T) {
	in, err := os.ReadFile(filepath.Join("testdata", "parse.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(in)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		r, _ := testReader(strings.NewReader("a "+strings.ReplaceAll(line, "~~", "\r\n")+"\r\n"), Limits{})
		c, err := r.ReadCommand()
		if err != nil {
			t.Fatal(line, err)
		}
		out.WriteString(line + "\n\t")
		got, err := parseOne(c)
		if err != nil {
			out.WriteString("error: " + err.Error() + "\n")
			continue
		}
		js, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(js)
		out.WriteByte('\n')
	}
	golden := filepath.Join("testdata", "parse.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")
	for i := range max(len(wantLines), len(gotLines)) {
		var w, g string
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if w != g {
			t.Fatalf("line %d:\ngot  %s\nwant %s", i+1, g, w)
		}
	}
}

func parseOne(c Command) (any, error) {
	p := c.Parser(UTF7)
	switch c.Name {
	case "FETCH":
		f, err := p.Fetch()
		names := make([]string, len(f.Items))
		for i, item := range f.Items {
			if names[i] = string(item.AppendName(nil)); item.Peek {
				names[i] += " (peek)"
			}
		}
		return []any{f.Set, names, f.HasChangedSince, f.ChangedSince, f.Vanished}, err
	case "SEARCH":
		return p.searchText()
	case "STORE":
		return p.Store()
	case "LIST":
		return p.List()
	case "LSUB":
		return p.LSub()
	case "STATUS":
		name, items, err := p.Status()
		return []any{name, items}, err
	case "SELECT":
		return p.Select()
	case "CREATE":
		return p.Create()
	case "RENAME":
		from, to, err := p.Rename()
		return []any{from, to}, err
	case "APPEND":
		return p.Append()
	case "ID":
		return p.ID()
	case "ENABLE":
		return p.Enable()
	case "AUTHENTICATE":
		return p.Authenticate()
	case "LOGIN":
		u, pw, err := p.Login()
		return []any{u, pw}, err
	case "COPY":
		set, name, err := p.CopyMove()
		return []any{set, name}, err
	}
	return nil, p.End()
}

func (p *Parser) searchText() (any, error) {
	s, err := p.Search()
	return []any{s.HasReturn, s.Return, s.Charset, s.Key.text()}, err
}

var opNames = []string{"all", "and", "or", "not", "seq", "uid", "flag", "keyword", "recent", "before", "on", "sentbefore",
	"senton", "larger", "smaller", "older", "younger", "header", "body", "text", "modseq", "emailid", "threadid"}

// text is a key for golden files.
func (k SearchKey) text() string {
	var b strings.Builder
	b.WriteString(opNames[k.Op])
	for _, r := range k.Set.Ranges {
		b.WriteString(" " + string(appendRange(nil, r)))
	}
	if k.Set.Saved {
		b.WriteString(" $")
	}
	for _, f := range k.Flag.IMAP() {
		b.WriteString(" " + f)
	}
	if k.Field != "" {
		b.WriteString(" " + k.Field)
	}
	if k.Text != "" {
		b.WriteString(" '" + k.Text + "'")
	}
	if !k.Day.IsZero() {
		b.WriteString(k.Day.Format(" 2006-01-02"))
	}
	if k.Num != 0 {
		b.Write(append([]byte{' '}, appendUint(nil, k.Num)...))
	}
	for _, sub := range k.Keys {
		b.WriteString(" (" + sub.text() + ")")
	}
	return b.String()
}

func TestDepthIsBounded(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("(", 40) + "ALL" + strings.Repeat(")", 40),
		strings.Repeat("NOT ", 10_000) + "ALL",
		strings.Repeat("OR ALL ", 10_000) + "ALL",
		strings.Repeat("ALL ", 10_000) + "ALL",
	} {
		if _, err := NewParser([]byte(s)).Search(); err == nil || !strings.Contains(err.Error(), "too deep") {
			t.Errorf("%.20s...: %v", s, err)
		}
	}
}

func TestMatchMailbox(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%/%", "a/b", true}, {"a*", "a/b/c", true}, {"*c", "a/b/c", true},
		{"a%c", "abc", true}, {"a%c", "ab/c", false}, {"inbox", "INBOX", true}, {"Inb%", "INBOX", true},
		{"inbox/*", "INBOX/x", true}, {"inbox", "INBOXx", false}, {"", "", true}, {"", "a", false}, {"%", "", true},
		{"*%*", "a/b", true}, {"a", "A", false}, {"INBOX*", "Inbox", true},
	} {
		if got := MatchMailbox(c.pattern, c.name, '/'); got != c.want {
			t.Errorf("%q against %q: %v", c.pattern, c.name, got)
		}
	}
}

func FuzzParser(f *testing.F) {
	in, err := os.ReadFile(filepath.Join("testdata", "parse.txt"))
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(in)) {
		if _, args, ok := strings.Cut(strings.TrimSpace(line), " "); ok && n < 200 {
			f.Add([]byte(strings.ReplaceAll(args, "~~", "\r\n")))
			n++
		}
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		parseAny(Command{Args: args})
		// What is parsed as a FETCH keeps its names through a second reading.
		fetch, err := NewParser(args).Fetch()
		if err != nil {
			return
		}
		for _, item := range fetch.Items {
			if item.Partial != nil {
				continue // answered without its length
			}
			name := item.AppendName(nil)
			again, err := NewParser(append([]byte("1 "), name...)).Fetch()
			if err != nil || len(again.Items) != 1 || string(again.Items[0].AppendName(nil)) != string(name) {
				t.Fatalf("%s reads as %v, %v", name, again, err)
			}
		}
	})
}
