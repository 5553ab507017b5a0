package train

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
)

// forObjective are settings for one objective over the stream of tests.
func forObjective(kind string, root uint64) Settings {
	set := settingsFor(root)
	c := objective.Config{Kind: kind}
	switch kind {
	case "context", "jigsaw", "inpaint", "colour", "splitbrain": // they cut pictures up
		set.Model.Image, set.Sampler.Image = 32, 32
	}
	if kind == "nce" || kind == "npid" {
		c.Negatives = 32
	}
	if kind == "simclr" {
		c.Accumulate = 2
	}
	if kind == "sla" {
		c.Distill = true
	}
	if kind == "inpaint" {
		c.Adversarial = 0.01
	}
	set.Model.Split = kind == "splitbrain"
	set.Objectives = []objective.Config{c.WithDefaults()}
	set.Sampler.Clip.Stride, set.Sampler.Clip.Frames = 200*time.Millisecond, objective.Frames(set.Objectives)
	return set
}

// Whatever an objective remembers, a killed run ends in the bytes of one that was not.
func TestEveryObjectiveResumesBitForBit(t *testing.T) {
	frames := streamOf(240)
	for _, kind := range objective.Kinds() {
		t.Run(kind, func(t *testing.T) { resumes(t, forObjective(kind, 11), frames, []int{150}) })
	}
}

func TestWeightedObjectivesShareOneEncoderAndResume(t *testing.T) {
	set := forObjective("moco", 12)
	set.Objectives = []objective.Config{
		{Kind: "moco", Weight: 1}, {Kind: "rotation", Weight: 0.3}, {Kind: "vicreg", Weight: 0.01}, {Kind: "moco", Name: "second", Weight: 0.5, Decay: 0.99, Hard: 16}}
	resumes(t, set, streamOf(240), []int{150})
}

// Replay buffers that keep more than one tier, or go by what the encoder sees, resume bit for bit, too.
func TestEveryReplayPolicyResumesBitForBit(t *testing.T) {
	for _, policy := range []string{sampler.ReplayNone, sampler.ReplayFIFO, sampler.ReplayTwoTier, sampler.ReplayMinRed} {
		t.Run(policy, func(t *testing.T) {
			set := settingsFor(14)
			set.Sampler.Replay.Policy, set.Sampler.Replay.Short = policy, 0.25
			resumes(t, set, streamOf(240), []int{150})
		})
	}
}

// The step of two objectives is that of the weighted sum of their gradients.
func TestGradientsAddUpByWeight(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	gradients := func(list ...objective.Config) ([][]float32, []string) {
		set := forObjective("moco", 13)
		set.Objectives = list
		l, s, err := Load(set, streamOf(200))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		d := sampler.Draw{N: l.Rows()}
		if !s.Draw(0, &d) {
			t.Fatal("no batch")
		}
		l.Paint(s, &d)
		if _, err := l.Learn(); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range l.query.Params {
			names = append(names, p.Name)
		}
		return l.grads, names
	}
	a, names := gradients(objective.Config{Kind: "rotation"})
	b, _ := gradients(objective.Config{Kind: "vicreg"})
	both, all := gradients(objective.Config{Kind: "rotation", Weight: 2}, objective.Config{Kind: "vicreg", Weight: 0.5})
	for i, name := range all {
		if at := slices.Index(names, name); at < 0 || a[at] == nil || b[i] == nil && name[:7] == "encoder" {
			continue
		} else if name[:7] == "encoder" {
			for j := range both[i] {
				if want := 2*a[at][j] + 0.5*b[i][j]; abs(both[i][j]-want) > 1e-4*(1+abs(want)) {
					t.Fatalf("%s[%d]: gradient %v, want 2·%v + 0.5·%v", name, j, both[i][j], a[at][j], b[i][j])
				}
			}
		}
	}
}

func abs(x float32) float32 { return max(x, -x) }
