package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestBrokerSaysItsAddressAndLeavesOnSIGTERM(t *testing.T) {
	cmd, out := program(t, "broker", "--dir", t.TempDir(), "--port", "0")
	line, err := out.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "127.0.0.1:") {
		t.Errorf("says %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("asked to end, it ends with %v", err)
	}
}

func TestTwoBrokersDoNotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	cmd, out := program(t, "broker", "--dir", dir, "--port", "0")
	if _, err := out.ReadString('\n'); err != nil {
		t.Error(err)
	}
	r := nearfar(t, "broker", "--dir", dir, "--port", "0")
	if r.code != exitFailure || !strings.Contains(r.err, dir) {
		t.Errorf("%+v", r)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		t.Errorf("asked to end, it ends with %v", err)
	}
}
