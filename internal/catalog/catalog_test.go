package catalog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sources"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// problems lists what a configuration's checks say, as "path: text".
func problems(c config.Config) []string {
	var out []string
	report := func(path, format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) }
	c.Check(report)
	Check(&c, report)
	return out
}

// names lists the components of a role.
func names(role string) []string {
	var out []string
	for _, c := range Table() {
		if c.Role == role {
			out = append(out, c.Name)
		}
	}
	return out
}

func TestTableListsWhatConfigurationsMayName(t *testing.T) {
	set := map[string]func(*config.Config, string){
		"source":    func(c *config.Config, s string) { c.Sources = []sources.Config{{From: "x", Kind: s}} },
		"encoder":   func(c *config.Config, s string) { c.Model.Encoder = s },
		"objective": func(c *config.Config, s string) { c.Objectives[0].Kind, c.Model.Split = s, s == "splitbrain" },
		"sink":      func(c *config.Config, s string) { c.Sinks = []config.SinkConfig{{Kind: s}} },
	}
	for role, put := range set {
		for _, name := range names(role) {
			c := config.Defaults()
			if put(&c, name); len(problems(c)) > 0 {
				t.Errorf("%s %s is in the table and refused: %v", role, name, problems(c))
			}
		}
		c := config.Defaults()
		put(&c, "?")
		said := strings.Join(problems(c), "\n")
		for _, name := range names(role) {
			said = strings.Replace(said, name, "", 1)
		}
		if strings.Count(said, "\n") > 0 || said == "" {
			t.Errorf("%s ?: %v", role, problems(c))
		}
	}
	if got := slices.Sorted(slices.Values(names("encoder"))); !slices.Equal(got, model.Encoders()) {
		t.Errorf("encoders %v, the model has %v", got, model.Encoders())
	}
}

func TestEverySynthEntryIsOneRigOfCameras(t *testing.T) {
	cameras, err := Cameras([]sources.Config{{From: "synth", Cameras: 2}, {From: "a/clip.mp4"}, {From: "b/clip.mp4"}, {From: "rtsp://ann:pw@host/door"}}, 7, noon)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range cameras {
		got = append(got, fmt.Sprintf("%s of %s, entry %d, live %v, seed %d", c.Name, c.Rig, c.Entry, c.Live, c.Config.Seed))
		if !c.Config.Start.Equal(noon) {
			t.Errorf("%s starts at %v", c.Name, c.Config.Start)
		}
	}
	want := []string{
		"synth-0 of synth, entry 0, live true, seed 7", "synth-1 of synth, entry 0, live true, seed 7",
		"clip of clip, entry 1, live false, seed 0", "clip-2 of clip-2, entry 2, live false, seed 0",
		"host-door of host-door, entry 3, live true, seed 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwants\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestProblemsOfAKindAreToldUnderTheSourcesKey(t *testing.T) {
	c := config.Defaults()
	c.Sources = []sources.Config{{From: "synth", Objects: 3, Size: "8x8"}, {From: "x.mp4", Name: "n"}, {From: "y.mp4", Name: "n"}}
	got := strings.Join(problems(c), "\n")
	for _, want := range []string{"sources[0].objects: ", "sources[0].size: ", "sources[2].name: n is the name of sources[1] too"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestEveryKindOpens(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "0.jpg"), []byte{0xff, 0xd8, 0xff}, 0o644); err != nil {
		t.Fatal(err)
	}
	cameras, err := Cameras([]sources.Config{{From: dir}, {From: "synth", Pace: "fast"}, {From: "synth"}, {From: "rtsp://127.0.0.1:1/x"}, {From: "7"}}, 1, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cameras {
		src, err := Open(c)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if src.Live() != c.Live {
			t.Errorf("%s is live: %v, its source says %v", c.Name, c.Live, src.Live())
		}
	}
	if _, err := Open(Camera{Name: "x", Config: sources.Config{Kind: "radio"}}); err == nil {
		t.Error("a source of an unknown kind opens")
	}
}
