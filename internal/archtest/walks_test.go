package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// step is `file:Symbol` in ARCHITECTURE.md; Symbol is a function, a type, or Type.Method.
var step = regexp.MustCompile("`([a-z0-9_/]+\\.go):([A-Za-z_]+)(?:\\.([A-Za-z_]+))?`")

func TestTheTwoWalksExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	symbols := map[string]bool{}
	for _, f := range parseTree(t) {
		for _, d := range f.ast.Decls {
			addSymbols(symbols, f.path, d)
		}
	}
	steps := step.FindAllStringSubmatch(string(page), -1)
	if len(steps) < 15 {
		t.Fatalf("ARCHITECTURE.md names only %d steps of the two walks", len(steps))
	}
	for _, s := range steps {
		want := s[1] + ":" + s[2]
		if s[3] != "" {
			want += "." + s[3]
		}
		if !symbols[want] {
			t.Errorf("ARCHITECTURE.md names %s, which is gone", want)
		}
	}
}

func addSymbols(symbols map[string]bool, file string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d.Recv.List[0].Type) + "." + name
		}
		symbols[file+":"+name] = true
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok {
				symbols[file+":"+ts.Name.Name] = true
			}
		}
	}
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return receiver(e.X)
	default:
		return "?"
	}
}
