package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/topic"
)

// The exit codes, after sysexits.h where it has one.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitUnreachable = 69 // EX_UNAVAILABLE: a broker does not answer
	exitTemporary   = 75 // EX_TEMPFAIL: it was cut short and goes on when it is started again
	exitConfig      = 78 // EX_CONFIG
)

// usageError says that the command line itself was wrong.
type usageError struct {
	error
	command string // nearfar config check
}

func (e usageError) Unwrap() error { return e.error }

// usagef is a usage error found by a command itself.
func usagef(command, format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...), command}
}

// exit tells the user what went wrong, if anything, and finds the exit code.
func (a *app) exit(ctx context.Context, err error) int {
	var usage usageError
	var problems config.Problems
	switch i, signalled := wasInterrupted(ctx); {
	case err == nil: // drained in peace, though a signal may have asked for it
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(a.err, "nearfar: %v\nSee '%s --help'.\n", usage, usage.command)
		return exitUsage
	case errors.As(err, &problems):
		fmt.Fprintf(a.err, "%v\nnearfar: %s in the configuration, nothing was started\n", problems, count(len(problems), "problem"))
		return exitConfig
	case signalled && errors.Is(err, context.Canceled):
		fmt.Fprintf(a.err, "nearfar: %v\n", i)
		return i.code()
	}
	fmt.Fprintf(a.err, "nearfar: %s\n", sources.Redact(err.Error()))
	if errors.Is(err, topic.ErrUnreachable) {
		return exitUnreachable
	}
	return exitFailure
}

// count writes "1 problem", "2 problems".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
