package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/npy"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/streams/frame"
)

// interruptible is a context that stop cancels as SIGTERM does.
func interruptible(t *testing.T) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, func() { cancel(interrupted{syscall.SIGTERM}) }
}

// runs are made once for all tests that only look at one.
var runs struct {
	sync.Once
	dir string
}

// learned is the folder of a run that has ended.
func learned(t *testing.T) string {
	t.Helper()
	runs.Do(func() {
		dir, err := os.MkdirTemp("", "nearfar-learned")
		if err != nil {
			t.Fatal(err)
		}
		runs.dir = filepath.Join(dir, "run")
		r := nearfar(t, "run", "-c", configure(t, camera("door", pictures(t, 3, 20), false)), "--out", runs.dir)
		if r.code != exitOK {
			t.Fatalf("%+v", r)
		}
	})
	return runs.dir
}

func TestEmbedWritesALineAPicture(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.jsonl")
	r := nearfar(t, "embed", "--checkpoint", learned(t), "--images", pictures(t, 2, 3), "--output", out)
	if r.code != exitOK || !strings.Contains(r.err, "6 pictures embedded by run@") {
		t.Fatalf("%+v", r)
	}
	labels := map[string]int{}
	for _, e := range embeddingsOf(t, out) {
		labels[e.Label]++
		if len(e.Vector) != 256 || e.Camera != "album" {
			t.Errorf("%d numbers, camera %s", len(e.Vector), e.Camera)
		}
	}
	if labels["scene0"] != 3 || labels["scene1"] != 3 {
		t.Errorf("labels %v", labels)
	}
	r = nearfar(t, "embed", "--checkpoint", learned(t), "--images", pictures(t, 2, 3), "--output", out)
	if r.code != exitFailure || !strings.Contains(r.err, out+" exists already: choose another --output") {
		t.Errorf("again: %+v", r)
	}
}

func TestEmbedWritesAMatrixAndWhatItsRowsAre(t *testing.T) {
	dir, album := t.TempDir(), pictures(t, 1, 4)
	r := nearfar(t, "embed", "--checkpoint", learned(t), "--images", filepath.Join(album, "scene0"), "--output", filepath.Join(dir, "x.npy"))
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	rows, dim, _, err := npy.Read(filepath.Join(dir, "x.npy"))
	if err != nil || rows != 4 || dim != 256 {
		t.Errorf("%d×%d, %v", rows, dim, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "x.index.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var row indexRow
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.Row != i || !strings.HasPrefix(row.Path, album) || row.Camera != "scene0" || row.Captured.IsZero() || row.ID == "" {
			t.Errorf("%+v %v", row, err)
		}
	}
}

func TestEmbedReadsAVideo(t *testing.T) {
	dir := t.TempDir()
	var clip bytes.Buffer // motion JPEG without a container: one picture behind the other
	for i := range 12 {
		clip.Write(bareJPEG(t, uint8(10*i)))
	}
	path := filepath.Join(dir, "clip.mjpeg")
	if err := os.WriteFile(path, clip.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	r := nearfar(t, "embed", "--checkpoint", learned(t), "--video", path, "--output", filepath.Join(dir, "clip.jsonl"))
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if got := embeddingsOf(t, filepath.Join(dir, "clip.jsonl")); len(got) != 12 {
		t.Errorf("%d embeddings", len(got))
	}
}

func TestEmbedReadsATopicToItsEnd(t *testing.T) {
	brokers, dir := startBroker(t), t.TempDir()
	if r := nearfar(t, "ingest", "--brokers", brokers, "--source", pictures(t, 1, 40)); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	for _, name := range []string{"x.jsonl", "x.npy"} {
		r := nearfar(t, "embed", "--checkpoint", learned(t), "--brokers", brokers, "--topic", "frames", "--output", filepath.Join(dir, name))
		if r.code != exitOK || !strings.Contains(r.err, "40 frames embedded by run@") {
			t.Fatalf("%s: %+v", name, r)
		}
	}
	if got := embeddingsOf(t, filepath.Join(dir, "x.jsonl")); len(got) != 40 {
		t.Errorf("%d embeddings", len(got))
	}
	if rows, _, _, err := npy.Read(filepath.Join(dir, "x.npy")); err != nil || rows != 40 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestWhatFailsLeavesNoOutputBehind(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad.jpg"), []byte{0xff, 0xd8, 0xff, 0}, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.jsonl", "x.npy"} {
		r := nearfar(t, "embed", "--checkpoint", learned(t), "--images", dir, "--output", filepath.Join(dir, name))
		if r.code != exitFailure || !strings.Contains(r.err, "bad.jpg") {
			t.Errorf("%+v", r)
		}
		left, err := filepath.Glob(filepath.Join(dir, "x.*"))
		if err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	ctx, stop := interruptible(t)
	stop()
	r := nearfarIn(ctx, t, "embed", "--checkpoint", learned(t), "--images", pictures(t, 1, 3), "--output", filepath.Join(dir, "x.jsonl"))
	if r.code != 143 {
		t.Errorf("interrupted: %+v", r)
	}
}

func TestEvalPrintsATableAndJSON(t *testing.T) {
	album := pictures(t, 3, 8)
	r := nearfar(t, "eval", "--checkpoint", learned(t), "--images", album)
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{"24 pictures of " + album, "1-view", "4-view", "linear", "raw pixels, 16×16", "untrained small", "trained run@", "k = 20, temperature = 0.07"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	var scores []look.Score
	if err := json.Unmarshal([]byte(nearfar(t, "eval", "--checkpoint", learned(t), "--images", album, "--json").out), &scores); err != nil || len(scores) != 3 {
		t.Fatalf("%+v %v", scores, err)
	}
	for _, s := range scores {
		if !(s.OneView > 0 && s.OneView <= 1 && s.KNN > 0 && s.KNN <= 1) {
			t.Errorf("%+v", s)
		}
	}
}

func TestSearchFindsTheBanksFramesAndDrawsThem(t *testing.T) {
	dir, run := t.TempDir(), learned(t)
	query, drawn := filepath.Join(dir, "q.jpg"), filepath.Join(dir, "out.png")
	drawPicture(t, query, 17)
	r := nearfar(t, "search", "--run", run, "--image", query, "-k", "3", "--sheet", drawn)
	if r.code != exitOK || r.err != "" || strings.Count(r.out, "\n") < 2 || !strings.Contains(r.out, "door") {
		t.Fatalf("%+v", r)
	}
	f, err := os.Open(drawn)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 100 {
		t.Errorf("the sheet: %v", err)
	}
	last := -1.0
	for _, line := range strings.Split(strings.TrimSpace(nearfar(t, "search", "--run", run, "--image", query, "--json").out), "\n") {
		var m match
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.Distance < last || m.Camera != "door" || m.Captured.IsZero() || m.Topic != "frames" {
			t.Errorf("%+v %v", m, err)
		}
		last = m.Distance
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	run, album, empty := learned(t), pictures(t, 1, 2), t.TempDir()
	text := filepath.Join(empty, "notes.txt")
	if err := os.WriteFile(text, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	masked := filepath.Join(t.TempDir(), "masked")
	if err := os.MkdirAll(masked, 0o755); err != nil {
		t.Fatal(err)
	}
	printed := nearfar(t, "config", "print", "--source", "rtsp://ann:hunter2@h/x").out
	if err := os.WriteFile(filepath.Join(masked, configFile), []byte(printed), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args string
		code int
		says string
	}{
		{"run --resume " + masked, 78, "sources[0].from: holds ***, which stands in place of a secret where a configuration is printed: give the secret itself"},
		{"run --resume " + empty, 1, "holds no run (there is no " + filepath.Join(empty, configFile) + "): give --resume a run's folder"},
		{"run --resume " + run + " --config x.yaml", 2, "drop --config"},
		{"run --resume " + run + " --out x", 2, "drop --out"},
		{"run --out " + run, 1, "has ended; choose another --out, or go on with it by --resume " + run},
		{"run --frames many", 78, "run.frames"},
		{"run --source " + album + " --brokers 127.0.0.1:1 --set kafka.timeout=200ms --out " + filepath.Join(t.TempDir(), "r"), 69, "no answer from 127.0.0.1:1"},
		{"train --brokers 127.0.0.1:1 --set kafka.timeout=200ms --out " + filepath.Join(t.TempDir(), "r"), 69, "start the broker, or correct brokers"},
		{"train --out " + filepath.Join(t.TempDir(), "r"), 78, "kafka.brokers: names no broker, give --brokers host:port"},
		{"embed --checkpoint " + run + " --topic frames --brokers 127.0.0.1:1 --set kafka.timeout=200ms --output " + filepath.Join(t.TempDir(), "x.npy"), 69, "no answer from 127.0.0.1:1"},
		{"embed --checkpoint " + run, 2, "one of --images, --video and --topic is needed"},
		{"embed --checkpoint " + run + " --images " + album, 2, "--output is needed"},
		{"embed --checkpoint " + run + " --images " + album + " --output x.csv", 2, "must end in .jsonl or .npy"},
		{"embed --images " + album + " --output x.npy", 2, "--checkpoint is needed"},
		{"embed --checkpoint " + empty + " --images " + album + " --output " + filepath.Join(empty, "x.npy"), 1, "no checkpoint in " + empty},
		{"embed --checkpoint /nowhere --images " + album + " --output " + filepath.Join(empty, "x.npy"), 1, "give --checkpoint a run's folder"},
		{"embed --checkpoint " + run + " --images " + empty + " --output " + filepath.Join(empty, "x.npy"), 1, "holds no .jpg, .jpeg or .png"},
		{"embed --checkpoint " + run + " --video " + text + " --output " + filepath.Join(empty, "x.npy"), 1, "it holds no video that can be decoded"},
		{"embed --checkpoint " + run + " --video /nowhere.mp4 --output " + filepath.Join(empty, "x.npy"), 1, "there is no such file; check the path"},
		{"eval --checkpoint " + run + " --images " + empty, 1, "holds no class folders (expected "},
		{"eval --checkpoint " + run + " --images " + filepath.Join(album, "scene0"), 1, "has no label: move it into the folder of its class"},
		{"eval --checkpoint /nowhere --images " + album, 1, "give --checkpoint a run's folder"},
		{"eval --checkpoint " + run, 2, "--checkpoint and --images are needed"},
		{"search --run " + run, 2, "--image, one of --checkpoint and --run"},
		{"search --run " + run + " --image " + text, 1, "not a picture"},
		{"search --run " + run + " --image /nowhere.jpg", 1, "no such file"},
		{"search --run /nowhere --image " + text, 1, "no checkpoint in /nowhere"},
	} {
		r := nearfar(t, strings.Fields(tc.args)...)
		if r.code != tc.code || !strings.Contains(r.err, tc.says) || r.out != "" {
			t.Errorf("nearfar %s\ncode %d, not %d; wants %q in\n%s", tc.args, r.code, tc.code, tc.says, r.err)
		}
		for _, trace := range []string{"goroutine ", "panic", ".go:"} {
			if strings.Contains(r.err, trace) {
				t.Errorf("nearfar %s shows a trace:\n%s", tc.args, r.err)
			}
		}
		if strings.Contains(r.err, "hunter2") {
			t.Errorf("nearfar %s shows a password:\n%s", tc.args, r.err)
		}
	}
}

// Embeddings in bf16 are those in f32 but for rounding; where the processor has none, asking for it is refused.
func TestEmbedTakesAPrecision(t *testing.T) {
	dir, checkpoint := t.TempDir(), learned(t)
	album := pictures(t, 2, 3)
	embed := func(precision string) (result, map[string]frame.Embedding) {
		out := filepath.Join(dir, precision+".jsonl")
		r := nearfar(t, "embed", "--checkpoint", checkpoint, "--images", album, "--output", out, "--precision", precision)
		if r.code != exitOK {
			return r, nil
		}
		return r, embeddingsOf(t, out)
	}
	_, exact := embed("f32")
	r, near := embed("bf16")
	if !kernel.HasBF16() {
		if r.code != exitUsage || !strings.Contains(r.err, "--precision: precision bf16 needs a processor with AVX512_BF16") {
			t.Errorf("%+v", r)
		}
		return
	}
	if len(exact) != 6 || len(near) != 6 {
		t.Fatalf("%d and %d embeddings, %+v", len(exact), len(near), r)
	}
	for id, e := range exact {
		same, far, size := 0, 0.0, 0.0
		for i, v := range e.Vector {
			d := float64(v - near[id].Vector[i])
			far, size = far+d*d, size+float64(v*v)
			if d == 0 {
				same++
			}
		}
		if far > 1e-3*size || same == len(e.Vector) {
			t.Errorf("%s: the squared distance is %.2g of %.2g, %d of %d numbers are equal", id, far, size, same, len(e.Vector))
		}
	}
	if r, _ := embed("f16"); r.code != exitUsage || !strings.Contains(r.err, `"f16" is no precision: f32, bf16, or auto`) {
		t.Errorf("%+v", r)
	}
}
