package archtest

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// groups is the order of DESIGN.md section 2, from the top of the list down. A package may import its own group and the groups
// before it.
var groups = []string{
	"internal/mail", "internal/base", "internal/wire", "internal/mailauth", "internal/store", "internal/state",
	"internal/transport", "internal/server", "internal/config", "internal/app", "internal/cli",
}

// groupOf finds a folder's place in the order; -1 for folders outside of it (cmd, e2e, interop, bench).
func groupOf(dir string) int {
	return slices.IndexFunc(groups, func(g string) bool { return dir == g || strings.HasPrefix(dir, g+"/") })
}

func TestImportsGoDown(t *testing.T) {
	for _, f := range parseTree(t) {
		from := groupOf(f.dir)
		for _, imp := range f.ast.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			rel, ours := strings.CutPrefix(p, modulePath+"/")
			if !ours {
				continue
			}
			to := groupOf(rel)
			switch {
			case from < 0 || f.test:
				// Programs and tests may import what they drive.
			case to < 0:
				t.Errorf("%s imports %s, which is in no group of DESIGN.md", f.path, rel)
			case to > from:
				t.Errorf("%s imports %s: imports only go down the list (%s may not know %s)", f.path, rel, groups[from], groups[to])
			}
			checkWall(t, f, rel)
		}
	}
}

// checkWall holds the rules that the order alone does not: engines are known to app alone, mail knows nobody.
func checkWall(t *testing.T, f goFile, rel string) {
	t.Helper()
	if f.test {
		return
	}
	if f.dir == "internal/mail" {
		t.Errorf("%s imports %s: mail imports nothing of ours", f.path, rel)
	}
	engine := strings.HasPrefix(rel, "internal/store/") && rel != "internal/store/storetest"
	fromEngine := strings.HasPrefix(f.dir, "internal/store/")
	wires := f.dir == "internal/app" || groupOf(f.dir) < 0 || f.dir == "internal/cli"
	if engine && !fromEngine && !wires {
		t.Errorf("%s imports the engine %s: engines are known to app alone", f.path, rel)
	}
	if strings.HasPrefix(rel, "internal/server/") && strings.HasPrefix(f.dir, "internal/server/") {
		shared := rel == "internal/server/listen"
		if !shared && path.Base(rel) != path.Base(f.dir) {
			t.Errorf("%s imports %s: one listener does not know another", f.path, rel)
		}
	}
}

// forbiddenNames are package names that say nothing.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc"}

func TestPackageNames(t *testing.T) {
	seen := map[string]string{}
	for _, f := range parseTree(t) {
		name := f.ast.Name.Name
		if name == "main" || strings.HasSuffix(name, "_test") {
			continue
		}
		if slices.Contains(forbiddenNames, name) {
			t.Errorf("%s: package name %q says nothing", f.path, name)
		}
		if other, ok := seen[name]; ok && other != f.dir {
			t.Errorf("package name %s is used in %s and in %s", name, other, f.dir)
		}
		seen[name] = f.dir
	}
}
