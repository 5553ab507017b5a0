package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program starts nearfar as a process of its own and hands its standard output over. What it says besides is told,
// the end of it, if the test fails.
func program(t *testing.T, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.CreateTemp(t.TempDir(), args[0]+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s said last:\n%s", filepath.Base(log.Name()), text[max(0, len(text)-3000):])
		}
	})
	return cmd, bufio.NewReader(out)
}

// kill ends a process as a power cut would.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("it had ended before it was killed: %v", err)
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("%v was to be killed, and had ended by itself: %v", cmd.Args[1:2], cmd.ProcessState)
	}
}

// terminating asks a process to end.
func terminating(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("asking %v to end: %v", cmd.Args[1:2], err)
	}
}

// terminate asks a process to end and holds it to that.
func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	terminating(t, cmd)
	if err := cmd.Wait(); err != nil {
		t.Errorf("asked to end, %v ends with %v", cmd.Args[1:2], err)
	}
}

// life is one process of a run.
type life struct {
	cmd  *exec.Cmd
	said bytes.Buffer
	over chan error
}

// live starts nearfar as a process of its own.
func live(t *testing.T, args ...string) *life {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &life{cmd: exec.Command(self, args...), over: make(chan error, 1)}
	l.cmd.Stdout, l.cmd.Stderr = &l.said, &l.said
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { l.over <- l.cmd.Wait() }()
	t.Cleanup(func() { _ = l.cmd.Process.Kill() })
	return l
}

// ends waits for the end of the process: that it comes is asked for, so many seconds only bound the wait.
func (l *life) ends(t *testing.T, patience time.Duration) error {
	t.Helper()
	select {
	case err := <-l.over:
		l.over <- err
		return err
	case <-time.After(patience):
		_ = l.cmd.Process.Kill()
		t.Fatalf("%v did not end within %v; it said\n%s", l.cmd.Args[1:], patience, &l.said)
		return nil
	}
}

// runs says whether the process has not ended by itself yet.
func (l *life) runs() bool {
	select {
	case err := <-l.over:
		l.over <- err
		return false
	default:
		return true
	}
}

// kill ends it as a loss of power would, and returns whether it was alive until then.
func (l *life) kill(t *testing.T) bool {
	t.Helper()
	alive := l.runs()
	_ = l.cmd.Process.Signal(syscall.SIGKILL)
	err := l.ends(t, time.Minute)
	return alive && err != nil && strings.Contains(err.Error(), "killed")
}
