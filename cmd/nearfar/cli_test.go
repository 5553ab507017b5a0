package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/streams/topic"
)

func TestWrongUsageEndsWithTwo(t *testing.T) {
	for _, tc := range []struct {
		args string
		says string
	}{
		{"--nope", "nearfar: unknown flag: --nope\nSee 'nearfar --help'.\n"},
		{"ingest --nope", "nearfar: unknown flag: --nope\nSee 'nearfar ingest --help'.\n"},
		{"ingest extra", "nearfar: unknown command \"extra\" for \"nearfar ingest\"\nSee 'nearfar ingest --help'.\n"},
		{"ingset", "nearfar: unknown command \"ingset\" for \"nearfar\"\n\nDid you mean this?\n\tingest\n\nSee 'nearfar --help'.\n"},
		{"config", "nearfar: say what to do: check, print, schema or kinds\nSee 'nearfar config --help'.\n"},
		{"config check a.yaml --config b.yaml", "nearfar: name the file once, not as --config and as an argument\nSee 'nearfar config check --help'.\n"},
		{"config check --set near", "nearfar: --set \"near\" must be key=value, like sampler.near=300ms\nSee 'nearfar config check --help'.\n"},
		{"version --log-level loud", "nearfar: --log-level: \"loud\" is unknown, known are debug, error, info and warn\nSee 'nearfar --help'.\n"},
		{"broker --port 70000", "nearfar: --port 70000 must lie between 0 and 65535\nSee 'nearfar broker --help'.\n"},
	} {
		r := nearfar(t, strings.Fields(tc.args)...)
		if r.code != exitUsage || r.err != tc.says || r.out != "" {
			t.Errorf("nearfar %s: code %d, says\n%s\nwants\n%s", tc.args, r.code, r.err, tc.says)
		}
	}
}

func TestBadConfigurationEndsWith78(t *testing.T) {
	t.Chdir(t.TempDir())
	text := "sources:\n  - from: synth\n    fsp: 3\n  - {name: a, from: x.mp4}\n  - {name: a, from: y.mp4}\nmodel:\n  encoder: big\n"
	if err := os.WriteFile("bad.yaml", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	want := `bad.yaml:3:5: sources[0].fsp: unknown key, did you mean fps?
bad.yaml:5:12: sources[2].name: a is the name of sources[1] too, give each camera its own
bad.yaml:7:12: model.encoder: "big" is unknown, known are resnet18, resnet50, small, vit-tiny and vit-tiny-8
nearfar: 3 problems in the configuration, nothing was started
`
	for _, args := range [][]string{{"config", "check", "bad.yaml"}, {"config", "print", "-c", "bad.yaml"}, {"ingest", "-c", "bad.yaml", "--brokers", "127.0.0.1:1"}} {
		if r := nearfar(t, args...); r.code != exitConfig || r.err != want || r.out != "" {
			t.Errorf("%v: code %d, says\n%s\nwants\n%s", args, r.code, r.err, want)
		}
	}
	r := nearfar(t, "ingest")
	if r.code != exitConfig || !strings.Contains(r.err, "sources: names no camera") || !strings.Contains(r.err, "kafka.brokers: names no broker") {
		t.Errorf("ingest of nothing to nowhere: code %d, says %s", r.code, r.err)
	}
}

func TestFlagsAreValuesOfTheConfiguration(t *testing.T) {
	r := nearfar(t, "config", "print", "--brokers", "a:1,b:2", "--set", "sampler.near=123ms", "-s", "rtsp://ann:hunter2@h/x", "--log-format", "json")
	if r.code != exitOK || r.err != "" {
		t.Fatalf("%d %s", r.code, r.err)
	}
	for _, want := range []string{`brokers: ["a:1", "b:2"]`, "near: 123ms", "format: json"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	if strings.Contains(r.out, "hunter2") {
		t.Error("a password is printed")
	}
}

func TestPrintedConfigurationIsRight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printed.yaml")
	r := nearfar(t, "config", "print", "--source", "synth")
	if err := os.WriteFile(path, []byte(r.out), 0o644); err != nil {
		t.Fatal(err)
	}
	again := nearfar(t, "config", "print", path)
	if again.code != exitOK || again.out != r.out {
		t.Errorf("code %d, %s\n%s\nbecomes\n%s", again.code, again.err, r.out, again.out)
	}
	check := nearfar(t, "config", "check", path)
	if want := path + " is right: 3 cameras, encoder small, 2 sinks\n"; check.out != want {
		t.Errorf("%q, not %q (%s)", check.out, want, check.err)
	}
	asJSON := nearfar(t, "config", "print", path, "--json")
	if !json.Valid([]byte(asJSON.out)) {
		t.Errorf("no JSON: %s", asJSON.out)
	}
}

func TestExamplesAreRight(t *testing.T) {
	files, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v %v", files, err)
	}
	t.Setenv("KAFKA_PASSWORD", "secret")
	for _, file := range files {
		if r := nearfar(t, "config", "check", file); r.code != exitOK {
			t.Errorf("%s: code %d\n%s", file, r.code, r.err)
		}
	}
}

func TestClusterExampleNeedsItsPassword(t *testing.T) {
	r := nearfar(t, "config", "check", "../../deploy/examples/cluster.yaml")
	if r.code != exitConfig || !strings.Contains(r.err, "kafka.sasl.password: ${KAFKA_PASSWORD}: the environment variable KAFKA_PASSWORD is not set") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

func TestSchemaIsJSON(t *testing.T) {
	r := nearfar(t, "config", "schema")
	if r.code != exitOK || !json.Valid([]byte(r.out)) || !strings.Contains(r.out, "key_momentum") {
		t.Errorf("code %d\n%s", r.code, r.out)
	}
}

func TestKindsAreListed(t *testing.T) {
	r := nearfar(t, "config", "kinds")
	for _, want := range []string{"source     synth", "encoder    resnet18", "objective  moco", "sink       files"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
}

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	if r := nearfar(t, "version"); r.code != exitOK || !strings.HasPrefix(r.out, "nearfar ") || !strings.Contains(r.out, "go1.") {
		t.Errorf("%+v", r)
	}
	var b buildInfo
	if err := json.Unmarshal([]byte(nearfar(t, "version", "--json").out), &b); err != nil || b.Version == "" || b.Commit == "" {
		t.Errorf("%+v %v", b, err)
	}
}

func TestCompletionIsThere(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := nearfar(t, "completion", shell); r.code != exitOK || len(r.out) < 500 {
			t.Errorf("%s: code %d, %d bytes", shell, r.code, len(r.out))
		}
	}
	if r := nearfar(t, "__complete", "ing"); !strings.Contains(r.out, "ingest") {
		t.Errorf("completes to %q", r.out)
	}
}

func TestHelpGoesToStandardOutput(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"ingest", "--help"}, {"config", "check", "--help"}} {
		if r := nearfar(t, args...); r.code != exitOK || r.out == "" || r.err != "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := nearfar(t); strings.Contains(r.out, "capture ") && strings.Contains(r.out, "started by run") {
		t.Error("the hidden command is shown")
	}
}

func TestExitCodes(t *testing.T) {
	stopped, stop := context.WithCancelCause(context.Background())
	stop(interrupted{syscall.SIGTERM})
	for _, tc := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{t.Context(), nil, 0},
		{t.Context(), errors.New("x"), 1},
		{t.Context(), fmt.Errorf("x: %w", topic.ErrUnreachable), 69},
		{t.Context(), config.Problems{{Text: "x"}}, 78},
		{t.Context(), usagef("nearfar", "x"), 2},
		{stopped, nil, 0},
		{stopped, context.Canceled, 143},
		{stopped, fmt.Errorf("writing: %w", context.Cause(stopped)), 143},
		{stopped, errors.New("x"), 1},
	} {
		a := &app{err: new(strings.Builder)}
		if got := a.exit(tc.ctx, tc.err); got != tc.want {
			t.Errorf("%v: %d, not %d", tc.err, got, tc.want)
		}
	}
}

func TestErrorsShowNoCredentials(t *testing.T) {
	var out strings.Builder
	a := &app{err: &out}
	a.exit(t.Context(), errors.New("opening rtsp://ann:hunter2@h/x: refused"))
	if strings.Contains(out.String(), "hunter2") {
		t.Error(out.String())
	}
}

func TestCaptureIsNotForHands(t *testing.T) {
	if r := nearfar(t, "capture"); r.code != exitFailure || !strings.Contains(r.err, "not by hand") {
		t.Errorf("%+v", r)
	}
}
