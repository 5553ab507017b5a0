package config

import (
	"errors"
	"github.com/nearfar/nearfar/model/objective"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write puts a configuration into a file named c.yaml and goes to its folder, so that messages name the
// file as short as a user would.
func write(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("c.yaml", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return "c.yaml"
}

// load loads a text that must be right.
func load(t *testing.T, text string, o Options) *Config {
	t.Helper()
	c, err := Load(write(t, text), o)
	if err != nil {
		t.Fatalf("loading:\n%s\n%v", text, err)
	}
	return c
}

func TestDefaultsAreRight(t *testing.T) {
	if _, err := Load("", Options{}); err != nil {
		t.Fatal(err)
	}
}

func TestEmptyFilesAreDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "kafka:\n", "---\n"} {
		if c := load(t, text, Options{}); c.Kafka.Frames != "frames" || c.Model.Projection != 128 {
			t.Errorf("%q: %+v", text, c.Kafka)
		}
	}
}

func TestFileOverridesDefaults(t *testing.T) {
	c := load(t, `
run: {seed: 0x10, for: 2m}
kafka:
  max_frame: 8MiB
  retention: 1h30m
model:
  key_momentum: 1e-1
  encoder: resnet18
objectives:
  - temperature: 0.2
sinks: []
`, Options{})
	if c.Run.Seed != 16 || c.Run.For != 2*time.Minute || c.Kafka.MaxFrame != 8<<20 || c.Kafka.Retention != 90*time.Minute {
		t.Errorf("%+v %+v", c.Run, c.Kafka)
	}
	if c.Model.KeyMomentum != 0.1 || c.Model.Encoder != "resnet18" || c.Model.Projection != 128 {
		t.Errorf("%+v", c.Model)
	}
	if len(c.Objectives) != 1 || c.Objectives[0] != (objective.Config{Kind: "moco", Temperature: 0.2}.WithDefaults()) {
		t.Errorf("a list's elements start from their own defaults: %+v", c.Objectives)
	}
	if len(c.Sinks) != 0 {
		t.Errorf("an empty list replaces the default: %+v", c.Sinks)
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	text := "run:\n  seed: 1\n  threads: 1\n  out: file\n"
	c := load(t, text, Options{
		Environ:  []string{"NEARFAR_RUN_SEED=2", "NEARFAR_RUN_THREADS=2", "OTHER=x"},
		Settings: []Setting{{"--seed", "run.seed", "3"}},
	})
	if c.Run.Seed != 3 || c.Run.Threads != 2 || c.Run.Out != "file" {
		t.Errorf("%+v", c.Run)
	}
}

func TestListsFromEnvironmentAndFlags(t *testing.T) {
	c := load(t, "", Options{
		Environ:  []string{"NEARFAR_KAFKA_BROKERS=a:1, b:2", "NEARFAR_SINKS=[{kind: stdout}]"},
		Settings: []Setting{{"--objectives", "objectives", "[{temperature: 0.2}]"}},
	})
	if got := strings.Join(c.Kafka.Brokers, " "); got != "a:1 b:2" {
		t.Errorf("brokers %q", got)
	}
	if len(c.Sinks) != 1 || c.Sinks[0].Kind != "stdout" || c.Objectives[0].Temperature != 0.2 {
		t.Errorf("%+v %+v", c.Sinks, c.Objectives)
	}
}

func TestReferencesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("hunter2: #x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, "run:\n  seed: ${SEED}\n  name: ${WHO:me}-$${x}-${EMPTY}\nkafka:\n  frames: ${A}.${B:b}\n  dir: ${file:"+secret+"}\n",
		Options{Environ: []string{"SEED=7", "A=a", "EMPTY="}})
	if c.Run.Seed != 7 || c.Run.Name != "me-${x}-" || c.Kafka.Frames != "a.b" || c.Kafka.Dir != "hunter2: #x" {
		t.Errorf("%+v %+v", c.Run, c.Kafka)
	}
}

func TestAnchorsAndMerges(t *testing.T) {
	c := load(t, `
sources:
  - &base {from: a.mp4, name: one, fps: 5}
  - <<: *base
    from: b.mp4
    name: two
run: {name: &n deep, out: *n}
`, Options{})
	if len(c.Sources) != 2 || c.Sources[1].From != "b.mp4" || c.Sources[1].FPS != 5 || c.Sources[1].Name != "two" || c.Run.Out != "deep" {
		t.Errorf("%+v %+v", c.Sources, c.Run)
	}
}

func TestProblemsAreData(t *testing.T) {
	_, err := Load(write(t, "run:\n  name: a/b\n"), Options{})
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 1 {
		t.Fatalf("%v", err)
	}
	if p := ps[0]; p.Where != "c.yaml" || p.Line != 2 || p.Col != 9 || p.Path != "run.name" {
		t.Errorf("%+v", p)
	}
}
