package train

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/streams/frame"
)

// fingerprint is everything a resumed run must end with: weights, statistics, optimiser, what the objectives
// remember, the sampler.
func fingerprint(t *testing.T, tr *Trainer) [32]byte {
	t.Helper()
	var b bytes.Buffer
	slots, _ := tr.learner.optimizer.State()
	for _, ts := range append(tr.learner.query.Tensors(), slots...) {
		for _, v := range ts.Data {
			b.WriteByte(byte(math.Float32bits(v)))
			b.WriteByte(byte(math.Float32bits(v) >> 8))
			b.WriteByte(byte(math.Float32bits(v) >> 16))
			b.WriteByte(byte(math.Float32bits(v) >> 24))
		}
	}
	for _, o := range tr.learner.objectives {
		for _, p := range o.State() {
			if err := p.Write(&b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := tr.sampler.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b.Bytes())
}

func TestResumedRunEndsInTheSameBytes(t *testing.T) {
	resumes(t, settingsFor(1), streamOf(360), []int{97, 210, 333})
}

func TestResumedRunInBF16EndsInTheSameBytes(t *testing.T) {
	if !kernel.HasBF16() {
		t.Skipf("SKIPPED: this processor (%s) has no AVX512_BF16", kernel.CPUISA())
	}
	set := settingsFor(1)
	set.Precision = kernel.BF16
	resumes(t, set, streamOf(240), []int{97, 150})
}

// resumes holds a run that was killed after so many frames, and resumed, against one that was not.
func resumes(t *testing.T, set Settings, frames []*frame.Frame, kills []int) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var whole []frame.Embedding
	tr, err := New(set, t.TempDir(), Outputs{Embeddings: func(es []frame.Embedding) error { whole = append(whole, es...); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	feedAll(t, tr, frames)
	if err := tr.Finish(); err != nil {
		t.Fatal(err)
	}
	want, steps := fingerprint(t, tr), tr.Counts().Steps
	if steps < 40 {
		t.Fatalf("only %d steps were taken: the test would prove little", steps)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	for _, killed := range kills {
		dir := t.TempDir()
		tr, err := New(set, dir, Outputs{})
		if err != nil {
			t.Fatal(err)
		}
		feedAll(t, tr, frames[:killed]) // and no word of goodbye
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		path, _, err := Latest(dir)
		if err != nil {
			t.Fatal(err)
		}
		var after []frame.Embedding
		tr, err = Resume(path, set, dir, Outputs{Embeddings: func(es []frame.Embedding) error { after = append(after, es...); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		next := tr.Positions()[0]
		if next <= 0 || next > int64(killed) {
			t.Fatalf("killed after %d frames, the checkpoint wants offset %d", killed, next)
		}
		feedAll(t, tr, frames[next:])
		if err := tr.Finish(); err != nil {
			t.Fatal(err)
		}
		if got := fingerprint(t, tr); got != want {
			t.Errorf("killed after %d frames and resumed at %d: weights, bank or sampler differ from the uninterrupted run", killed, next)
		}
		if c := tr.Counts(); c.Received != uint64(len(frames)) || c.Trained != uint64(len(frames)) || c.Steps != steps {
			t.Errorf("killed after %d frames: counts %+v, want %d frames and %d steps", killed, c, len(frames), steps)
		}
		tail := whole[len(whole)-len(after):]
		for i := range after {
			if after[i].ID != tail[i].ID || !slices.Equal(after[i].Vector, tail[i].Vector) {
				t.Fatalf("killed after %d frames: embedding %d after the resume is another record than in the uninterrupted run", killed, i)
			}
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryFrameIsTrainedOrCountedAndEmbedded(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	frames := streamOf(120)
	var ids []string
	tr, err := New(settingsFor(2), "", Outputs{Embeddings: func(es []frame.Embedding) error {
		for _, e := range es {
			ids = append(ids, e.ID)
			if len(e.Vector) != 256 {
				t.Errorf("an embedding of %d numbers", len(e.Vector))
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	feedAll(t, tr, frames)
	late := *frames[3]
	late.Seq, late.Ref.Offset = 1000, 120
	again := *frames[119]
	again.Ref.Offset = 121
	feedAll(t, tr, []*frame.Frame{&late, &again})
	tr.Skip(frame.Ref{Topic: "frames", Offset: 122})
	tr.Lose(4)
	if err := tr.Finish(); err != nil {
		t.Fatal(err)
	}
	want := Counts{Received: 122, DeadLettered: 1, Lost: 4, Trained: 120, Late: 1, Repeated: 1, Embedded: 120, Steps: tr.Counts().Steps}
	if tr.Counts() != want {
		t.Errorf("counts %+v, want %+v", tr.Counts(), want)
	}
	if tr.Positions()[0] != 123 {
		t.Errorf("next offset %d, want 123", tr.Positions()[0])
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 120 {
		t.Errorf("%d distinct embeddings of 120 frames", len(slices.Compact(ids)))
	}
}

func TestLossFallsOnAMovingBlob(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var losses []float64
	set := settingsFor(3)
	set.Sampler.UpdatesPerFrame = 0.5
	tr, err := New(set, "", Outputs{Step: func(r Report) { losses = append(losses, -float64(r.Told[0].MIBound())) }})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	feedAll(t, tr, streamOf(800))
	mean := func(x []float64) (s float64) {
		for _, v := range x {
			s += v / float64(len(x))
		}
		return s
	}
	// −MI bound: zero at chance, below where views tell about each other.
	early, late := mean(losses[5:25]), mean(losses[len(losses)-50:])
	if late > early-0.3 || late > -0.7 {
		t.Errorf("the bound on mutual information went from %.3f to %.3f nats in %d steps", -early, -late, len(losses))
	}
}

func TestDamagedCheckpointIsPassedOver(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir := t.TempDir()
	tr, err := New(settingsFor(4), dir, Outputs{})
	if err != nil {
		t.Fatal(err)
	}
	feedAll(t, tr, streamOf(200))
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	names, err := snapshots(dir)
	if err != nil || len(names) != 3 {
		t.Fatalf("checkpoints %v (%v), want the newest three", names, err)
	}
	newest := filepath.Join(dir, names[2])
	bank := filepath.Join(newest, "moco.bank.bin")
	b, err := os.ReadFile(bank)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(bank, b, 0o644); err != nil {
		t.Fatal(err)
	}
	path, skipped, err := Latest(dir)
	if err != nil || path != filepath.Join(dir, names[1]) {
		t.Errorf("newest is %s (%v), want %s", path, err, names[1])
	}
	if len(skipped) != 1 || !strings.Contains(skipped[0].Error(), "bank.bin") {
		t.Errorf("passed over %v, want one damage of bank.bin", skipped)
	}
	if _, err := Resume(newest, settingsFor(4), dir, Outputs{}); err == nil {
		t.Error("a damaged checkpoint was resumed")
	}
	if _, _, err := Latest(t.TempDir()); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("an empty folder gives %v, want ErrNoCheckpoint", err)
	}
}

func TestResumeRefusesOtherSettings(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir := t.TempDir()
	tr, err := New(settingsFor(5), dir, Outputs{})
	if err != nil {
		t.Fatal(err)
	}
	feedAll(t, tr, streamOf(120))
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	path, _, err := Latest(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := settingsFor(5)
	other.Objectives = []objective.Config{{Kind: "moco", Temperature: 0.2}}
	if _, err := Resume(path, other, dir, Outputs{}); err == nil || !strings.Contains(err.Error(), "Objectives") {
		t.Errorf("another temperature gives %v, want an error that names it", err)
	}
	more := settingsFor(5)
	more.Every, more.Keep = 7, 9
	tr, err = Resume(path, more, dir, Outputs{})
	if err != nil {
		t.Fatalf("how often checkpoints are written may change: %v", err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}

func TestCheckpointLoadsAsANetwork(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir := t.TempDir()
	tr, err := New(settingsFor(6), dir, Outputs{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	feedAll(t, tr, streamOf(120))
	if err := tr.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	path, _, err := Latest(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, version, err := LoadWeights(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.ParamArena, tr.learner.query.ParamArena) || !slices.Equal(w.StatArena, tr.learner.query.StatArena) {
		t.Error("the weights read back differ from those saved")
	}
	if version != tr.set.version(tr.learner.step) {
		t.Errorf("version %s, want %s", version, tr.set.version(tr.learner.step))
	}
	first, err := Untrained(path)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := NewLearner(settingsFor(6))
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if !slices.Equal(first.ParamArena, fresh.query.ParamArena) {
		t.Error("the untrained network of a checkpoint is not the one its run began with")
	}
}

// A run has taken all it was told to, and goes on after all: the camera that was behind then is not late now.
func TestAFinishedRunGoesOnWithTheCameraThatWasBehind(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, dir := settingsFor(4), t.TempDir()
	var first, ahead, then []*frame.Frame
	for i, f := range streamOf(160) {
		switch behind := f.Camera == "right" && i >= 60; {
		case i >= 120 && i < 130 && !behind:
			ahead = append(ahead, f) // starts first in the next life, too
		case behind || i >= 120:
			then = append(then, f)
		default:
			first = append(first, f)
		}
	}
	then = append(ahead, then...)
	for i, f := range slices.Concat(first, then) { // as they lie in the log, in milliseconds
		f.Ref.Offset, f.Logged = int64(i), f.Captured.Truncate(time.Hour).Add(time.Duration(i)*time.Millisecond+time.Duration(i/len(first))*time.Hour)
	}
	tr, err := New(set, dir, Outputs{})
	if err != nil {
		t.Fatal(err)
	}
	feedAll(t, tr, first)
	if err := errors.Join(tr.Finish(), tr.Close()); err != nil {
		t.Fatal(err)
	}
	path, _, err := Latest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if tr, err = Resume(path, set, dir, Outputs{}); err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	feedAll(t, tr, then)
	if err := tr.Finish(); err != nil {
		t.Fatal(err)
	}
	if c, s := tr.Counts(), tr.Sampler(); c.Trained != 160 || c.Late != 0 || s.Pushed != 160 || s.Disordered != 0 {
		t.Errorf("%+v, %+v", c, s)
	}
}
