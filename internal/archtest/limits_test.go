package archtest

import (
	"go/ast"
	"go/printer"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// limitRow is a row of docs/limits.md that names something in the code: what, its value as the code writes it, and the folder.
var limitRow = regexp.MustCompile("^\\| [^|]*`([A-Za-z]+)` \\| ([^|]+) \\| `(internal/[a-z0-9/]+)` \\|")

// TestLimitsAreDocumented holds docs/limits.md to the code: a constant of that name has that value, or a default is written with it.
func TestLimitsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{} // by folder and name
	for _, f := range parseTree(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(f.path))
		note := func(name string, value ast.Expr) {
			var b strings.Builder
			if printer.Fprint(&b, f.fset, value) == nil {
				values[dir+"."+name] = append(values[dir+"."+name], squeeze(b.String()))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool { noteLimits(n, note); return true })
	}
	rows := 0
	for line := range strings.Lines(string(doc)) {
		m := limitRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		rows++
		got, want := values[m[3]+"."+m[1]], squeeze(m[2])
		found := false
		for _, v := range got {
			found = found || v == want
		}
		if !found {
			t.Errorf("docs/limits.md says %s of %s is %s, the code says %q", m[1], m[3], want, got)
		}
	}
	if rows < 50 {
		t.Errorf("only %d rows of docs/limits.md name something in the code", rows)
	}
}

// noteLimits notes constants, fields of literals, and the defaults that setDefault(&l.Name, value) gives.
func noteLimits(n ast.Node, note func(name string, value ast.Expr)) {
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) {
				note(name.Name, n.Values[i])
			}
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok {
			note(key.Name, n.Value)
		}
	case *ast.CallExpr:
		if len(n.Args) != 2 {
			return
		}
		if ref, ok := n.Args[0].(*ast.UnaryExpr); ok {
			if field, ok := ref.X.(*ast.SelectorExpr); ok {
				note(field.Sel.Name, n.Args[1])
			}
		}
	}
}

func squeeze(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "_", "")), "")
}
