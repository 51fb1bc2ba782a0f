package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// keyConstants finds the names and values of every Key constant of this package, by reading its source.
func keyConstants(t *testing.T) map[string]Key {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]Key{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "Key" {
				return true
			}
			for i, id := range v.Names {
				s, err := strconv.Unquote(v.Values[i].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				keys[id.Name] = Key(s)
			}
			return true
		})
	}
	return keys
}

var verb = regexp.MustCompile(`%(\[(\d+)\])?[-+# 0-9.]*([a-zA-Z%])`)

// arguments lists what a format takes: "1s", "2d".
func arguments(format string) []string {
	var out []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		if m[3] == "%" {
			continue
		}
		if m[2] != "" {
			next, _ = strconv.Atoi(m[2])
		}
		out = append(out, strconv.Itoa(next)+m[3])
		next++
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEveryKeyIsSaidInEveryLanguage(t *testing.T) {
	keys := keyConstants(t)
	if len(keys) < 9 {
		t.Fatalf("found only %d keys", len(keys))
	}
	seen := map[Key]string{}
	for name, k := range keys {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have the same value %q", name, other, k)
		}
		seen[k] = name
	}
	said := map[Key]bool{}
	for _, area := range areas {
		for k, sentences := range area {
			if said[k] {
				t.Errorf("%q is in two tables", k)
			}
			said[k] = true
			if _, ok := seen[k]; !ok {
				t.Errorf("%q has sentences but no constant", k)
			}
			want := arguments(sentences[EN])
			for l := range langCount {
				s := sentences[l]
				if strings.TrimSpace(s) == "" {
					t.Errorf("%q has no sentence in %v", k, l)
				}
				if got := arguments(s); !slices.Equal(got, want) {
					t.Errorf("%q takes %v in %v, and %v in English", k, got, l, want)
				}
			}
		}
	}
	for k, name := range seen {
		if !said[k] {
			t.Errorf("%s has no sentences; is its table listed in areas?", name)
		}
	}
}

// TestEveryKeyIsUsed reads the project's source for each key's name.
func TestEveryKeyIsUsed(t *testing.T) {
	unused := keyConstants(t)
	inText, elsewhere := regexp.MustCompile(`\b[a-z]\w*\b`), regexp.MustCompile(`\btext\.([A-Z]\w*)`)
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range elsewhere.FindAllSubmatch(src, -1) {
			delete(unused, string(m[1]))
		}
		if filepath.Dir(path) == "../../../internal/base/text" {
			uses := map[string]int{}
			for _, name := range inText.FindAll(src, -1) {
				if uses[string(name)]++; uses[string(name)] > 2 { // beyond the constant and the table
					delete(unused, string(name))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(unused)) {
		t.Errorf("nobody says %s", name)
	}
}

func TestSay(t *testing.T) {
	if got := Say(DE, "no.such"); got != "no.such" {
		t.Errorf("unknown key said as %q", got)
	}
	if got := Say(Lang(99), formatDecimal); got != "." {
		t.Errorf("unknown language said as %q", got)
	}
	if got := Say(DE, CLIError, "x"); got != "posthorn: x" {
		t.Errorf("got %q", got)
	}
}

func TestParseLang(t *testing.T) {
	for in, want := range map[string]Lang{"de": DE, "de_AT.UTF-8": DE, "DE-ch": DE, "en_GB.UTF-8": EN, "C": EN, "C.UTF-8": EN} {
		if got, ok := ParseLang(in); !ok || got != want {
			t.Errorf("ParseLang(%q) = %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "fr", "deu", "_de"} {
		if got, ok := ParseLang(in); ok || got != EN {
			t.Errorf("ParseLang(%q) = %v, %v", in, got, ok)
		}
	}
	env := map[string]string{"LANG": "de_DE.UTF-8"}
	getenv := func(k string) string { return env[k] }
	if FromEnv(getenv) != DE {
		t.Error("LANG must decide when nothing else is set")
	}
	env["LC_ALL"] = "C"
	if FromEnv(getenv) != EN {
		t.Error("LC_ALL must beat LANG")
	}
	var l Lang
	if err := l.UnmarshalText([]byte("fr")); err == nil {
		t.Error("French was accepted")
	}
	if err := l.UnmarshalText([]byte("de")); err != nil || l != DE {
		t.Errorf("got %v, %v", l, err)
	}
}

func TestNumbersAndTimes(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		time.Second:        {"1 second", "1 Sekunde"},
		90 * time.Second:   {"90 seconds", "90 Sekunden"},
		time.Minute:        {"1 minute", "1 Minute"},
		90 * time.Minute:   {"90 minutes", "90 Minuten"},
		time.Hour:          {"1 hour", "1 Stunde"},
		4 * time.Hour:      {"4 hours", "4 Stunden"},
		36 * time.Hour:     {"36 hours", "36 Stunden"},
		24 * time.Hour:     {"1 day", "1 Tag"},
		5 * 24 * time.Hour: {"5 days", "5 Tagen"},
		0:                  {"0 minutes", "0 Minuten"},
	} {
		if got := [2]string{Duration(EN, d), Duration(DE, d)}; got != want {
			t.Errorf("%v is said as %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64][2]string{
		0: {"0 bytes", "0 Bytes"}, 1: {"1 byte", "1 Byte"}, 1023: {"1023 bytes", "1023 Bytes"}, 1024: {"1 KiB", "1 KiB"},
		3500: {"3.4 KiB", "3,4 KiB"}, 1<<20 - 1: {"1 MiB", "1 MiB"}, 25 << 20: {"25 MiB", "25 MiB"}, 1 << 62: {"4 EiB", "4 EiB"},
	} {
		if got := [2]string{Size(EN, n), Size(DE, n)}; got != want {
			t.Errorf("%d bytes are said as %q, want %q", n, got, want)
		}
	}
	at := time.Date(2026, 3, 1, 9, 5, 7, 0, time.UTC)
	for got, want := range map[string]string{
		Date(DE, at): "1.3.2026", Moment(EN, at): "1 March 2026 09:05 UTC", Clock(DE, at): "09:05:07",
		Moment(DE, at): "1.3.2026, 09:05 Uhr UTC",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
