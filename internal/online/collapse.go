package online

import (
	"log/slog"
	"math"
	"sync/atomic"
)

// Collapse raises the alarm when embeddings are all alike or lie on a line (Jing et al. 2022,
// arXiv:2110.09348, call the second dimensional collapse), which a good loss may hide: once when it begins, and
// it says when it is over.
type Collapse struct {
	Std   float64 // share of 1/√Dim below which the standard deviation is no more; 0 never
	Rank  float64 // effective rank below which it is too few directions; 0 never
	After uint64  // steps before which nothing is said
	Dim   int     // of an embedding
	Log   *slog.Logger

	now atomic.Bool
}

// Look takes how a run stands. A Status without embeddings says nothing.
func (c *Collapse) Look(s Status) {
	if s.Step < c.After || s.EffectiveRank == 0 && s.EmbeddingStd == 0 {
		return
	}
	std := s.EmbeddingStd * math.Sqrt(float64(c.Dim))
	collapsed := std < c.Std || s.EffectiveRank < c.Rank || math.IsNaN(std) || math.IsNaN(s.EffectiveRank)
	switch was := c.now.Swap(collapsed); {
	case collapsed && !was:
		c.Log.Warn("embeddings have collapsed: all frames look alike to the model; lower train.lr, raise objectives.temperature or bank.size, and look at what the cameras show (train.collapse says when this is told)",
			"step", s.Step, "std", std, "rank", s.EffectiveRank)
	case was && !collapsed:
		c.Log.Info("embeddings are spread again", "step", s.Step, "std", std, "rank", s.EffectiveRank)
	}
}

// Now says whether the embeddings have collapsed.
func (c *Collapse) Now() bool { return c.now.Load() }
