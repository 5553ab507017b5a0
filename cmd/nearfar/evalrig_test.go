package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/realdata"
)

// rigReportOf is what eval --rig --json says of a folder.
func rigReportOf(t *testing.T, dir string, more ...string) rigReport {
	t.Helper()
	var r rigReport
	got := nearfar(t, append([]string{"eval", "--checkpoint", learned(t), "--rig", dir, "--json"}, more...)...)
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != exitOK {
		t.Fatalf("%v: %+v", err, got)
	}
	return r
}

func TestEvalComparesTheViewsOfARig(t *testing.T) {
	album := pictures(t, 3, 8) // three cameras, eight instants
	r := nearfar(t, "eval", "--checkpoint", learned(t), "--rig", album)
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{"1 recording in " + album + ": 8 instants\n", "alignment", "tau", "cycle±1", "chance                           0.328   0.000   53.3%",
		"raw pixels, 16×16", "untrained small", "trained run@"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	report := rigReportOf(t, album)
	if report.Recordings != 1 || fmt.Sprint(report.Cameras, report.Instants) != "[3] [8]" || len(report.Scores) != 3 || report.Missed != 0 {
		t.Errorf("%+v", report)
	}
	for _, s := range report.Scores {
		if s.Pairs != 6 || s.Alignment < 0 || s.Alignment > 0.5 || s.Tau < -1 || s.Tau > 1 || s.Cycle < 0 || s.Within < s.Cycle || s.Within > 1 || math.IsNaN(s.Uniformity) {
			t.Errorf("%+v", s)
		}
	}
	if again := rigReportOf(t, album); fmt.Sprint(again) != fmt.Sprint(report) {
		t.Errorf("two runs differ:\n%+v\n%+v", report, again)
	}
}

func TestEvalAveragesOverRecordingsAndStrides(t *testing.T) {
	dir := t.TempDir()
	for ep, cameras := range []int{2, 3} {
		if err := os.Rename(pictures(t, cameras, 6+2*ep), filepath.Join(dir, fmt.Sprint("ep", ep))); err != nil {
			t.Fatal(err)
		}
	}
	r := rigReportOf(t, dir, "--stride", "2")
	if fmt.Sprint(r.Cameras, r.Instants, r.Stride) != "[2 3] [3 4] 2" || r.Scores[0].Pairs != 8 {
		t.Errorf("%+v", r)
	}
	want := (2*(9.0-1)/27 + 6*(16.0-1)/48) / 8
	if math.Abs(r.Chance.Alignment-want) > 1e-12 {
		t.Errorf("chance %g, want %g", r.Chance.Alignment, want)
	}
}

// videos is a rig's folder with n motion JPEGs that show the same instants, and the capture times of their
// frames if there are any.
func videos(t *testing.T, n, frames int, times string) string {
	t.Helper()
	dir := t.TempDir()
	for c := range n {
		var clip bytes.Buffer
		for i := range frames {
			clip.Write(bareJPEG(t, uint8(15*i+c)))
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("cam_%d.mjpeg", c)), clip.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if times != "" {
		if err := os.WriteFile(filepath.Join(dir, "timestamps.csv"), []byte("cam_id,frame_time\n"+times), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEvalReadsTheVideosOfARig(t *testing.T) {
	r := rigReportOf(t, videos(t, 2, 10, ""))
	if fmt.Sprint(r.Cameras, r.Instants, r.Missed) != "[2] [10] 0" || r.Scores[0].Alignment > 0.1 {
		t.Errorf("%+v", r)
	}
	// The second camera started two frames later: what it shows at the same instant is another of its frames.
	var times strings.Builder
	for i := range 10 {
		fmt.Fprintf(&times, "0,%g\n1,%g\n", 100+float64(i)/10, 100.22+float64(i)/10)
	}
	r = rigReportOf(t, videos(t, 2, 10, times.String()))
	if fmt.Sprint(r.Instants, r.Missed) != "[8] 2" || r.Scores[0].Alignment < 0.1 {
		t.Errorf("%+v", r)
	}
}

func TestEvalOfARigSaysWhatToDo(t *testing.T) {
	run, album, empty := learned(t), pictures(t, 2, 3), t.TempDir()
	one := filepath.Join(t.TempDir(), "one")
	if err := os.MkdirAll(one, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(pictures(t, 1, 3), "scene0"), filepath.Join(one, "cam0")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args string
		code int
		says string
	}{
		{"eval --checkpoint " + run, 2, "or --checkpoint and --rig"},
		{"eval --checkpoint " + run + " --images " + album + " --rig " + album, 2, "drop one of them"},
		{"eval --checkpoint " + run + " --images " + album + " --label-fraction 0", 2, "--label-fraction 0 must lie in (0, 1]"},
		{"eval --checkpoint " + run + " --images " + album + " --stride 2", 2, "--stride is for --rig"},
		{"eval --checkpoint " + run + " --rig " + album + " --label-fraction 0.5", 2, "--label-fraction and --finetune are for --images"},
		{"eval --checkpoint " + run + " --rig " + album + " --stride 0", 2, "--stride 0 must be 1 or more"},
		{"eval --checkpoint " + run + " --rig " + album + " --stride 3", 1, "a stride of 3 leaves one instant; choose a smaller --stride"},
		{"eval --checkpoint " + run + " --rig " + empty, 1, "holds none (expected "},
		{"eval --checkpoint " + run + " --rig " + one, 1, "was filmed by one camera (cam0); views are compared between two or more"},
		{"eval --checkpoint " + run + " --rig " + videos(t, 2, 3, "0,1\n0,2\n0,3\n1,11\n1,12\n1,13\n"), 1, "their frames have 0 instants in common; check that they were filmed together"},
		{"eval --checkpoint /nowhere --rig " + album, 1, "give --checkpoint a run's folder"},
	} {
		r := nearfar(t, strings.Fields(tc.args)...)
		if r.code != tc.code || !strings.Contains(r.err, tc.says) || r.out != "" {
			t.Errorf("nearfar %s\ncode %d, not %d; wants %q in\n%s", tc.args, r.code, tc.code, tc.says, r.err)
		}
	}
}

func TestEvalTrainsItsProbeOnAFractionOfTheLabels(t *testing.T) {
	album := pictures(t, 3, 20)
	r := nearfar(t, "eval", "--checkpoint", learned(t), "--images", album, "--label-fraction", "0.2")
	if r.code != exitOK || !strings.Contains(r.out, "linear: trained on 6 labels") || !strings.Contains(r.out, "uniform") {
		t.Errorf("%+v", r)
	}
}

func TestAColumnShowsWhatWasFineTuned(t *testing.T) {
	table := func(tuned float64) string {
		var b strings.Builder
		printScores(&b, []look.Score{{Name: "raw"}, {Name: "trained", RankMe: 3, Dim: 4, FineTuned: tuned, Labels: 1}})
		return b.String()
	}
	if plain := table(0); strings.Contains(plain, "tuned") || !strings.Contains(plain, "trained on 1 label\n") {
		t.Errorf("without:\n%s", plain)
	}
	if with := table(0.875); !strings.Contains(with, "  tuned\n") || !strings.Contains(with, "  87.5%\n") {
		t.Errorf("with:\n%s", with)
	}
}

// What raw pixels make of real rigs at 64 px. On caliscope, where two cameras lie on their side or upside
// down, they do worse than chance: some frames are near to everything.
func TestRawPixelsOfRealRigs(t *testing.T) {
	for _, c := range []struct {
		dir               string
		cameras, instants int
		least, most       float64
		recordings, pairs int
	}{
		{"bridge3cam", 3, 10, 0.315, 0.329, 13, 78},
		{"caliscope/4_cam_recording", 4, 48, 0.35, 0.375, 1, 12},
	} {
		t.Run(c.dir, func(t *testing.T) {
			recordings, err := eval.Recordings(realdata.Dir(t, c.dir))
			if err != nil || len(recordings) != c.recordings {
				t.Fatalf("%d recordings, %v", len(recordings), err)
			}
			var rigs []look.Rig
			var raw [][]float32
			for _, rec := range recordings {
				rig, missed, err := readRecording(t.Context(), rec, 64, 1)
				if err != nil || missed != 0 || len(rig.Cameras) != c.cameras || len(rig.Cameras[0]) != c.instants {
					t.Fatalf("%s: %d cameras, %d missed, %v", rec.Path, len(rig.Cameras), missed, err)
				}
				rigs, raw = append(rigs, rig), append(raw, look.Raw(rig.Frames()))
			}
			s, err := look.JudgeViews("raw", rigs, raw, 3*64*64, 1)
			if err != nil || s.Alignment < c.least || s.Alignment > c.most || s.Pairs != c.pairs || s.Stuck == 0 {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}
