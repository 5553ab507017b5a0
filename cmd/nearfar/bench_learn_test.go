package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lines are the JSON lines that a bench prints.
func lines[T any](t *testing.T, out string) (rows []T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	for d.More() {
		var row T
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func TestBenchReplayComparesPoliciesOnOneStream(t *testing.T) {
	args := []string{"bench", "replay", "--images", pictures(t, 5, 12), "--config", configure(t), "--passes", "2", "--seeds", "2",
		"--policies", "none,two_tier", "--streamed", "0.6"}
	r := nearfar(t, args...)
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	rows := lines[replayRow](t, nearfar(t, append(args, "--json")...).out)
	if len(rows) != 6 || rows[0].Name != "raw pixels" || rows[1].Name != "untrained" {
		t.Fatalf("%+v", rows)
	}
	for i, want := range []string{"none 0", "none 1", "two_tier 0", "two_tier 1"} {
		row := rows[2+i]
		if fmt.Sprint(row.Policy, " ", row.Seed) != want || row.Steps == 0 || row.Steps > 36 { // 3 things, 2 visits, 12 views, a step for two
			t.Errorf("%+v", row)
		}
		if !(row.Streamed >= 0 && row.Streamed <= 1 && row.Unseen >= 0 && row.Unseen <= 1) {
			t.Errorf("%+v", row)
		}
		if line := lineWith(t, r.out, fmt.Sprintf("%-12s %6d ", row.Policy, row.Seed)); !strings.Contains(line, fmt.Sprintf("%.1f%%", 100*row.Streamed)) {
			t.Errorf("as JSON %+v, in the table %s", row, line)
		}
	}
	if line := lineWith(t, r.out, "two_tier       mean"); !strings.Contains(line, fmt.Sprintf("%.1f%%", 50*(rows[4].Streamed+rows[5].Streamed))) {
		t.Errorf("%s is no mean of %+v", line, rows[4:])
	}
}

func TestBenchReplayRefusesWhatItCannotCompare(t *testing.T) {
	for want, args := range map[string][]string{
		`replay policy "lifo" is unknown, there are none, fifo`: {"--images", "x", "--policies", "lifo"},
		"--images DIR, at least one pass":                       {"--policies", "fifo"},
		"there must be two that are and two that are not":       {"--images", pictures(t, 3, 2)},
		"a --streamed share between 0 and 1":                    {"--images", "x", "--streamed", "1"},
	} {
		if r := nearfar(t, append([]string{"bench", "replay"}, args...)...); r.code == exitOK || !strings.Contains(r.err, want) {
			t.Errorf("%v: %+v, want %q", args, r, want)
		}
	}
}

// recordings is a folder of recordings of a rig, as many instants each.
func recordings(t *testing.T, n, cameras, instants int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		if err := os.Rename(pictures(t, cameras, instants), filepath.Join(dir, fmt.Sprint("take", i))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBenchViewsLeavesRecordingsOut(t *testing.T) {
	cfg := configure(t)
	text, err := os.ReadFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg, append(text, "objectives: [{kind: scl, positives: view}]\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"bench", "views", "--rig", recordings(t, 3, 2, 6), "--config", cfg, "--steps", "3", "--folds", "3", "--seeds", "2", "--set", "sampler.views=1"}
	r := nearfar(t, args...)
	if r.code != exitOK || !strings.Contains(r.out, "scl, 3 steps") {
		t.Fatalf("%+v", r)
	}
	rows := lines[viewsRow](t, nearfar(t, append(args, "--json")...).out)
	if len(rows) != 7 {
		t.Fatalf("%d lines: %+v", len(rows), rows)
	}
	head := 0.0
	for i, row := range rows[:6] {
		if row.Fold != i/2 || row.Seed != i%2 || row.Raw != rows[0].Raw { // the recordings are alike
			t.Errorf("%+v", row)
		}
		if want := 35. / 108; math.Abs(row.Chance-want) > 1e-9 {
			t.Errorf("chance %v of six instants, want %v", row.Chance, want)
		}
		if math.Abs(row.Ratio-row.Head/row.Untrained) > 1e-9 {
			t.Errorf("%+v", row)
		}
		head += row.Head / 6
	}
	if mean := rows[6]; mean.Fold != -1 || math.Abs(mean.Head-head) > 1e-9 {
		t.Errorf("mean %+v, of the heads %v", mean, head)
	}
	// one recording is cut into stretches
	if rows := lines[viewsRow](t, nearfar(t, "bench", "views", "--rig", pictures(t, 2, 12), "--config", cfg, "--steps", "2", "--folds", "3", "--seeds", "1", "--set", "sampler.views=1", "--json").out); len(rows) != 4 || math.Abs(rows[0].Chance-15./48) > 1e-9 {
		t.Errorf("stretches of four instants: %+v", rows)
	}
}

func TestBenchViewsRefusesWhatItCannotScore(t *testing.T) {
	few := recordings(t, 2, 2, 4)
	for want, args := range map[string][]string{
		"--rig DIR, at least 2 --folds":              {"--folds", "3"},
		"2 recordings cannot be dealt into 4 groups": {"--rig", few},
		"one objective can be benched at a time":     {"--rig", few, "--set", "objectives=[{kind: moco}, {kind: npairs}]"},
		"the network has no head \"inpaint\" that takes embeddings": {"--rig", few, "--folds", "2", "--steps", "1", "--set", "sampler.image=32", "--set", "sampler.batch=4",
			"--set", "objectives=[{kind: inpaint}]"},
	} {
		if r := nearfar(t, append([]string{"bench", "views"}, args...)...); r.code == exitOK || !strings.Contains(r.err, want) {
			t.Errorf("%v: %+v, want %q", args, r, want)
		}
	}
}

func TestEvalScoresAHead(t *testing.T) {
	r := nearfar(t, "eval", "--checkpoint", learned(t), "--images", pictures(t, 3, 4), "--head", "moco")
	if r.code != exitOK || !strings.Contains(r.out, ", head moco") {
		t.Errorf("%+v", r)
	}
	if r := nearfar(t, "eval", "--checkpoint", learned(t), "--images", pictures(t, 3, 4), "--head", "rotation"); r.code == exitOK || !strings.Contains(r.err, `no head "rotation" that takes embeddings; it has moco`) {
		t.Errorf("%+v", r)
	}
}
