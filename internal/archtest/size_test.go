package archtest

import (
	"go/ast"
	"strings"
	"testing"
)

const (
	maxFileLines     = 600
	maxFunctionLines = 100
	maxMainLines     = 60
)

func TestFilesAndFunctionsAreSmall(t *testing.T) {
	for _, f := range parseTree(t) {
		lines := f.fset.Position(f.ast.End()).Line
		limit := maxFileLines
		if f.path == "cmd/posthorn/main.go" {
			limit = maxMainLines
		}
		if lines > limit {
			t.Errorf("%s has %d lines, more than %d", f.path, lines, limit)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			start, end := f.fset.Position(fn.Pos()).Line, f.fset.Position(fn.End()).Line
			if n := end - start + 1; n > maxFunctionLines {
				t.Errorf("%s:%d: %s has %d lines, more than %d", f.path, start, fn.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	has := map[string]bool{}
	for _, f := range parseTree(t) {
		if f.test {
			continue
		}
		doc := f.ast.Doc.Text()
		has[f.dir] = has[f.dir] || strings.HasPrefix(doc, "Package "+f.ast.Name.Name+" ") || strings.HasPrefix(doc, "Command ")
	}
	for dir, ok := range has {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func TestNoInitAndNoPanicOutsideTests(t *testing.T) {
	for _, f := range parseTree(t) {
		if f.test || groupOf(f.dir) < 0 {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", f.path)
			}
			if !strings.HasPrefix(fn.Name.Name, "Must") { // for constants of the program and tests, by Go's custom
				checkNoPanic(t, f, fn)
			}
		}
	}
}

func checkNoPanic(t *testing.T, f goFile, fn *ast.FuncDecl) {
	t.Helper()
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
			t.Errorf("%s: panic is not control flow here", f.fset.Position(call.Pos()))
		}
		return true
	})
}
