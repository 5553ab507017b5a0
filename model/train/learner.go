package train

import (
	"errors"
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// ErrDiverged says that a loss or a gradient is no longer a number. The weights are those of before the
// step.
var ErrDiverged = errors.New("the loss is not a number any more; lower train.lr or raise objectives.temperature")

// Learner takes one step at a time: momentum contrast (He et al. 2020, arXiv:1911.05722) of a query
// network against the keys of its slow copy and a rolling bank of earlier keys. Its graphs want one
// operating-system thread (see package model).
type Learner struct {
	set       Settings
	step      uint64 // steps taken
	query     *model.Weights
	key       *model.Weights
	optimizer model.Optimizer
	bank      *bank.Rolling

	training  *model.Training
	keys      *model.Inference // in kernel.Train: keys are normalised over their batch, like queries
	positives []float32        // (N, d) keys of the batch
	negatives loss.Negatives
	contrast  loss.Contrast
	grads     [][]float32
	origins   []bank.Origin
}

// NewLearner draws weights from the seed and builds the graphs.
func NewLearner(set Settings) (*Learner, error) {
	query, err := model.NewWeights(set.Model, untrained(set.Seed))
	if err != nil {
		return nil, err
	}
	n, d := set.Sampler.Batch, set.Model.Projection
	l := &Learner{set: set, query: query, key: query.Clone(), bank: bank.New(set.Bank, d),
		positives: make([]float32, n*d), grads: make([][]float32, len(query.Params)), origins: make([]bank.Origin, n)}
	l.bank.MaxAge = set.MaxAge
	if l.optimizer, err = model.NewOptimizer(set.Optimizer, query.Params); err != nil {
		return nil, err
	}
	l.training, err = model.NewTraining(query, n, func(projection *G.Node) (*G.Node, error) {
		return loss.InfoNCE(projection, l.positives, &l.negatives, set.Temperature, &l.contrast)
	})
	if err != nil {
		return nil, err
	}
	l.keys, err = model.NewInference(l.key, n, kernel.Train)
	return l, err
}

// untrained is where a run's initial weights are drawn from.
func untrained(root uint64) seed.Seed { return seed.New(root).At("weights") }

// Paint makes the pictures of a draw: queries of the anchors, keys of their positives, straight into the
// networks' inputs.
func (l *Learner) Paint(s *sampler.Sampler, d *sampler.Draw) {
	s.Paint(l.training.Input(), d.Anchor, l.set.Model.Image, d, "moco.query")
	s.Paint(l.keys.Input(), d.Positive, l.set.Model.Image, d, "moco.key")
}

// Step learns from a draw that has been painted and returns what the loss told. After ErrDiverged the
// parameters are as before the step.
func (l *Learner) Step(d *sampler.Draw) (loss.Contrast, error) {
	l.key.Follow(l.query, l.set.KeyMomentum)
	_, keys, err := l.keys.Run()
	if err != nil {
		return loss.Contrast{}, fmt.Errorf("encoding the keys of step %d: %w", l.step, err)
	}
	copy(l.positives, keys)
	l.gatherNegatives(d)
	cost, err := l.training.Run(l.grads)
	if err != nil {
		return loss.Contrast{}, fmt.Errorf("step %d: %w", l.step, err)
	}
	if !l.finite(cost) {
		return l.contrast, fmt.Errorf("step %d: %w", l.step, ErrDiverged)
	}
	l.optimizer.Step(l.query.Params, l.grads, l.set.rate(l.step))
	for i, f := range d.Positive {
		l.origins[i] = origin(f, l.step)
	}
	l.bank.Enqueue(l.positives, l.origins)
	l.step++
	return l.contrast, nil
}

// gatherNegatives points the loss at the bank and says which keys are no negatives for which query: those
// of the anchor's own rig that are not far in time.
func (l *Learner) gatherNegatives(d *sampler.Draw) {
	neg := &l.negatives
	neg.Keys = l.bank.Keys()
	neg.Row, neg.Slot = append(neg.Row[:0], 0), neg.Slot[:0]
	for _, f := range d.Anchor {
		neg.Slot = l.bank.Masked(neg.Slot, origin(f, l.step), l.set.far())
		neg.Row = append(neg.Row, int32(len(neg.Slot)))
	}
}

// finite looks at the loss and at the sum of squares of every gradient.
func (l *Learner) finite(cost float32) bool {
	if bad(float64(cost)) {
		return false
	}
	for _, g := range l.grads {
		if bad(kernel.SumSquares(g)) {
			return false
		}
	}
	return true
}

func bad(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// Close frees the graphs' machines.
func (l *Learner) Close() error { return errors.Join(l.training.Close(), l.keys.Close()) }

// origin is the provenance of a key made of a frame.
func origin(f *frame.Frame, step uint64) bank.Origin {
	return bank.Origin{Camera: f.Camera, Rig: f.Rig, Captured: f.Captured, Step: step, Ref: f.Ref, Seq: f.Seq}
}
