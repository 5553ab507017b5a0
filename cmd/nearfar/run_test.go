package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/sinks/files"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// small makes a run learn within a test.
const small = `run: {threads: 1}
sampler: {image: 16, batch: 8, updates_per_frame: 0.5, replay: {size: 128}}
model: {projection: 16}
bank: {size: 64}
checkpoint: {every: 5}
`

// configure writes a configuration of a small run of cameras.
func configure(t *testing.T, cameras ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "small.yaml")
	text := small
	if len(cameras) > 0 {
		text += "sources:\n- " + strings.Join(cameras, "\n- ") + "\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// camera is a source of the configuration: a folder, at once or at 50 pictures a second.
func camera(name, dir string, realtime bool) string {
	pace := "fast"
	if realtime {
		pace = "realtime"
	}
	return fmt.Sprintf("{name: %s, from: %q, fps: 50, pace: %s}", name, dir, pace)
}

// summary is the end of a run's run.json.
func summary(t *testing.T, dir string) runSummary {
	t.Helper()
	var r struct {
		Ended    *time.Time        `json:"ended"`
		Versions map[string]string `json:"versions"`
		Config   map[string]any    `json:"config"`
		Summary  *runSummary       `json:"summary"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Summary == nil || r.Versions["commit"] == "" || r.Config["sampler"] == nil {
		t.Fatalf("run.json is not complete:\n%s", text)
	}
	return *r.Summary
}

// embeddingsOf reads a file of embeddings and checks that no id and no frame is there twice.
func embeddingsOf(t *testing.T, path string) map[string]frame.Embedding {
	t.Helper()
	byID, frames := map[string]frame.Embedding{}, map[frame.Ref]bool{}
	for e, err := range files.Read(path) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := byID[e.ID]; twice || frames[e.Ref] {
			t.Errorf("embedding %s of frame %s is there twice", e.ID, e.Ref)
		}
		byID[e.ID], frames[e.Ref] = e, true
	}
	return byID
}

// inRunsTopic reads the embeddings topic of a run with an embedded broker, by id.
func inRunsTopic(t *testing.T, dir string) map[string]frame.Embedding {
	t.Helper()
	b, err := broker.Start(broker.Config{Dir: filepath.Join(dir, "broker")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	messages, err := topic.Tail(t.Context(), topicConfig(b.Addr()), "embeddings", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]frame.Embedding{}
	for _, m := range messages {
		var e frame.Embedding
		if err := json.Unmarshal(m.Value, &e); err != nil {
			t.Fatal(err)
		}
		out[e.ID] = e
	}
	return out
}

// whole checks that a run of n frames has learned each of them once, and that its accounts say so.
func whole(t *testing.T, dir string, n int) {
	t.Helper()
	s := summary(t, dir)
	if s.Captured != uint64(n) || s.Acknowledged != uint64(n) || total(s.Dropped) != 0 || s.InTopic != uint64(n) || s.Trained != uint64(n) ||
		s.Late+s.DeadLettered+s.Lost+s.Unread+s.Waiting+s.Others != 0 || s.Steps == 0 {
		t.Errorf("the accounts of %d frames: %+v", n, s)
	}
	file, sent := embeddingsOf(t, filepath.Join(dir, "embeddings.jsonl")), inRunsTopic(t, dir)
	if len(file) != n || len(sent) != n {
		t.Errorf("%d embeddings in the file, %d in the topic, want %d", len(file), len(sent), n)
	}
	for id := range file {
		if _, ok := sent[id]; !ok {
			t.Errorf("embedding %s is in the file and not in the topic", id)
		}
	}
}

func TestRunLearnsEveryFrameOfTwoCameras(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := nearfar(t, "run", "-c", configure(t, camera("left", pictures(t, 2, 20), false), camera("right", pictures(t, 2, 15), false)), "--out", out)
	if r.code != exitOK || !strings.Contains(r.out, "Run run is complete") || !strings.Contains(r.out, "captured    70 frames of 2 cameras") {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.err)
	}
	whole(t, out, 70)
	cameras := map[string]int{}
	for _, e := range embeddingsOf(t, filepath.Join(out, "embeddings.jsonl")) {
		cameras[e.Camera]++
	}
	if cameras["left"] != 40 || cameras["right"] != 30 {
		t.Errorf("embeddings by camera: %v", cameras)
	}
	r = nearfar(t, "run", "-c", configure(t, camera("left", pictures(t, 1, 1), false)), "--out", out)
	if r.code != exitFailure || !strings.Contains(r.err, "has ended") || !strings.Contains(r.err, "--resume "+out) {
		t.Errorf("started again: code %d, says %s", r.code, r.err)
	}
}

// midway starts a run in a process of its own and returns once it has saved a checkpoint.
func midway(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	out := args[len(args)-1]
	cmd, said := program(t, args...)
	go func() { _, _ = said.WriteTo(t.Output()) }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, "a checkpoint", func() bool {
		found, err := filepath.Glob(filepath.Join(out, "checkpoints", "step-*", "manifest.json"))
		return err == nil && len(found) > 0
	})
	return cmd
}

// eventually waits until something has come about.
func eventually(t *testing.T, what string, has func() bool) {
	t.Helper()
	within(t, time.Minute, what, has)
}

// within waits for so long: that it comes to pass is asked for, the time only bounds the wait.
func within(t *testing.T, bound time.Duration, what string, has func() bool) {
	t.Helper()
	for deadline := time.Now().Add(bound); !has(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, bound)
		}
	}
}

func TestKilledRunGoesOn(t *testing.T) {
	left, right, out := pictures(t, 2, 60), pictures(t, 2, 60), filepath.Join(t.TempDir(), "run")
	cmd := midway(t, "run", "-c", configure(t, camera("left", left, true), camera("right", right, true)), "--out", out)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	before := embeddingsOf(t, filepath.Join(out, "embeddings.jsonl"))
	if len(before) == 0 || len(before) >= 240 {
		t.Fatalf("%d embeddings when it was killed: not midway", len(before))
	}
	var r result
	eventually(t, "end of the capture processes", func() bool { // they die with their parent, and then the broker's folder is free
		r = nearfar(t, "run", "-c", configure(t, camera("left", left, false), camera("right", right, false)), "--out", out)
		return r.code == exitOK
	})
	if !strings.Contains(r.err, "going on from") {
		t.Errorf("it began anew:\n%s", r.err)
	}
	whole(t, out, 240)
	after := embeddingsOf(t, filepath.Join(out, "embeddings.jsonl"))
	for id := range before {
		if _, ok := after[id]; !ok {
			t.Errorf("embedding %s is gone", id)
		}
	}
}

func TestTerminatedRunSavesAndGoesOn(t *testing.T) {
	left, right, out := pictures(t, 2, 60), pictures(t, 2, 60), filepath.Join(t.TempDir(), "run")
	cmd := midway(t, "run", "-c", configure(t, camera("left", left, true), camera("right", right, true)), "--out", out)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("asked to end, it ends with %v", err)
	}
	s := summary(t, out)
	if s.Captured == 0 || s.Captured != s.Acknowledged || s.Captured != s.InTopic || s.Trained >= 240 {
		t.Errorf("the accounts of an interrupted run: %+v", s)
	}
	r := nearfar(t, "run", "-c", configure(t, camera("left", left, false), camera("right", right, false)), "--out", out)
	if r.code != exitOK || !strings.Contains(r.err, "going on from") {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.err)
	}
	whole(t, out, 240)
}

func TestEndedRunIsResumedWithMoreFrames(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := nearfar(t, "run", "-c", configure(t, camera("door", pictures(t, 1, 150), true)), "--out", out, "--frames", "40")
	first := summary(t, out)
	if r.code != exitOK || first.Trained < 40 || first.Trained >= 150 || first.Unread != 0 {
		t.Fatalf("code %d, %+v\n%s", r.code, first, r.err)
	}
	r = nearfar(t, "run", "--resume", out, "--frames", "70")
	second := summary(t, out)
	if r.code != exitOK || second.Trained < 70 || second.Trained <= first.Trained || second.Steps <= first.Steps || second.Captured != second.Trained {
		t.Fatalf("code %d, %+v\n%s", r.code, second, r.err)
	}
	whole(t, out, int(second.Trained))
	r = nearfar(t, "run", "--resume", out, "--frames", "70") // which it has
	if third := summary(t, out); r.code != exitOK || third.Trained != second.Trained || third.Captured != second.Captured || third.Status.EmbeddingStd == 0 {
		t.Errorf("code %d, %+v\n%s", r.code, third, r.err)
	}
}

func TestRunEndsAtItsSteps(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := nearfar(t, "run", "-c", configure(t, camera("door", pictures(t, 1, 60), false)), "--out", out, "--steps", "4")
	if s := summary(t, out); r.code != exitOK || s.Steps != 4 || s.Trained+s.Unread+s.Waiting != s.InTopic || !strings.Contains(r.out, "has taken all it was told to") {
		t.Errorf("code %d, %+v\n%s%s", r.code, s, r.out, r.err)
	}
	r = nearfar(t, "run", "--resume", out)
	if s := summary(t, out); r.code != exitOK || s.Steps != 4 {
		t.Errorf("resumed without a reason: code %d, %+v\n%s", r.code, s, r.err)
	}
}

func TestBrokenCameraIsNamedAndTheOthersAreLearned(t *testing.T) {
	broken, out := filepath.Join(t.TempDir(), "broken.mp4"), filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(broken, []byte("this is no video"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := camera("good", pictures(t, 1, 40), false)
	r := nearfar(t, "run", "-c", configure(t, good, fmt.Sprintf("{name: bad, from: %q}", broken)), "--out", out)
	if r.code != exitFailure || !strings.Contains(r.err, "nearfar: bad: opening video") || !strings.Contains(r.out, "start it again to go on") {
		t.Errorf("code %d\n%s%s", r.code, r.out, r.err)
	}
	whole(t, out, 40)
	r = nearfar(t, "run", "-c", configure(t, good), "--out", out) // without it
	if r.code != exitOK {
		t.Errorf("mended: code %d\n%s", r.code, r.err)
	}
	whole(t, out, 40)
}

func TestRunWithoutAnyCameraThatWorksFails(t *testing.T) {
	empty, out := t.TempDir(), filepath.Join(t.TempDir(), "run")
	r := nearfar(t, "run", "-c", configure(t, camera("a", empty, false), "{name: b, from: /nowhere.mp4}"), "--out", out)
	if r.code != exitFailure || !strings.Contains(r.err, "a: the folder "+empty+" holds no pictures") || !strings.Contains(r.err, "b: opening video /nowhere.mp4: there is no such file") || r.out != "" {
		t.Errorf("code %d\n%s%s", r.code, r.out, r.err)
	}
}

func TestRunsFolderIsForOneProcess(t *testing.T) {
	out := t.TempDir()
	held, err := online.OpenRun(out, online.Record{ID: "held"})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	r := nearfar(t, "run", "-c", configure(t, camera("a", pictures(t, 1, 1), false)), "--out", out)
	if want := "nearfar: " + out + ": another nearfar works in this run's folder; stop it, or choose another --out\n"; r.code != exitFailure || r.err != want {
		t.Errorf("code %d, %s", r.code, r.err)
	}
}

func TestEmbeddingsOnStandardOutputComeAlone(t *testing.T) {
	r := nearfar(t, "run", "-c", configure(t, camera("a", pictures(t, 1, 20), false)), "--set", "sinks=[{kind: stdout}]", "--out", filepath.Join(t.TempDir(), "run"))
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if r.code != exitOK || len(lines) != 20 || !strings.Contains(r.err, "is complete") {
		t.Fatalf("code %d, %d lines\n%s", r.code, len(lines), r.err)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}
