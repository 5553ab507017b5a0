package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// linesOf counts a file's lines; 0 where there is none.
func linesOf(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte("\n"))
}

// Two machines start the run "yard", each in a folder of its own: the second is refused. Then the first one stands
// still, as a virtual machine does that is moved, and the second takes over. When the first comes to itself again
// it ends, and has neither published an embedding nor saved a checkpoint.
func TestFaultOfATrainerThatStandsStillIsFenced(t *testing.T) {
	brokers, dir := startBroker(t), t.TempDir()
	filmTopic(t, brokers, 4, 4, 400)
	file := configure(t)
	args := func(machine string, more ...string) (out string, all []string) {
		out = filepath.Join(dir, machine, "yard")
		return out, append([]string{"train", "-c", file, "--brokers", brokers, "--out", out, "--set", "sinks=[{kind: files}]",
			"--set", "kafka.lease=2s", "--set", "sampler.idle=5ms"}, more...)
	}
	first, a := args("first")
	l := live(t, a...)
	lines, still := 0, 0
	eventually(t, "end of what there is to learn", func() bool { // so that it stands still where it does nothing
		if n := linesOf(filepath.Join(first, "embeddings.jsonl")); n == lines && n > 300 {
			still++
		} else {
			lines, still = n, 0
		}
		return still > 50 || !l.runs()
	})

	second, b := args("second", "--frames", "400")
	if r := nearfar(t, b...); r.code != exitFailure || !strings.Contains(r.err, "another trainer is at work") || !strings.Contains(r.err, "as process") {
		t.Fatalf("the second one while the first is at work: code %d, %s", r.code, r.err)
	}
	if err := l.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	saved := checkpoints(first)
	if r := nearfar(t, b...); r.code != exitOK || !strings.Contains(r.err, "looking whether it lives") {
		t.Fatalf("the second one when the first stands still: code %d, %s", r.code, r.err)
	}
	if s := summary(t, second); s.Trained < 300 {
		t.Errorf("it has learned %+v", s)
	}
	album := smallJPEGs(t)
	var messages []frame.Message
	for n := range 400 {
		messages = append(messages, numbered(album, n%4, 100+n/4).Message())
	}
	send(t, brokers, "frames", messages...)
	if err := l.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := l.ends(t, time.Minute); err == nil || l.cmd.ProcessState.ExitCode() != exitFailure || !strings.Contains(l.said.String(), "has taken over") {
		t.Errorf("the first one ends with %v and says\n%s", err, &l.said)
	}
	if now := checkpoints(first); len(saved) == 0 || !slices.Equal(saved, now) {
		t.Errorf("it had saved %v, and now %v", saved, now)
	}
	if n := linesOf(filepath.Join(first, "embeddings.jsonl")); n != lines {
		t.Errorf("it had published %d embeddings, and now %d", lines, n)
	}
}
