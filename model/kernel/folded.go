package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"
	"math"
	"runtime"

	G "gorgonia.org/gorgonia"
)

// Folds says when the folded convolutions of a graph look at their parameters. The zero value has them look
// in every run.
type Folds struct {
	held    bool
	version int // of the parameters that are held
}

// Hold has the next run look at the parameters and all later ones keep what it saw: for weights that rest.
// Weights that have changed want another Hold.
func (f *Folds) Hold() { f.held, f.version = true, f.version+1 }

// folded is a convolution with a batch norm in its weights.
type folded struct {
	*convolution
	folds   *Folds
	version int
	weights []float32 // w·scale, (O, I, KH, KW)
	scale   []float32 // γ/√(σ²+ε)
	bias    []float32 // β − μ·scale
}

// ConvNorm is Conv2D and a batch norm by its running statistics in one convolution: the norm is a scale and a
// shift by channel, which weights and a bias take up (as Jacob et al. 2018, arXiv:1712.05877, §3.2, fold it). An
// addition of residual (nil: none) and a ReLU are part of the same pass. It has no derivative.
//
// Errors: those of Conv2D, gamma, beta and stats that have not one number a channel, a residual of another
// shape than the output.
func ConvNorm(x, w, gamma, beta, residual *G.Node, stats *Stats, stride, pad int, relu bool, p Precision, folds *Folds) (*G.Node, error) {
	s, err := convShape("ConvNorm", x, w, stride, pad)
	if err != nil {
		return nil, err
	}
	channels := int(s.co)
	if err := vector("ConvNorm", "gamma", gamma, channels); err != nil {
		return nil, err
	}
	if err := vector("ConvNorm", "beta", beta, channels); err != nil {
		return nil, err
	}
	if stats == nil || len(stats.Mean) != channels || len(stats.Var) != channels {
		return nil, fmt.Errorf("ConvNorm: running mean and variance must have %d numbers each, one a channel", channels)
	}
	o := newOp("ConvNorm", int(s.n), int(s.oh), int(s.ow), channels)
	if residual != nil && !residual.Shape().Eq(o.shape) {
		return nil, fmt.Errorf("ConvNorm: the output has shape %v, residual %v; they must be equal", o.shape, residual.Shape())
	}
	var status C.int
	plan := C.nf_conv_infer_new(&s, boolean(residual != nil), boolean(relu), boolean(p == BF16), nt(), &status)
	c, err := planOf(plan, s, p, status)
	if err != nil {
		return nil, err
	}
	f := &folded{convolution: c, folds: folds, version: -1,
		weights: make([]float32, w.Shape().TotalSize()), scale: make([]float32, channels), bias: make([]float32, channels)}
	o.run = func(in [][]float32) error {
		if residual != nil && &in[4][0] != &o.data[0] {
			copy(o.data, in[4]) // the convolution adds to what lies there
		}
		return f.run(in, stats, o.data)
	}
	if residual == nil {
		return o.apply(x, w, gamma, beta)
	}
	o.over = 4
	return o.apply(x, w, gamma, beta, residual)
}

// run takes x, w, gamma, beta.
func (f *folded) run(in [][]float32, stats *Stats, y []float32) error {
	defer runtime.KeepAlive(f.convolution)
	if !f.folds.held || f.version != f.folds.version {
		for c := range f.scale {
			scale := float64(in[2][c]) / math.Sqrt(float64(stats.Var[c])+normEps)
			f.scale[c] = float32(scale)
			f.bias[c] = float32(float64(in[3][c]) - float64(stats.Mean[c])*scale)
		}
		ScaleRows(f.weights, in[1], len(in[1])/len(f.scale), f.scale)
		if err := failed(C.nf_conv_infer_load(f.plan, ptr(f.weights), nt()), "loading the weights of "+f.name); err != nil {
			return err
		}
		f.version = f.folds.version
	}
	return failed(C.nf_conv_infer(f.plan, ptr(in[0]), ptr(f.weights), ptr(f.bias), ptr(y), nt()), "running "+f.name)
}
