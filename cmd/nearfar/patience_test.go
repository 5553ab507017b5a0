package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestCommandsThatComputeAreStartedPatient: libgomp itself tells what it goes by, each time it is loaded.
func TestCommandsThatComputeAreStartedPatient(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unset := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "GOMP_SPINCOUNT=") || strings.HasPrefix(entry, "OMP_WAIT_POLICY=")
	})
	step := []string{"bench", "step", "--image", "32", "--batch", "2", "--bank", "8", "--steps", "1"}
	for _, c := range []struct {
		name string
		args []string
		set  string
		want []string // spin counts told, one by one
	}{
		{"a step", step, "", []string{"300000", "3000"}},
		{"with flags before the command", append([]string{"--log-level", "warn"}, step...), "", []string{"300000", "3000"}},
		{"where the user has chosen", step, "GOMP_SPINCOUNT=77", []string{"77"}},
		{"what does not compute", []string{"version"}, "", []string{"300000"}},
		{"nor does this", []string{"bench", "ingest", "--frames", "4"}, "", []string{"300000"}},
		{"wrong usage", []string{"bench", "step", "--steps", "none"}, "", []string{"300000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), self, c.args...)
			cmd.Env = append(slices.Clone(unset), "OMP_DISPLAY_ENV=verbose")
			if c.set != "" {
				cmd.Env = append(cmd.Env, c.set)
			}
			said, err := cmd.CombinedOutput()
			if wrong := c.name == "wrong usage"; (err != nil) != wrong {
				t.Errorf("%v, saying\n%s", err, said)
			}
			var counts []string
			for line := range strings.Lines(string(said)) {
				if _, count, ok := strings.Cut(line, "GOMP_SPINCOUNT = '"); ok {
					counts = append(counts, strings.TrimRight(count, "'\n"))
				}
			}
			if !slices.Equal(counts, c.want) {
				t.Errorf("spin counts %v, want %v; it said\n%s", counts, c.want, said)
			}
		})
	}
}
