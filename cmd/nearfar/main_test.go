package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/nearfar/nearfar/internal/proxytest"
)

// asProgram makes the test binary behave as nearfar itself: capture processes are started from it.
const asProgram = "NEARFAR_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
	}
	if err := os.Setenv(asProgram, "1"); err != nil { // for capture and decoder processes
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, append(proxytest.Leaks(), goleak.Cleanup(func(code int) {
		if runs.dir != "" {
			if err := os.RemoveAll(filepath.Dir(runs.dir)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		os.Exit(code)
	}))...)
}

// result is what a command line came to.
type result struct {
	code     int
	out, err string
}

// nearfar runs a command line inside the test.
func nearfar(t *testing.T, args ...string) result {
	t.Helper()
	return nearfarIn(t.Context(), t, args...)
}

func nearfarIn(ctx context.Context, t *testing.T, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	in, openErr := os.Open(os.DevNull)
	if openErr != nil {
		t.Fatal(openErr)
	}
	defer in.Close()
	a := &app{in: in, out: &out, err: &err, environ: os.Environ()}
	code := executeIn(ctx, a, args)
	return result{code, out.String(), err.String()}
}
