package resident

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "gocv.io/x/gocv" // brings some 260 libraries along
)

// ofFiles is how much of this process's memory files back, kB.
func ofFiles(t *testing.T) (kB int) {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "RssFile:"); ok {
			if _, err := fmt.Sscan(rest, &kB); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kB
}

func TestShedGivesPagesBackAndTheProgramGoesOn(t *testing.T) {
	words := strings.Fields(strings.Repeat("what was read once ", 100))
	before := ofFiles(t)
	Shed()
	after := ofFiles(t)
	t.Logf("%d kB of files were resident, and %d kB are", before, after)
	if after > 40_000 { // of some 60,000 that starting takes
		t.Errorf("%d kB of files are resident still", after)
	}
	if got := fmt.Sprintln(len(words), strings.ToUpper(words[1]), tables[1]); got != "400 WAS two\n" {
		t.Errorf("the program has lost %q", got)
	}
}

// tables lie among the constants and, as pointers, among what the linker has written.
var tables = []string{"one", "two", "three"}
