package train

import (
	"fmt"
	"math"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams"
)

// Settings are all choices that shape what a run learns.
type Settings struct {
	Run         string // name of the run; model versions are Run@step
	Seed        uint64
	Model       model.Spec // the encoder; the heads follow from Objectives
	Projection  int        // width of what contrastive losses see
	Hidden      int        // of projectors; 0: as wide as the embedding
	Objectives  []objective.Config
	Sampler     sampler.Config
	Merge       streams.MergeConfig
	Optimizer   model.OptimizerSpec
	LR          float32 // peak learning rate
	Warmup      uint64  // steps of linear warm-up
	Decay       uint64  // steps over which a cosine lowers the rate to zero; 0 keeps it constant
	KeyMomentum float32 // of momentum encoders: k ← m·k + (1−m)·q before each step
	Bank        int     // keys
	MaxAge      uint64  // steps a key is used as a negative; 0: until it is overwritten
	Every       uint64  // steps between checkpoints, each of which publishes a model version
	Keep        int     // newest checkpoints kept
	GoOn        bool    // a checkpoint that cannot be written does not end the run; the next one is tried in its time
	EmbedBatch  int     // frames embedded together
	Probe       Probe

	Precision kernel.Precision `json:"-"` // in which convolutions multiply while learning: of this process, as its threads are
}

// Probe is the online nearest-neighbour accuracy of labelled streams.
type Probe struct {
	Memory      int     // labelled embeddings remembered
	K           int     // neighbours that vote
	Temperature float64 // of their weights exp(s/T)
	Last        int     // predictions averaged
}

// Needs is what the objectives are built for.
func (s Settings) Needs() objective.Needs {
	return objective.Needs{Model: s.Model, Batch: s.Sampler.Batch, Projection: s.Projection, Hidden: s.Hidden,
		KeyMomentum: s.KeyMomentum, Bank: s.Bank, MaxAge: s.MaxAge, Sampler: s.Sampler, Seed: seed.New(s.Seed).At("objectives")}
}

// Spec is the network: the encoder and every objective's heads.
func (s Settings) Spec() model.Spec {
	spec := s.Model
	spec.Heads = objective.Heads(s.Objectives, s.Needs())
	return spec
}

// rate is the learning rate of a step (from 0): linear warm-up, then constant or a half cosine to zero
// (Loshchilov & Hutter 2016, arXiv:1608.03983, without restarts).
func (s Settings) rate(step uint64) float32 {
	if step < s.Warmup {
		return s.LR * float32(step+1) / float32(s.Warmup)
	}
	if s.Decay == 0 {
		return s.LR
	}
	t := min(1, float64(step)/float64(s.Decay))
	return s.LR * float32((1+math.Cos(math.Pi*t))/2)
}

// version names the weights after so many steps.
func (s Settings) version(step uint64) string { return fmt.Sprintf("%s@%d", s.Run, step) }

// untrained is where a run's initial weights are drawn from.
func untrained(root uint64) seed.Seed { return seed.New(root).At("weights") }
