package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Each case is a configuration and every line its loading says, in order.
func TestEveryProblemIsReportedWithItsPlace(t *testing.T) {
	cases := map[string]struct {
		text string
		o    Options
		want []string
	}{
		"unknown keys": {
			text: "run:\n  sead: 1\n  wholly_other: 2\nkafak:\n  x: 1\n",
			want: []string{
				"c.yaml:2:3: run.sead: unknown key, did you mean seed?",
				"c.yaml:3:3: run.wholly_other: unknown key, known are apart, drain, for, frames, memory, name, out, precision, seed, steps and threads",
				"c.yaml:4:1: kafak: unknown key, did you mean kafka?",
			},
		},
		"wrong kinds": {
			text: "run: 3\nsinks: files\nmodel:\n  projection: [1]\n  hidden: many\n  norm:\nsampler:\n    near:        5\ntrain:\n  lr: .nan\nkafka:\n  max_frame: huge\n",
			want: []string{
				`c.yaml:1:1: run: must be a group of keys, is the value "3"`,
				`c.yaml:2:1: sinks: must be a list, is the value "files": write it as [a, b] or as lines that begin with -`,
				"c.yaml:4:15: model.projection: must be a single value, is a list",
				`c.yaml:5:11: model.hidden: must be a whole number of at most 64 bits, is "many"`,
				"c.yaml:6:3: model.norm: has no value, give one or drop the line",
				`c.yaml:8:18: sampler.near: must be a duration like 200ms, 10s or 1h30m, is "5"`,
				`c.yaml:10:7: train.lr: must be a number, is ".nan"`,
				`c.yaml:12:14: kafka.max_frame: "huge" is no size, write it like 4MiB, 500kB or 4096`,
			},
		},
		"values out of range stand beside unknown keys": {
			text: "train:\n  momentum: 1\n  oops: 1\nmodel:\n  encoder: smal\nobjectives:\n  - kind: moco\n  - temperature: -1\n",
			want: []string{
				"c.yaml:2:13: train.momentum: 1 must be at least 0 and below 1",
				"c.yaml:3:3: train.oops: unknown key, known are collapse, lr, max_lag, momentum, optimizer, probe, schedule, warmup and weight_decay",
				`c.yaml:5:12: model.encoder: "smal" is unknown, did you mean small?`,
				"c.yaml:8:5: objectives[1].name: objectives[0] is called moco too, give each a name of its own",
				"c.yaml:8:18: objectives[1].temperature: -1 must lie between 0.001 and 100",
			},
		},
		"a problem between two values is told at the one that was said": {
			text: "train:\n  schedule: cosine\n",
			want: []string{"c.yaml:2:13: train.schedule: cosine falls to 0 at run.steps, which is 0: set run.steps, or schedule: constant"},
		},
		"broken yaml": {
			text: "run:\n  seed: [1\nkafka: 2\n",
			want: []string{"c.yaml:3:1: no yaml: ',' or ']' must be specified (references like ${VAR} inside [ ] or { } need quotes)"},
		},
		"a key said twice": {
			text: "run:\n  seed: 1\n  seed: 2\n",
			want: []string{`c.yaml:3:3: no yaml: mapping key "seed" already defined at [2:3] (references like ${VAR} inside [ ] or { } need quotes)`},
		},
		"two documents": {
			text: "run: {seed: 1}\n---\nrun: {seed: 2}\n",
			want: []string{"c.yaml:3:1: is a second document in the file, keep one and drop what follows the ---"},
		},
		"a list for a file": {
			text: "- run\n",
			want: []string{"c.yaml:1:1: must be a group of keys, is a list"},
		},
		"references": {
			text: "run:\n  name: ${NOT_SET}\n  out: ${file:/does/not/exist}\n  seed: ${WORD:abc}\n  for: ${open\nkafka:\n  dir: ${1x}\n",
			want: []string{
				"c.yaml:2:9: run.name: ${NOT_SET}: the environment variable NOT_SET is not set, set it or give a default as ${NOT_SET:default}",
				"c.yaml:3:8: run.out: ${file:/does/not/exist}: open /does/not/exist: no such file or directory, create the file or fix its path",
				`c.yaml:4:9: run.seed: must be a whole number, not negative, of at most 64 bits, is "${WORD:abc}"`,
				`c.yaml:5:8: run.for: "${open" has a ${ without its }, close it or write $${ for the characters themselves`,
				"c.yaml:7:8: kafka.dir: ${1x} names no environment variable, write ${VAR}, ${VAR:default} or ${file:/path}",
			},
		},
		"environment and flags": {
			o: Options{
				Environ:  []string{"NEARFAR_RUN_SEED=x", "NEARFAR_RUN_SEDE=1", "NEARFAR_DATA=/d", "NEARFAR_SINKS=[{kind: topci}]"},
				Settings: []Setting{{"--lr", "train.lr", "-1"}, {"--set", "trian.lr", "1"}},
			},
			want: []string{
				"--lr: train.lr: -1 must be above 0 (and at most 100), 0.001 suits adam",
				"--set: trian.lr: unknown key, did you mean train.lr?",
				"NEARFAR_RUN_SEDE: sets nothing in the configuration, did you mean NEARFAR_RUN_SEED?",
				`NEARFAR_RUN_SEED: run.seed: must be a whole number, not negative, of at most 64 bits, is "x"`,
				`NEARFAR_SINKS: sinks[0].kind: "topci" is unknown, did you mean topic?`,
			},
		},
		"aliases": {
			text: "run: {name: *nobody}\nmodel: !!binary x\nbank:\n  <<: 3\n",
			want: []string{
				"c.yaml:1:13: run.name: uses *nobody, which no anchor before it explains (or more than 1000 times), write &nobody where it is defined",
				"c.yaml:2:8: model: has the yaml tag !!binary, which means nothing here, take it off",
				"c.yaml:4:7: bank: << merges the value \"3\", it must merge a group of keys",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := ""
			if tc.text != "" {
				path = write(t, tc.text)
			}
			_, err := Load(path, tc.o)
			if err == nil {
				t.Fatal("loaded")
			}
			if got, want := err.Error(), strings.Join(tc.want, "\n"); got != want {
				t.Errorf("says\n%s\nwants\n%s", got, want)
			}
		})
	}
}

func TestMissingFileSaysWhatToDo(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Load("no.yaml", Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "no.yaml: there is no such file, ") {
		t.Errorf("%v", err)
	}
	if _, err = Load(".", Options{}); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("%v", err)
	}
}

func TestBillionLaughsAreCutShort(t *testing.T) {
	var b strings.Builder
	b.WriteString("x0: &x0 {a: 1}\n")
	for i := range 30 {
		fmt.Fprintf(&b, "x%d: &x%d {<<: [*x%d, *x%d]}\n", i+1, i+1, i, i)
	}
	b.WriteString("run: {<<: *x30}\n")
	if _, err := Load(write(t, b.String()), Options{}); err == nil {
		t.Error("loaded")
	}
}

func TestSecretsStayOutOfMessages(t *testing.T) {
	path := write(t, "kafka:\n  frames: ${file:s}\n  embeddings: ${file:s}\n")
	if err := os.WriteFile("s", []byte("top secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, Options{})
	if err == nil || strings.Contains(err.Error(), "top secret") || !strings.Contains(err.Error(), "***") {
		t.Errorf("%v", err)
	}
}
