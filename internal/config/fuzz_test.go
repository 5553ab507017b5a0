package config

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad looks for files that make loading panic or hang; whatever loads must print and load again.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "run: {seed: 1}", "sources:\n  - &a {from: x}\n  - *a\n", "kafka:\n  brokers: [${A:b}]\n", "? [a]\n: b\n",
		"run: &r\n  <<: *r\n", "a: |\n  x\n", "model: !!str x", "- - -", "{", "\"", "run:\n\tseed: 1\n", "---\n...\n---\n", "sampler: {near: .inf}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, Options{})
		if err != nil {
			return
		}
		if err := os.WriteFile(path, Print(c), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, Options{}); err != nil {
			t.Errorf("printed, it is wrong: %v\n%s", err, Print(c))
		}
	})
}
