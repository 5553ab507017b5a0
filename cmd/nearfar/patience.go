package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// patience is how long the threads of a step wait awake for each other, in turns of libgomp's loop (some 25 ns each): long
// enough for the gaps between the parts of a step, short enough to leave the cores to whoever else wants them. Where a
// process has more such threads than cores it is 1,000 turns by the active policy, and would else be 100. What libgomp
// does by itself is at the top of model/kernel/threads.c.
var patience = []string{"OMP_WAIT_POLICY=active", "GOMP_SPINCOUNT=3000"}

// computes marks a command, and those below it but for what is marked itself, as one whose threads wait for each other;
// idles marks one that has no such threads.
func computes(cmd *cobra.Command) *cobra.Command { return marked(cmd, "yes") }
func idles(cmd *cobra.Command) *cobra.Command    { return marked(cmd, "no") }

func marked(cmd *cobra.Command, computes string) *cobra.Command {
	cmd.Annotations = map[string]string{"computes": computes}
	return cmd
}

func isComputing(cmd *cobra.Command) bool {
	for ; cmd != nil; cmd = cmd.Parent() {
		if mark := cmd.Annotations["computes"]; mark != "" {
			return mark == "yes"
		}
	}
	return false
}

// becomePatient starts this very process again with patience in its environment, since libgomp reads it before main does
// anything. It returns only where the environment has settings already, which are left as they are, or on an error.
func becomePatient(environ []string) error {
	for _, entry := range environ {
		if name, _, _ := strings.Cut(entry, "="); name == "OMP_WAIT_POLICY" || name == "GOMP_SPINCOUNT" {
			return nil
		}
	}
	program, err := os.Executable()
	if err == nil {
		err = syscall.Exec(program, os.Args, slices.Concat(environ, patience))
	}
	return fmt.Errorf("starting %s again with %s (set them yourself to do without): %w", os.Args[0], strings.Join(patience, " "), err)
}
