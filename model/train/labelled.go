package train

import (
	"errors"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
)

// Labelled is a pretrained encoder with a linear head that names classes, both of which learn: what
// pretraining is for. Its graphs want one operating-system thread (see package model).
type Labelled struct {
	weights   *model.Weights
	optimizer model.Optimizer
	training  *model.Training
	asking    *model.Forward
	learned   []float32 // input of training, (batch, S, S, 3)
	asked     []float32 // input of asking
	labels    loss.Labels
	answer    loss.Told
	logits    model.Reading
}

// labelHead is the head that names classes.
const labelHead = "label"

// NewLabelled puts a new head of so many classes on a copy of the encoder of w, for batches of so many
// pictures. The same seed draws the same head.
func NewLabelled(w *model.Weights, classes, batch int, s seed.Seed) (*Labelled, error) {
	spec := w.Spec
	spec.Heads = []model.Head{{Name: labelHead, Kind: "linear", Out: classes}}
	own, err := model.NewWeights(spec, s)
	if err != nil {
		return nil, err
	}
	if err := own.TakeEncoder(w); err != nil {
		return nil, err
	}
	n := &Labelled{weights: own, labels: loss.Labels{Of: make([]int32, batch)}}
	if n.optimizer, err = model.NewOptimizer(model.OptimizerSpec{Kind: "adam", WeightDecay: 1e-4}, own.Params); err != nil {
		return nil, err
	}
	build := func(mode kernel.Mode) (g *model.Graph, input []float32, logits model.Tap) {
		g = model.NewGraph(own, mode)
		input, x := g.Images("labelled", batch, spec.Image)
		_, embedding := g.Encode(x)
		return g, input, g.Head(labelHead, embedding)
	}
	g, input, logits := build(kernel.Train)
	n.learned = input
	if n.training, err = g.Training(g.Add("cross entropy", logits, 1, func() (*G.Node, error) {
		return loss.CrossEntropy(logits.Node(), &n.labels, &n.answer)
	})); err != nil {
		return nil, err
	}
	g, n.asked, logits = build(kernel.Eval)
	n.logits = g.Read(logits)
	n.asking, err = g.Forward()
	return n, err
}

// Step moves all weights once against the mean cross entropy of a batch of pictures (batch, S, S, 3), which it
// returns.
func (n *Labelled) Step(images []float32, labels []int, rate float64) (float64, error) {
	copy(n.learned, images)
	for i, l := range labels {
		n.labels.Of[i] = int32(l)
	}
	n.optimizer.Begin()
	cost, err := n.training.Run(func(param int, grad []float32) {
		n.optimizer.Move(param, n.weights.Params[param], grad, float32(rate))
	})
	return float64(cost), err
}

// Logits are (batch, classes), each picture by itself; the next call overwrites them.
func (n *Labelled) Logits(images []float32) ([]float32, error) {
	copy(n.asked, images)
	if err := n.asking.Run(); err != nil {
		return nil, err
	}
	return n.logits.Data(), nil
}

// Close frees the graphs' machines.
func (n *Labelled) Close() error { return errors.Join(n.training.Close(), n.asking.Close()) }
