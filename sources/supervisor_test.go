package sources

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nearfar/nearfar/streams/frame"
)

// childMode, in the environment, makes the test binary play a capture process.
const childMode = "NEARFAR_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(play(mode))
	}
	goleak.VerifyTestMain(m)
}

// play is a capture process whose "Kafka" is a file: one line per acknowledged frame. Its job is that path.
func play(mode string) int {
	stdin := bufio.NewReader(os.Stdin)
	path, err := ReadJob(stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if mode == "parent" { // supervises a child of its own until it is killed
		children := []Child{{Camera: "grandchild", Command: os.Args[:1], Env: []string{childMode + "=stuck"}, Job: path, Live: true}}
		_ = Supervise(context.Background(), children, Options{})
		return 0
	}
	if mode == "stuck" {
		_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o600)
		fmt.Println(`{"camera":"x","captured":1}`)
		select {}
	}
	old, _ := os.ReadFile(path)
	acked := uint64(bytes.Count(old, []byte("\n")))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	write := func(_ context.Context, batch []frame.Encoded) error {
		for _, e := range batch {
			if _, err := fmt.Fprintln(file, e.Seq); err != nil {
				return err
			}
		}
		return nil
	}
	opt := PumpOptions{Camera: "c", Every: time.Millisecond, Batch: 1, Queue: 1}
	src := &counter{n: 40}
	switch mode {
	case "file":
	case "dies at 15 and 30": // by SIGKILL, some time after Kafka has them
		src.each = func(i uint64) {
			if (i == 15 || i == 30) && i > acked {
				time.Sleep(20 * time.Millisecond)
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
	case "live":
		src.live, src.n = true, 1<<40
		src.each = func(uint64) { time.Sleep(time.Millisecond) }
	case "live, freezes in its first life":
		src.live, src.n = true, 1<<40
		src.each = func(i uint64) {
			time.Sleep(time.Millisecond)
			if acked == 0 && i == 5 {
				select {}
			}
		}
	case "live, dies at 10 in every life":
		src.live, src.n = true, 1<<40
		src.each = func(i uint64) {
			time.Sleep(time.Millisecond)
			if i == acked+10 {
				panic("camera driver")
			}
		}
	case "unusable":
		src.n, src.err = 3, Unusable(errors.New("opening video x.mp4: no video in it"))
	case "broken":
		src.n, src.err = 0, errors.New("reading rtsp://me:secret@h/x: connection refused")
	}
	if err := Serve(context.Background(), stdin, os.Stdout, src, acked, write, opt); err != nil {
		return 1
	}
	return 0
}

func child(t *testing.T, camera, mode string) (Child, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), camera)
	return Child{Camera: camera, Command: os.Args[:1], Env: []string{childMode + "=" + mode}, Job: path, Live: strings.HasPrefix(mode, "live") || mode == "stuck"}, path
}

func lines(path string) int {
	data, _ := os.ReadFile(path)
	return bytes.Count(data, []byte("\n"))
}

// quick are options that do not make the tests wait.
func quick() Options {
	return Options{Stale: 60 * time.Second, Grace: 30 * time.Second, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond}
}

// begin runs a supervisor until the test ends.
func begin(t *testing.T, opt Options, children ...Child) (*Supervisor, chan error) {
	t.Helper()
	s, err := NewSupervisor(children, opt)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	t.Cleanup(s.Stop)
	return s, done
}

func finish(t *testing.T, s *Supervisor, done chan error) error {
	t.Helper()
	s.Stop()
	select {
	case err := <-done:
		return err
	case <-time.After(60 * time.Second):
		t.Fatal("the supervisor did not stop within 60 s")
		return nil
	}
}

func TestFiniteChildrenEndTheSupervisor(t *testing.T) {
	a, pathA := child(t, "a", "file")
	b, pathB := child(t, "b", "file")
	if err := Supervise(context.Background(), []Child{a, b}, quick()); err != nil {
		t.Fatal(err)
	}
	if lines(pathA) != 40 || lines(pathB) != 40 {
		t.Errorf("%d and %d frames of 40", lines(pathA), lines(pathB))
	}
}

func TestTotalsSurviveARestart(t *testing.T) {
	c, path := child(t, "a", "dies at 15 and 30")
	s, done := begin(t, quick(), c)
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("not done within 60 s")
	}
	total := s.Totals()["a"]
	if total.Captured != 40 || total.Acked != 40 || total.Lost() != 0 || !total.Ended || total.From != 0 {
		t.Errorf("%+v", total)
	}
	if data, _ := os.ReadFile(path); !strings.HasPrefix(string(data), "0\n1\n") || lines(path) != 40 {
		t.Errorf("%d frames: %q", lines(path), data)
	}
}

func TestDeadLiveChildIsRestartedForEver(t *testing.T) {
	c, path := child(t, "a", "live, dies at 10 in every life")
	var mu sync.Mutex
	var words bytes.Buffer
	opt := quick()
	opt.Attempts = 1
	opt.Log = slog.New(slog.NewTextHandler(locked{&mu, &words}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, done := begin(t, opt, c)
	waitFor(t, func() bool { return lines(path) > 35 })
	if err := finish(t, s, done); err != nil {
		t.Fatal(err)
	}
	balanced(t, s.Totals()["a"])
	if got := s.Totals()["a"].Captured; got < 30 {
		t.Errorf("%d frames captured in all lives together", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(words.String(), "camera driver") || !strings.Contains(words.String(), "camera=a") {
		t.Errorf("the log does not say why: %s", words.String())
	}
}

type locked struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.w.Write(p) }

func TestStaleChildIsKilledAndRestarted(t *testing.T) {
	c, path := child(t, "a", "live, freezes in its first life")
	opt := quick()
	opt.Stale = 3 * time.Second
	s, done := begin(t, opt, c)
	waitFor(t, func() bool { return lines(path) > 20 })
	if err := finish(t, s, done); err != nil {
		t.Fatal(err)
	}
	balanced(t, s.Totals()["a"])
}

func TestDeadCameraDelaysNoOther(t *testing.T) {
	dead, _ := child(t, "dead", "stuck")
	fine, path := child(t, "fine", "file")
	opt := quick()
	opt.Grace = 10 * time.Millisecond
	s, done := begin(t, opt, dead, fine)
	waitFor(t, func() bool { return s.Totals()["fine"].Ended })
	if lines(path) != 40 {
		t.Errorf("%d frames of 40", lines(path))
	}
	if err := finish(t, s, done); err != nil { // and one that does not stop is killed
		t.Fatal(err)
	}
}

func TestHopelessFileIsGivenUpWithItsError(t *testing.T) {
	unusable, _ := child(t, "a", "unusable")
	broken, _ := child(t, "b", "broken")
	missing := Child{Camera: "c", Command: []string{"/nonexistent/nearfar"}}
	fine, path := child(t, "d", "file")
	err := Supervise(context.Background(), []Child{unusable, broken, missing, fine}, quick())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"a: opening video x.mp4: no video in it", "b: reading rtsp://h/x: connection refused", "c: starting the capture process"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	var given *ChildError
	if !errors.As(err, &given) || given.Camera != "a" || given.Exit != 1 {
		t.Errorf("%+v", given)
	}
	if lines(path) != 40 {
		t.Errorf("the good camera has %d frames of 40", lines(path))
	}
}

func TestPauseHoldsAcrossLives(t *testing.T) {
	c, _ := child(t, "a", "live")
	s, err := NewSupervisor([]Child{c}, quick())
	if err != nil {
		t.Fatal(err)
	}
	if s.Pause("nobody", true) == nil {
		t.Error("an unknown camera was paused")
	}
	if err := s.Pause("a", true); err != nil { // before it was born
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	t.Cleanup(s.Stop)
	waitFor(t, func() bool { return s.Totals()["a"].Dropped[DroppedPaused] > 5 })
	if err := s.Pause("a", false); err != nil {
		t.Fatal(err)
	}
	acked := s.Totals()["a"].Acked
	waitFor(t, func() bool { return s.Totals()["a"].Acked > acked+5 })
	if err := finish(t, s, done); err != nil {
		t.Fatal(err)
	}
	balanced(t, s.Totals()["a"])
	if problem := s.Totals()["a"].Err; problem != "" {
		t.Errorf("a camera that was asked to stop is said to have a problem: %s", problem)
	}
}

func TestChildrenDieWithTheParent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), childMode+"=parent")
	parent.Stdin = strings.NewReader(path + "\n")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	waitFor(t, func() bool {
		data, _ := os.ReadFile(path)
		pid, _ = strconv.Atoi(string(data))
		return pid > 0
	})
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	// The orphan is gone, or a zombie that nobody has buried yet.
	waitFor(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	})
}
