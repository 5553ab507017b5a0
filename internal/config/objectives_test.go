package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/model/objective"
)

// minimal is the shortest configuration of a kind that is right.
func minimal(kind string) string {
	text := "objectives: [{kind: " + kind + "}]\n"
	if kind == "splitbrain" {
		text += "model: {split: true}\n"
	}
	return text
}

func TestEveryKindIsRightByItself(t *testing.T) {
	for _, kind := range objective.Kinds() {
		c := load(t, minimal(kind), Options{})
		if want := (objective.Config{Kind: kind}.WithDefaults()); len(c.Objectives) != 1 || c.Objectives[0] != want {
			t.Errorf("%s: %+v, want %+v", kind, c.Objectives, want)
		}
		if printed := load(t, string(Print(c)), Options{}); printed.Objectives[0] != c.Objectives[0] {
			t.Errorf("%s is printed as %+v", kind, printed.Objectives[0])
		}
	}
	mixed := load(t, "objectives: [{kind: moco, weight: 1}, {kind: rotation, weight: 0.3}, {kind: moco, name: hard, hard: 64, weight: 0.1}]\n", Options{})
	if len(mixed.Objectives) != 3 || mixed.Objectives[1].Weight != 0.3 || mixed.Objectives[2].Name != "hard" {
		t.Errorf("%+v", mixed.Objectives)
	}
}

// Combinations of what is right by itself, and the one line that says what is wrong with each.
func TestCombinationsThatCannotLearnAreRefused(t *testing.T) {
	const synth = "sources: [{from: synth, cameras: 1}]\n"
	for name, tc := range map[string]struct{ text, want string }{
		"predictive coding of one frame": {"objectives:\n  - kind: cpc\n    frames: 1\n",
			"c.yaml:3:13: objectives[0].frames: 1 is too few for cpc, which compares frames with each other: it needs 2 or more"},
		"predictive coding beyond the clip": {"objectives:\n  - {kind: cpc, frames: 3, ahead: 3}\n",
			"c.yaml:2:25: objectives[0].frames: a clip of 3 leaves nothing to predict 3 frames ahead from, make it longer"},
		"order of four frames": {"objectives:\n  - {kind: order, frames: 4}\n",
			"c.yaml:2:27: objectives[0].frames: 4 is too few for order, which compares frames with each other: it needs 5 or more"},
		"clips that no scene can hold": {"sampler: {clip: {stride: 3s}}\nobjectives:\n  - {kind: arrow, frames: 4}\n",
			"c.yaml:3:27: objectives[0].frames: frames of a clip lie sampler.clip.stride (3s) apart, which is longer than sampler.gap (2s), where a scene ends: shorten the stride"},
		"views of one camera, triplets": {synth + "objectives:\n  - kind: triplet\n    positives: view\n",
			"c.yaml:4:16: objectives[0].positives: view pairs cameras of one rig, and every rig here has one camera: give two sources the same rig, or choose temporal"},
		"views of one camera, n-pairs": {"sources: [{from: a.mp4}, {from: b.mp4}]\nobjectives:\n  - {kind: npairs, positives: view}\n",
			"c.yaml:3:31: objectives[0].positives: view pairs cameras of one rig, and every rig here has one camera: give two sources the same rig, or choose temporal"},
		"views that the sampler never pairs": {"sampler: {views: 0}\nobjectives:\n  - {kind: triplet, positives: view}\n",
			"c.yaml:3:32: objectives[0].positives: view pairs cameras of one rig, and sampler.views is 0, so that none ever meet: raise it to 1"},
		"a bank smaller than a batch": {"bank: {size: 63}\nobjectives:\n  - kind: moco\n",
			"c.yaml:3:11: objectives[0].kind: moco keeps a batch in its bank, bank.size must be at least sampler.batch (64), not 63"},
		"instances in a bank smaller than a batch": {"bank: {size: 63}\nobjectives:\n  - kind: npid\n",
			"c.yaml:3:11: objectives[0].kind: npid keeps a batch in its bank, bank.size must be at least sampler.batch (64), not 63"},
		"instances that lose their slots": {"bank: {size: 2047}\nobjectives:\n  - kind: npid\n",
			"c.yaml:3:11: objectives[0].kind: npid has a slot for every frame that may be drawn, bank.size must be at least sampler.replay.size (2048), not 2047"},
		"more hard negatives than keys": {"objectives:\n  - {kind: moco, hard: 5000}\n",
			"c.yaml:2:24: objectives[0].hard: there are 4096 keys in the bank, 5000 hard negatives cannot be chosen from them"},
		"a split brain that is whole": {"objectives:\n  - kind: splitbrain\n",
			"c.yaml:2:11: objectives[0].kind: splitbrain needs an encoder of two halves that do not see each other: set model.split: true"},
		"two of one name": {"objectives:\n  - {kind: moco, name: a}\n  - {kind: rotation, name: a}\n",
			"c.yaml:3:28: objectives[1].name: objectives[0] is called a too, give each a name of its own"},
		"two of one kind without names": {"objectives:\n  - kind: rotation\n  - kind: rotation\n",
			"c.yaml:3:5: objectives[1].name: objectives[0] is called rotation too, give each a name of its own"},
		"a key that means nothing to the kind": {"objectives:\n  - kind: rotation\n    temperature: 0.1\n",
			"c.yaml:3:18: objectives[0].temperature: means nothing to an objective of kind rotation, drop it (its keys are name, weight)"},
		"a key of another kind": {"objectives:\n  - {kind: jigsaw, mask: random}\n",
			"c.yaml:2:26: objectives[0].mask: means nothing to an objective of kind jigsaw, drop it (its keys are name, weight, form, permutations, touching)"},
		"more frames than partners are kept": {"objectives:\n  - {kind: vince, frames: 6}\n",
			"c.yaml:2:27: objectives[0].frames: a scene of 6 frames needs 5 partners of its anchor, and sampler.partners keeps 4: raise it, or set it to 0 (all)"},
		"a negative weight": {"objectives:\n  - {kind: moco, weight: -0.5}\n",
			"c.yaml:2:26: objectives[0].weight: -0.5 must be above 0; leave an objective out rather than give it no weight"},
		"an unknown kind": {"objectives:\n  - kind: rotatoin\n",
			`c.yaml:2:11: objectives[0].kind: "rotatoin" is unknown, there are ` + strings.Join(objective.Kinds(), ", ")},
		"another number of permutations": {"objectives:\n  - {kind: jigsaw, permutations: 25}\n",
			"c.yaml:2:34: objectives[0].permutations: 25 must be 24, 100 or 1000"},
		"pictures that do not divide into places": {"sampler: {image: 40}\nobjectives:\n  - kind: colour\n",
			"c.yaml:3:11: objectives[0].kind: colour: pictures of 40 px do not divide into 12×12 places: choose a sampler.image that is a multiple of 12"},
		"pictures that cannot be decoded": {"sampler: {image: 40}\nobjectives:\n  - kind: inpaint\n",
			"c.yaml:3:11: objectives[0].kind: inpaint: pictures of 40 px cannot be decoded: sampler.image must be 3 times a power of two"},
		"none at all": {"objectives: []\n", "c.yaml:1:1: objectives: names none, there must be one at least: [{kind: moco}]"},
	} {
		_, err := Load(write(t, tc.text), Options{})
		var ps Problems
		if !errors.As(err, &ps) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(ps) != 1 || ps[0].String() != tc.want {
			t.Errorf("%s:\n%v\nwant\n%s", name, err, tc.want)
		}
	}
}

func TestAPlainBatchOfOneIsRefusedWhereRowsAreCompared(t *testing.T) {
	for _, kind := range objective.Kinds() {
		_, err := Load(write(t, minimal(kind)+"sampler: {batch: 1}\n"), Options{})
		compares := map[string]bool{"arrow": true, "byol": true, "cpc": true, "npairs": true, "order": true, "predict": true, "scl": true, "simclr": true, "simsiam": true, "triplet": true, "vicreg": true}
		if compares[kind] != (err != nil && strings.Contains(err.Error(), "sampler.batch must be at least 2, not 1")) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
