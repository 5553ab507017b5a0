package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testsIn are the names of the tests of a folder, of all below it where it ends in "/...".
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	patterns := []string{filepath.Join("../..", folder, "*_test.go")}
	if below, ok := strings.CutSuffix(folder, "/..."); ok {
		patterns = []string{filepath.Join("../..", below, "*_test.go"), filepath.Join("../..", below, "*", "*_test.go")}
	}
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// TestReliabilityNamesTestsThatExist: docs/reliability.md writes `package` `Pattern`, `Pattern`.
func TestReliabilityNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	pattern, checked := regexp.MustCompile(`^[A-Z][a-z]+([A-Z][A-Za-z0-9]*)*$`), 0
	for i, line := range strings.Split(string(text), "\n") {
		var folder string
		var names []string
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
			switch word := m[1]; {
			case len(testsIn(t, word)) > 0:
				folder, names = word, testsIn(t, word)
			case folder != "" && pattern.MatchString(word):
				checked++
				if !strings.Contains(strings.Join(names, "\n"), word) {
					t.Errorf("line %d: %s has no test %s", i+1, folder, word)
				}
			}
		}
	}
	if checked < 25 {
		t.Errorf("only %d names were looked at", checked)
	}
}
