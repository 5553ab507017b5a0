package online

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

func openRun(t *testing.T, path string, r Record) *RunDir {
	t.Helper()
	d, err := OpenRun(path, r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestARunsFolderHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	d := openRun(t, path, Record{ID: "a"})
	if _, err := OpenRun(path, Record{ID: "b"}); !errors.Is(err, ErrRunBusy) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second one: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openRun(t, path, Record{ID: "b"}).Close(); err != nil {
		t.Error(err)
	}
}

func TestAResumedRunKeepsItsNameAndBeginning(t *testing.T) {
	path, noon := t.TempDir(), time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	d := openRun(t, path, Record{ID: "a", Started: noon, Seed: 7})
	ended := noon.Add(time.Minute)
	d.Record.Ended = &ended
	if err := errors.Join(d.Save(), d.Close()); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := openRun(t, path, Record{ID: "b", Started: noon.Add(time.Duration(i+1) * time.Hour), Seed: 8}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := ReadRecord(path)
	if err != nil || r.ID != "a" || !r.Started.Equal(noon) || r.Seed != 8 || r.Ended != nil || len(r.Resumed) != 2 || !r.Resumed[1].Equal(noon.Add(2*time.Hour)) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestADamagedRecordIsNamed(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "run.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRun(path, Record{}); err == nil || !strings.Contains(err.Error(), "run.json") {
		t.Errorf("got %v", err)
	}
	if _, err := OpenRun(path, Record{}); errors.Is(err, ErrRunBusy) {
		t.Error("the folder is still held")
	}
}

func TestMetricsGoOnBehindTheLastWholeLine(t *testing.T) {
	path := t.TempDir()
	name := filepath.Join(path, "metrics.jsonl")
	d := openRun(t, path, Record{})
	if d.Last().Step != 0 {
		t.Errorf("a new run has a past: %+v", d.Last())
	}
	for step := range uint64(3) {
		if err := d.Metrics(Status{Step: step, Loss: 1.5}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(text, `{"step":9,"lo`...), 0o644); err != nil {
		t.Fatal(err)
	}
	d = openRun(t, path, Record{})
	if d.Last().Step != 2 || d.Last().Loss != 1.5 {
		t.Errorf("the last status: %+v", d.Last())
	}
	if err := errors.Join(d.Metrics(Status{Step: 3}), d.Close()); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(name); err != nil || strings.Count(string(text), "\n") != 4 || strings.Contains(string(text), `"step":9`) {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestAnEmptyRunHasNoCheckpoint(t *testing.T) {
	d := openRun(t, t.TempDir(), Record{})
	defer d.Close()
	if path, damaged, err := d.Latest(); path != "" || damaged != nil || err != nil {
		t.Errorf("%q %v %v", path, damaged, err)
	}
	torn := filepath.Join(d.Checkpoints(), "step-0000000001")
	if err := errors.Join(os.MkdirAll(torn, 0o755), os.WriteFile(filepath.Join(torn, "manifest.json"), []byte("{"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Latest(); !errors.Is(err, train.ErrNoCheckpoint) {
		t.Errorf("a run whose only checkpoint is damaged begins anew: %v", err)
	}
}

// meter is one whose clock stands where the test puts it.
func meter(probe train.Probe) (*Meter, func(time.Duration)) {
	m := NewMeter(2, probe, time.Second)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m.now, m.last = func() time.Time { return at }, at
	return m, func(d time.Duration) { at = at.Add(d) }
}

func TestStatusIsTheMeanSinceTheLastOne(t *testing.T) {
	m, pass := meter(train.Probe{})
	m.Begin(train.Counts{Steps: 10, Trained: 100})
	for i := range 4 {
		m.StepBegins()
		pass(time.Duration(i) * 20 * time.Millisecond)
		m.Step(train.Report{Step: uint64(11 + i), LR: 0.5, Told: []objective.Told{{Name: "moco", Weight: 1, Loss: float32(i), BankAge: uint64(i)}}})
	}
	m.Embeddings([]frame.Embedding{{Vector: []float32{1, 0}}, {Vector: []float32{0, 1}}})
	pass(2*time.Second - 120*time.Millisecond)
	s := m.Status(7)
	if s.Step != 14 || s.Frames != 102 || s.Loss != 1.5 || s.StepsPerSec != 2 || s.FramesPerSec != 1 || s.Lag != 7 || s.LR != 0.5 || s.StepSeconds != 0.03 || s.Objectives[0].BankAge != 3 || s.EmbeddingStd == 0 {
		t.Errorf("%+v", s)
	}
	pass(time.Second)
	if s = m.Status(0); s.StepsPerSec != 0 || s.Loss != 1.5 || !reflect.DeepEqual(m.Last(), s) {
		t.Errorf("without anything new: %+v", s)
	}
}

func TestWhatWasMeasuredStandsUntilThereIsSomethingNewer(t *testing.T) {
	m, _ := meter(train.Probe{})
	m.Recall(Status{Step: 99, Loss: 2, EffectiveRank: 5})
	m.Begin(train.Counts{Steps: 90, Trained: 9})
	if s := m.Status(0); s.Step != 90 || s.Frames != 9 || s.Loss != 2 || s.EffectiveRank != 5 {
		t.Errorf("%+v", s)
	}
}

func TestLabelsAreRecognisedFromEarlierVisits(t *testing.T) {
	m, _ := meter(train.Probe{Memory: 100, K: 1, Temperature: 0.07, Last: 100})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for visit := range 4 {
		name, v := "cup", []float32{1, 0.1}
		if visit%2 == 1 {
			name, v = "box", []float32{0.1, 1}
		}
		for i := range 3 {
			m.Embeddings([]frame.Embedding{{Camera: "c", Rig: "c", Label: name, Vector: v, Captured: at.Add(time.Duration(visit*10)*time.Second + time.Duration(i)*100*time.Millisecond)}})
		}
	}
	if s := m.Status(0); s.KNNSamples < 6 || s.KNN < 0.5 {
		t.Errorf("%+v", s)
	}
}
