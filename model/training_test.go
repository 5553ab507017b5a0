package model

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
)

// weigh is a loss with a known gradient: Σ c·z over the unit projections, for fixed random c.
func weigh(n, d int, r interface{ NormFloat64() float64 }) Loss {
	c := make([]float32, n*d)
	for i := range c {
		c[i] = float32(r.NormFloat64())
	}
	return func(z *G.Node) (*G.Node, error) {
		w := G.NewConstant(tensor.New(tensor.WithShape(n, d), tensor.WithBacking(c)))
		p, err := G.HadamardProd(z, w)
		if err != nil {
			return nil, err
		}
		return G.Sum(p)
	}
}

// The directional derivative along a parameter's own gradient equals the gradient's squared norm.
func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	const n = 4
	for _, spec := range specs() {
		w := weights(t, spec, 3)
		r := seed.New(4).Rand()
		net, err := NewTraining(w, n, weigh(n, spec.Projection, r))
		if err != nil {
			t.Fatal(err)
		}
		for i := range net.Input() {
			net.Input()[i] = float32(r.NormFloat64())
		}
		grads := make([][]float32, len(w.Params))
		run := func() float64 {
			cost, err := net.Run(grads)
			if err != nil {
				t.Fatal(err)
			}
			return float64(cost)
		}
		run()
		kept := make([][]float32, len(grads))
		for i, g := range grads {
			kept[i] = slices.Clone(g)
		}
		for i, p := range w.Params {
			norm := math.Sqrt(kernel.SumSquares(kept[i]))
			if norm == 0 {
				t.Errorf("%+v: %s has no gradient", spec, p.Name)
				continue
			}
			if i%3 != 0 && len(w.Params) > 30 {
				continue // of the deep networks every third will do
			}
			// So small a move that the loss changes by hundredths (batch norm over four images is far from
			// linear), so large that float32 still sees it.
			h := min(2e-3, 0.02/norm)
			before := slices.Clone(p.Data)
			move := func(by float64) float64 {
				for j := range p.Data {
					p.Data[j] = before[j] + float32(by*float64(kept[i][j])/norm)
				}
				return run()
			}
			slope := (move(h) - move(-h)) / (2 * h)
			copy(p.Data, before)
			if math.Abs(slope-norm) > 0.05*norm+0.02 {
				t.Errorf("%+v: along the gradient of %s the loss rises by %.4g, the gradient says %.4g", spec, p.Name, slope, norm)
			}
		}
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestInferenceSeesEachImageByItself(t *testing.T) {
	for _, spec := range specs() {
		w := weights(t, spec, 5)
		net, err := NewInference(w, 3, kernel.Eval)
		if err != nil {
			t.Fatal(err)
		}
		r := seed.New(6).Rand()
		images := make([]float32, 5*spec.Image*spec.Image*3)
		for i := range images {
			images[i] = float32(r.NormFloat64())
		}
		all, err := net.Embed(images)
		if err != nil {
			t.Fatal(err)
		}
		last, err := net.Embed(images[4*spec.Image*spec.Image*3:])
		if err != nil {
			t.Fatal(err)
		}
		width := spec.Width()
		if len(all) != 5*width {
			t.Fatalf("%d numbers for five embeddings of %d", len(all), width)
		}
		for i := range width {
			if math.Abs(float64(all[4*width+i]-last[i])) > 1e-4 {
				t.Fatalf("%+v: an image's embedding depends on its neighbours: %v and %v", spec, all[4*width+i], last[i])
			}
		}
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStepsAreTheSameBitForBit(t *testing.T) {
	spec := Spec{Encoder: "small", Image: 32, Norm: "batch", Projection: 16}
	ends := make([][]float32, 2)
	for run := range ends {
		w := weights(t, spec, 7)
		r := seed.New(8).Rand()
		net, err := NewTraining(w, 4, weigh(4, 16, r))
		if err != nil {
			t.Fatal(err)
		}
		opt, err := NewOptimizer(OptimizerSpec{Kind: "adam", WeightDecay: 1e-4}, w.Params)
		if err != nil {
			t.Fatal(err)
		}
		grads := make([][]float32, len(w.Params))
		for range 50 {
			for i := range net.Input() {
				net.Input()[i] = float32(r.NormFloat64())
			}
			if _, err := net.Run(grads); err != nil {
				t.Fatal(err)
			}
			opt.Step(w.Params, grads, 1e-3)
		}
		ends[run] = slices.Concat(w.ParamArena, w.StatArena)
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(ends[0], ends[1]) {
		t.Error("two runs of the same fifty steps end in different weights")
	}
}
