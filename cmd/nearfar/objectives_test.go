package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/model/objective"
)

// Objectives mix freely: one encoder is trained for all there are, from cameras, and goes on from where it
// stopped.
func TestOneRunLearnsAllObjectivesAtOnce(t *testing.T) {
	var list []string
	for _, kind := range objective.Kinds() {
		o := "{kind: " + kind + ", weight: 0.1"
		if kind == "nce" || kind == "npid" {
			o += ", negatives: 32"
		}
		list = append(list, o+"}")
	}
	text := strings.Replace(small, "image: 16", "image: 32, clip: {stride: 100ms}", 1)
	text = strings.Replace(text, "{projection: 16}", "{projection: 16, split: true}", 1)
	text = strings.Replace(text, "{size: 64}", "{size: 256}", 1)
	text = strings.Replace(text, "updates_per_frame: 0.5", "updates_per_frame: 0.1", 1)
	cfg := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(cfg, []byte(text+"objectives:\n- "+strings.Join(list, "\n- ")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if r := nearfar(t, "run", "-c", cfg, "--source", "synth:cameras=2,size=64x64,pace=fast", "--frames", "400", "--out", dir); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	s := summary(t, dir)
	if s.Trained < 380 || s.Steps < 20 { // some still wait in the merge
		t.Errorf("%+v", s)
	}
	learned := s.Status.Objectives
	if len(learned) != len(list) {
		t.Fatalf("%d objectives are told of, there are %d", len(learned), len(list))
	}
	for i, kind := range objective.Kinds() {
		if l := learned[i]; l.Name != kind || l.Steps == 0 || l.Loss == 0 || math.IsNaN(l.Loss) {
			t.Errorf("%s: %+v", kind, l)
		}
	}
	if r := nearfar(t, "run", "--resume", dir, "--frames", fmt.Sprint(s.Captured+80)); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if again := summary(t, dir); again.Trained < s.Trained+60 || again.Steps <= s.Steps {
		t.Errorf("resumed: %+v", again)
	}
}
