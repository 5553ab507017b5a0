package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// again prints a configuration and loads what was printed.
func again(t interface {
	Fatalf(string, ...any)
}, dir string, c *Config) *Config {
	text := Print(c)
	path := filepath.Join(dir, "printed.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	back, err := Load(path, Options{})
	if err != nil {
		t.Fatalf("loading what was printed: %v\n%s", err, text)
	}
	return back
}

func TestPrintedDefaultsLoadAgain(t *testing.T) {
	c, err := Load("", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if back := again(t, t.TempDir(), c); !reflect.DeepEqual(c, back) {
		t.Errorf("printed\n%+v\nloaded\n%+v", c, back)
	}
}

func TestAnythingPrintedLoadsAgain(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		c := Defaults()
		word := rapid.OneOf(
			rapid.StringMatching(`[ -~]{0,20}`), rapid.String(),
			rapid.SampledFrom([]string{"null", "~", "true", "1e3", "0x1f", "- a", "a: b", "#x", "${A}", "$${A}", "a\nb", " lead", "trail ", "&a", "*a", "!x", "'", `"`, "{", "[", "é", "2026-01-01", "<<", "|", ">", "%a", "@a", "`a", "?", ":", "-", "---", "\t"}),
		)
		c.Kafka.Dir = word.Draw(t, "dir")
		c.Sinks = []SinkConfig{{Kind: "files", Path: word.Draw(t, "path")}}
		c.Run.Seed = rapid.Uint64().Draw(t, "seed")
		c.Run.For = time.Duration(rapid.Int64Min(0).Draw(t, "for"))
		c.Kafka.MaxFrame = Size(rapid.Int64Range(4<<10, 512<<20).Draw(t, "max"))
		c.Kafka.RetentionBytes = 1 << 40
		c.Model.KeyMomentum = rapid.Float64Range(0, 0.999999).Draw(t, "momentum")
		if strings.Contains(c.Kafka.Dir, "://") || strings.Contains(c.Sinks[0].Path, "://") {
			t.Skip("credentials in URLs are masked")
		}
		c.settle() // as loading does
		if back := again(t, dir, &c); !reflect.DeepEqual(&c, back) {
			t.Fatalf("printed\n%+v\nloaded\n%+v", &c, back)
		}
	})
}

func TestPrintMasksSecretsAndURLCredentials(t *testing.T) {
	c := load(t, `
kafka:
  brokers: [kafka:9092]
  sasl: {mechanism: PLAIN, username: ann, password: hunter2}
sources:
  - {name: door, from: "rtsp://ann:hunter2@10.0.0.1/door"}
`, Options{})
	out := Print(c)
	if strings.Contains(string(out), "hunter2") {
		t.Errorf("shows the secret:\n%s", out)
	}
	if !strings.Contains(string(out), "rtsp://***@10.0.0.1/door") {
		t.Errorf("hides too much:\n%s", out)
	}
	if c.Kafka.SASL.Password.Reveal() != "hunter2" {
		t.Error("printing changed the configuration")
	}
	if err := os.WriteFile("printed.yaml", out, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Load("printed.yaml", Options{})
	if err == nil || !strings.Contains(err.Error(), "kafka.sasl.password: holds ***") || !strings.Contains(err.Error(), "sources[0].from: holds ***") {
		t.Errorf("a mask loads as if it were the secret: %v", err)
	}
	back, err := Load("printed.yaml", Options{Sources: c.Sources, Environ: []string{"NEARFAR_KAFKA_SASL_PASSWORD=hunter2"}})
	if err != nil || back.Kafka.SASL.Password != "hunter2" {
		t.Errorf("the secret given anew is not taken: %v", err)
	}
}

func TestJSONIsThePrintedConfiguration(t *testing.T) {
	c := Defaults()
	out, err := JSON(&c)
	if err != nil {
		t.Fatal(err)
	}
	var back struct{ Kafka map[string]any }
	if err := json.Unmarshal(out, &back); err != nil || back.Kafka["max_frame"] != "4MiB" {
		t.Errorf("%v in %s", err, out)
	}
}
