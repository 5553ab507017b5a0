package main

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestADrainThatHangsEndsAtItsDeadline: nobody reads the embeddings that go to standard output, so the training
// stage stands still for ever. A signal ends the run all the same, and nothing is lost or done twice.
func TestADrainThatHangsEndsAtItsDeadline(t *testing.T) {
	out, album := filepath.Join(t.TempDir(), "run"), pictures(t, 2, 60)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unread, full, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	defer full.Close()
	if _, err := unix.FcntlInt(full.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "-c", configure(t, camera("door", album, false)), "--out", out, "--set", "sinks=[{kind: stdout}]", "--set", "run.drain=1s"}
	cmd := exec.Command(self, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, "full pipe", func() bool {
		n, err := unix.IoctlGetInt(int(unread.Fd()), unix.TIOCINQ)
		return err == nil && n >= 4096
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitTemporary || !strings.Contains(said.String(), "not everything could be saved in time") {
		t.Fatalf("code %d\n%s", code, said.String())
	}
	var r result
	eventually(t, "end of the capture processes", func() bool { // they die with their parent, and then the broker's folder is free
		r = nearfar(t, args...)
		return r.code == exitOK
	})
	if s := summary(t, out); s.Captured != 120 || s.Trained != 120 || s.gap() != 0 || strings.Count(r.out, "\n") < 100 {
		t.Errorf("%+v, %d lines\n%s", s, strings.Count(r.out, "\n"), r.err)
	}
}

func TestADeadlineIsForSignalsOnly(t *testing.T) {
	ctx, stop := interruptible(t)
	log := slog.New(slog.DiscardHandler)
	callOff := deadline(ctx, time.Hour, log)
	stop()
	callOff() // in time
	deadline(t.Context(), time.Nanosecond, log)()
}
