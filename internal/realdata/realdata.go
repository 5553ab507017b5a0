// Package realdata finds the real clips and pictures that measurements want and a fresh clone does not
// have. Tests that use it skip aloud where the data is missing.
package realdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir is the folder sub of the real data: below $NEARFAR_DATA, else below shared/data beside the
// checkout. It skips the test where there is none.
func Dir(t testing.TB, sub string) string {
	t.Helper()
	root := os.Getenv("NEARFAR_DATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
		}
		root = filepath.Join(dir, "..", "shared", "data")
	}
	path := filepath.Join(root, sub)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: no real data at %s (set NEARFAR_DATA to the folder that holds it)", path)
	}
	return path
}
