package main

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model/objective"
)

// drawn is the size of a preview, px; the file must be a picture with something on it.
func drawn(t *testing.T, path string) (width, height int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			seen[img.At(x, y)] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("%s has %d colours", path, len(seen))
	}
	return img.Bounds().Dx(), img.Bounds().Dy()
}

func TestEveryKindHasAPreview(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range objective.Kinds() {
		path := filepath.Join(dir, kind+".png")
		r := nearfar(t, "preview", "--objective", kind, "--source", "synth:cameras=2,size=64x64", "--frames", "160", "--rows", "2",
			"--set", "sampler.image=32", "--set", "sampler.batch=16", "--out", path)
		if r.code != exitOK || r.err != "" || r.out != "" {
			t.Errorf("%s: %+v", kind, r)
			continue
		}
		if w, h := drawn(t, path); w < 250 || h < 300 {
			t.Errorf("%s is %d×%d", kind, w, h)
		}
	}
}

// A network's answers stand beside its questions: one picture more a row.
func TestPreviewOfACheckpointShowsAnswers(t *testing.T) {
	run, album := filepath.Join(t.TempDir(), "run"), pictures(t, 3, 20)
	text := "objectives: [{kind: rotation}, {kind: inpaint, weight: 0.5}, {kind: jigsaw, name: puzzle}]\n" + strings.Replace(small, "image: 16", "image: 32", 1)
	cfg := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(cfg, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := nearfar(t, "run", "-c", cfg, "--source", album, "--out", run); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	for _, name := range []string{"inpaint", "puzzle"} {
		kind := map[string]string{"puzzle": "jigsaw"}[name]
		if kind == "" {
			kind = name
		}
		dir := t.TempDir()
		before, after := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")
		asked := nearfar(t, "preview", "--objective", kind, "--source", album, "-c", cfg, "--out", before)
		answered := nearfar(t, "preview", "--objective", name, "--source", album, "--checkpoint", run, "--out", after)
		if asked.code != exitOK || answered.code != exitOK {
			t.Fatalf("%+v\n%+v", asked, answered)
		}
		a, _ := drawn(t, before)
		if b, _ := drawn(t, after); b < a+100 {
			t.Errorf("%s: %d px wide with answers, %d without", name, b, a)
		}
	}
	r := nearfar(t, "preview", "--objective", "colour", "--source", album, "--checkpoint", run, "--out", filepath.Join(t.TempDir(), "x.png"))
	if r.code != exitFailure || !strings.Contains(r.err, "was not trained for colour, its objectives are rotation, inpaint, puzzle") {
		t.Errorf("%+v", r)
	}
}

func TestPreviewTakesTheObjectiveThatIsMeant(t *testing.T) {
	listed := []objective.Config{{Kind: "moco"}, {Kind: "jigsaw", Form: "pair"}, {Kind: "jigsaw", Name: "hundred", Permutations: 100}, {Kind: "sla", Name: "rotation"}}
	for name, want := range map[string]objective.Config{
		"jigsaw": listed[1], "hundred": listed[2], "rotation": listed[3], "moco": listed[0], "colour": {Kind: "colour"},
	} {
		c := config.Defaults()
		c.Objectives = append([]objective.Config(nil), listed...)
		if err := choose(&c, name); err != nil || len(c.Objectives) != 1 || c.Objectives[0] != want.WithDefaults() {
			t.Errorf("%s: %+v, %v", name, c.Objectives, err)
		}
	}
	c := config.Defaults()
	if err := choose(&c, "splitbrain"); err != nil || !c.Model.Split {
		t.Errorf("splitbrain: %+v, %v", c.Model, err)
	}
	if err := choose(&c, "nonsense"); err == nil {
		t.Error("nonsense was chosen")
	}
}
