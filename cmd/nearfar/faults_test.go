package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// How large the tests of faults are: `make test` takes the first figure, `make test-faults` (NEARFAR_FAULTS) the
// second, and a variable of the test's own any other.
func faults(t *testing.T, variable string, short, long int) int {
	t.Helper()
	n := short
	if os.Getenv("NEARFAR_FAULTS") != "" {
		n = long
	}
	if text := os.Getenv(variable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("%s=%q is no number of faults", variable, text)
		}
	}
	return n
}

// chance draws the moments of faults: NEARFAR_FAULT_SEED gives others.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	n := uint64(1)
	if text := os.Getenv("NEARFAR_FAULT_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("NEARFAR_FAULT_SEED=%q: %v", text, err)
		}
	}
	return rand.New(rand.NewPCG(n, 0))
}

// momentUpTo is a random time of at most d.
func momentUpTo(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(d) + 1))
}

// smallJPEGs are pictures to number frames with: few, since drawing them takes longer than learning them.
func smallJPEGs(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	for shade := range 32 {
		img := image.NewGray(image.Rect(0, 0, 24, 24))
		for i := range img.Pix {
			img.Pix[i] = uint8(i*(shade+1) + 7*shade)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Bytes())
	}
	return all
}

// filmTopic makes a topic of so many partitions and writes numbered frames in it, ten a second of each camera: of a rig
// of two, and of cameras by themselves.
func filmTopic(t *testing.T, brokers string, partitions, cameras, frames int) {
	t.Helper()
	cfg := topicConfig(brokers)
	if err := topic.Ensure(t.Context(), cfg, topic.Spec{Name: "frames", Partitions: partitions, MaxBytes: 5 << 20}); err != nil {
		t.Fatal(err)
	}
	album := smallJPEGs(t)
	var messages []frame.Message
	for n := range frames {
		messages = append(messages, numbered(album, n%cameras, n/cameras).Message())
	}
	send(t, brokers, "frames", messages...)
}

// numbered is a camera's frame of that number. The first two cameras are a rig.
func numbered(album [][]byte, camera, seq int) *frame.Encoded {
	name := fmt.Sprintf("camera%d", camera)
	rig := name
	if camera < 2 {
		rig = "pair"
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(seq) * 100 * time.Millisecond)
	return &frame.Encoded{ContentType: "image/jpeg", Data: album[(seq+5*camera)%len(album)],
		Meta: frame.Meta{Camera: name, Rig: rig, Seq: uint64(seq), Captured: at}}
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
	l.cmd.Env = append(os.Environ(), asProgram+"=1")
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

// newest is the checkpoint that a run would go on from, "" where there is none.
func newest(out string) string {
	path, _, err := train.Latest(out)
	if err != nil {
		return ""
	}
	return filepath.Base(path)
}

// checkpoints are the names of a run's checkpoints, in order.
func checkpoints(out string) []string {
	found, _ := filepath.Glob(filepath.Join(out, "checkpoints", "step-*")) // the pattern is well formed
	for i, path := range found {
		found[i] = filepath.Base(path)
	}
	return found
}

// goesOn waits until the process has saved n more checkpoints than the one it began from, or long has passed, or
// it has ended: what comes first.
func (l *life) goesOn(out, from string, n int, long time.Duration) {
	saved, until := map[string]bool{}, time.Now().Add(long)
	for l.runs() && time.Now().Before(until) && len(saved) < n {
		for _, name := range checkpoints(out) {
			if name > from {
				saved[name] = true
			}
		}
		time.Sleep(time.Millisecond)
	}
}
