package train

import (
	"fmt"
	"math"
	"time"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams"
)

// Settings are all choices that shape what a run learns.
type Settings struct {
	Run         string // name of the run; model versions are Run@step
	Seed        uint64
	Model       model.Spec
	Sampler     sampler.Config
	Merge       streams.MergeConfig
	Optimizer   model.OptimizerSpec
	LR          float32 // peak learning rate
	Warmup      uint64  // steps of linear warm-up
	Decay       uint64  // steps over which a cosine lowers the rate to zero; 0 keeps it constant
	KeyMomentum float32 // of the key encoder: k ← m·k + (1−m)·q before each step
	Temperature float32
	Bank        int    // keys
	MaxAge      uint64 // steps a key is used as a negative; 0: until it is overwritten
	Every       uint64 // steps between checkpoints, each of which publishes a model version
	Keep        int    // checkpoints kept
	EmbedBatch  int    // frames embedded together
	Probe       Probe
}

// Probe is the online nearest-neighbour accuracy of labelled streams.
type Probe struct {
	Memory      int     // labelled embeddings remembered
	K           int     // neighbours that vote
	Temperature float64 // of their weights exp(s/T)
	Last        int     // predictions averaged
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

// far is the smallest gap of a negative from the anchor's own rig.
func (s Settings) far() time.Duration { return s.Sampler.Far }
