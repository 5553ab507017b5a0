package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// scene is a small generated source, and settings that make asking it quick.
var scene = []string{"--source", "synth:cameras=2,size=160x120", "--frames", "400", "--set", "sampler.image=48"}

// probe runs the command and returns what it printed and how much each cue answers right, percent.
func probe(t *testing.T, objective, questions string) (result, map[string]float64) {
	t.Helper()
	kind, _, _ := strings.Cut(objective, ",")
	r := nearfar(t, append([]string{"shortcuts", "--objective", kind, "--questions", questions, "--set", "objectives=[{kind: " + objective + "}]"}, scene...)...)
	if r.code != exitOK {
		t.Fatalf("%s: %+v", objective, r)
	}
	right := map[string]float64{}
	for _, m := range regexp.MustCompile(`by its ([a-z ]+) alone: ([0-9.]+) % right, chance ([0-9.]+) %, [0-9]+ examples`).FindAllStringSubmatch(r.out, -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		right[m[1]] = v
	}
	if len(right) != 3 {
		t.Fatalf("%s: not every cue is told of:\n%s", objective, r.out)
	}
	return r, right
}

// The trap: tiles that touch are put in order by their edges, which teaches nothing.
func TestTilesThatTouchAreFlagged(t *testing.T) {
	touching, by := probe(t, "jigsaw, touching: true", "600")
	if line := lineWith(t, touching.out, "by its border"); by["border"] < 90 || !strings.Contains(line, "a shortcut; leave a gap") || !strings.Contains(touching.err, "WARNING: ") {
		t.Errorf("%s\n%s", touching.out, touching.err)
	}
	if line := lineWith(t, touching.out, "by its tile mean"); !strings.Contains(line, "a shortcut; normalise") {
		t.Error(line)
	}
	apart, gap := probe(t, "jigsaw", "600")
	if gap["border"] > by["border"]-30 {
		t.Errorf("borders are right in %.1f %% with a gap, %.1f %% without", gap["border"], by["border"])
	}
	if line := lineWith(t, apart.out, "by its tile mean"); strings.Contains(line, "a shortcut") {
		t.Errorf("normalised tiles: %s", line)
	}
}

func TestPatchesThatTouchAreFlaggedAndOthersAreNot(t *testing.T) {
	touching, _ := probe(t, "context, touching: true", "900")
	if line := lineWith(t, touching.out, "by its border"); !strings.Contains(line, "a shortcut; leave a gap") {
		t.Error(line)
	}
	apart, _ := probe(t, "context", "900")
	if line := lineWith(t, apart.out, "by its border"); strings.Contains(line, "a shortcut") {
		t.Error(line)
	}
	if line := lineWith(t, apart.out, "the place of a crop"); strings.Contains(line, "solved by the lens") {
		t.Errorf("a generated camera has no lens: %s", line)
	}
}

func TestShortcutsAreLookedForInEveryTaskWithOneRightAnswer(t *testing.T) {
	for _, kind := range []string{"rotation", "sla", "order", "arrow", "jigsaw, form: pair"} {
		r, _ := probe(t, kind, "150")
		if strings.Contains(r.err, "WARNING") != strings.Contains(r.out, "shortcut; ") {
			t.Errorf("%s: %s\n%s", kind, r.out, r.err)
		}
	}
}

func TestWhatHasNoRightAnswerIsNotProbed(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{append([]string{"shortcuts", "--objective", "inpaint"}, scene...), exitFailure, "inpaint asks nothing of these frames that has one right answer"},
		{append([]string{"shortcuts", "--objective", "rotatoin"}, scene...), exitUsage, `objective "rotatoin" is unknown, there are arrow, byol`},
		{append([]string{"shortcuts"}, scene...), exitUsage, "--objective KIND"},
		{[]string{"shortcuts", "--objective", "rotation"}, exitConfig, "names no camera"},
	} {
		if r := nearfar(t, tc.args...); r.code != tc.code || !strings.Contains(r.err, tc.says) {
			t.Errorf("%v: code %d\n%s", tc.args, r.code, r.err)
		}
	}
}

func lineWith(t *testing.T, text, part string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no %q in\n%s", part, text)
	return ""
}
