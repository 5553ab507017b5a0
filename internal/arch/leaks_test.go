package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhoStartsGoroutinesLooksForLeaks: the TestMain of a package that starts goroutines wants to see all of them
// ended (goleak), and that of one which imports gocv all Mats closed, too.
func TestWhoStartsGoroutinesLooksForLeaks(t *testing.T) {
	const root = "../.."
	starts, mats, looks, counts := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	walk(t, root, func(path, rel string) {
		dir := filepath.Dir(rel)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(rel, "_test.go") {
			counts[dir] = counts[dir] || strings.Contains(string(text), "mattest.Main(m")
			looks[dir] = looks[dir] || counts[dir] || strings.Contains(string(text), "goleak.VerifyTestMain(m")
			return
		}
		if strings.HasSuffix(dir, "test") { // suites for the tests of others
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			if spec.Path.Value == `"gocv.io/x/gocv"` {
				mats[dir] = true
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				starts[dir] = true
			case *ast.SelectorExpr:
				if n.Sel.Name == "Go" { // of a sync.WaitGroup
					starts[dir] = true
				}
			}
			return true
		})
	})
	if len(starts) < 10 || len(mats) < 2 {
		t.Errorf("only %v start goroutines and %v hold Mats", starts, mats)
	}
	for dir := range starts {
		if !looks[dir] {
			t.Errorf("%s starts goroutines: its TestMain must call goleak.VerifyTestMain or mattest.Main", dir)
		}
	}
	for dir := range mats {
		if !counts[dir] {
			t.Errorf("%s holds Mats: its TestMain must be mattest.Main, which counts those left open", dir)
		}
	}
}
