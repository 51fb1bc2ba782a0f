package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// TestMutants breaks the product on purpose, each time in one place, and has the harness find it: a harness that cannot fail proves
// nothing. Each testdata/mutants/*.txtar says in its comment what is broken, which harness has to find it (kill: this package's;
// machine: the crash of the machine in e2e/torture; concert: its many clients on one account), in which file of the tree, and by which words; old is replaced by new in it. The tree
// itself is not touched: Go compiles with the changed file in the place of the real one.
func TestMutants(t *testing.T) {
	if os.Getenv("POSTHORN_MUTANTS") == "" {
		t.Skip("takes minutes: POSTHORN_MUTANTS=1, or ONLY=mutants make torture")
	}
	files, err := filepath.Glob("testdata/mutants/*.txtar")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no mutants")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			m := readMutant(t, file)
			out, err := m.run(t)
			var failed *exec.ExitError
			if err == nil || !errors.As(err, &failed) {
				t.Fatalf("nobody noticed (%v): %s\n%s", err, m.what, tail(out))
			}
			found := m.finds.FindString(out)
			if found == "" || !strings.Contains(out, "--- FAIL") {
				t.Fatalf("it failed, but not in the words awaited:\n%s", said(out))
			}
			for line := range strings.Lines(out) {
				if m.finds.MatchString(line) {
					t.Logf("%s Found: %.160s", m.what, strings.TrimSpace(line))
					return
				}
			}
		})
	}
}

// TestMutantsHaveTheirPlaces tells whoever changes a place that a mutant breaks: with no such place there is nothing to find.
func TestMutantsHaveTheirPlaces(t *testing.T) {
	root, err := filepath.Abs("../..")
	must(t, err)
	files, err := filepath.Glob("testdata/mutants/*.txtar")
	must(t, err)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { readMutant(t, file).overlay(t, root) })
	}
}

type mutant struct {
	what, harness, file string
	finds               *regexp.Regexp
	old, new            []byte
}

func readMutant(t *testing.T, file string) *mutant {
	a, err := txtar.ParseFile(file)
	must(t, err)
	m := &mutant{}
	what, rest, _ := strings.Cut(string(a.Comment), "\n\n")
	m.what = strings.TrimSpace(what)
	for line := range strings.Lines(rest) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "harness":
			m.harness = value
		case "file":
			m.file = value
		case "finds":
			m.finds = regexp.MustCompile(value)
		}
	}
	if len(a.Files) != 2 || m.finds == nil || m.file == "" {
		t.Fatalf("%s is not a mutant", file)
	}
	m.old, m.new = bytes.TrimRight(a.Files[0].Data, "\n"), bytes.TrimRight(a.Files[1].Data, "\n")
	return m
}

// overlay makes the file that tells Go what to compile instead.
func (m *mutant) overlay(t *testing.T, root string) string {
	path := filepath.Join(root, filepath.FromSlash(m.file))
	src, err := os.ReadFile(path)
	must(t, err)
	if n := bytes.Count(src, m.old); n != 1 {
		t.Fatalf("what the mutant replaces is %d times in %s: write it anew", n, m.file)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, "changed.go")
	must(t, os.WriteFile(changed, bytes.Replace(src, m.old, m.new, 1), 0o600))
	b, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	must(t, err)
	list := filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(list, b, 0o600))
	return list
}

// run has the harness look at the mutant, and gives what it said. The harness ends with what it finds: the bounds are for what chance
// hides, as what is lost only if power fails at the one moment.
func (m *mutant) run(t *testing.T) (string, error) {
	root, err := filepath.Abs("../..")
	must(t, err)
	overlay := m.overlay(t, root)
	env := append(os.Environ(), "POSTHORN_MUTANTS=", "POSTHORN_SEED=1")
	args := []string{"test", "-count=1", "-timeout=10m", "-overlay", overlay}
	switch m.harness {
	case "machine":
		env = append(env, "POSTHORN_CRASHES=300")
		args = append(args, "-run=TestCrashOfTheMachine", "./e2e/torture")
	case "concert":
		env = append(env, "POSTHORN_SEEDS=500")
		args = append(args, "-run=TestConcert", "./e2e/torture")
	default:
		bin := filepath.Join(t.TempDir(), "posthorn")
		build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", bin, "./cmd/posthorn")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("the mutant does not compile: %v\n%s", err, out)
		}
		env = append(env, "POSTHORN_KILLS=300", "POSTHORN_BINARY="+bin)
		args = append(args, "-run=TestKill", "./e2e/crash")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = root, env
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "[build failed]") {
		return "", fmt.Errorf("the mutant does not compile: %s", out)
	}
	return string(out), err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// said are the tests' own words in what they printed.
func said(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if strings.Contains(line, "_test.go:") || strings.HasPrefix(strings.TrimSpace(line), "life ") {
			b.WriteString(line)
		}
	}
	return b.String()[:min(b.Len(), 3000)]
}

func tail(s string) string { return s[max(0, len(s)-3000):] }
