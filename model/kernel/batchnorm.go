package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Stats are the running statistics of a batch norm, (C) each, owned by the caller and saved with the model.
type Stats struct {
	Mean, Var []float32
}

// Mode says which statistics a batch norm normalises with.
type Mode int

const (
	Train       Mode = iota // those of the batch, which also move the running statistics
	TrainFrozen             // those of the batch; the running statistics stay
	Eval                    // the running statistics
)

// Batch norm as PyTorch has it: the running statistics take one tenth of each batch, with the variance
// unbiased there and biased in the normalisation.
const (
	normMomentum = 0.1
	normEps      = 1e-5
)

// batchNorm is what forward and backward of one batch norm share.
type batchNorm struct {
	rows, channels int
	stats          *Stats
	mode           Mode
	relu           bool
	residual       bool
	fold           []float32 // scale and shift that the norm comes to, 2C
	mean, rstd     []float32
	part           []float32 // sums of blocks of rows
}

// BatchNorm is batch norm over all but the last dimension, with ReLU after it where asked (Ioffe &
// Szegedy 2015, arXiv:1502.03167). x is (N, H, W, C) or (N, C); gamma, beta and both stats are (C).
//
// Errors: shapes that do not fit, nil stats in a mode that needs them (Train, Eval).
func BatchNorm(x, gamma, beta *G.Node, stats *Stats, mode Mode, relu bool) (*G.Node, error) {
	return batchNormOp("BatchNorm", x, gamma, beta, nil, stats, mode, relu)
}

// BatchNormAdd is relu(BatchNorm(x) + residual) in the same passes, the end of a residual block; the
// residual has x's shape.
func BatchNormAdd(x, gamma, beta, residual *G.Node, stats *Stats, mode Mode) (*G.Node, error) {
	if residual == nil {
		return nil, fmt.Errorf("BatchNormAdd: residual is nil")
	}
	return batchNormOp("BatchNormAdd", x, gamma, beta, residual, stats, mode, true)
}

func batchNormOp(name string, x, gamma, beta, residual *G.Node, stats *Stats, mode Mode, relu bool) (*G.Node, error) {
	rows, channels, err := rowsAndChannels(name, x)
	if err != nil {
		return nil, err
	}
	if err := vector(name, "gamma", gamma, channels); err != nil {
		return nil, err
	}
	if err := vector(name, "beta", beta, channels); err != nil {
		return nil, err
	}
	if residual != nil && !residual.Shape().Eq(x.Shape()) {
		return nil, fmt.Errorf("%s: x has shape %v, residual %v; they must be equal", name, x.Shape(), residual.Shape())
	}
	if mode < Train || mode > Eval {
		return nil, fmt.Errorf("%s: mode %d is none of Train, TrainFrozen, Eval", name, mode)
	}
	if mode != TrainFrozen && (stats == nil || len(stats.Mean) != channels || len(stats.Var) != channels) {
		return nil, fmt.Errorf("%s: running mean and variance must have %d numbers each, one a channel", name, channels)
	}
	b := &batchNorm{rows: rows, channels: channels, stats: stats, mode: mode, relu: relu, residual: residual != nil,
		fold: make([]float32, 2*channels), mean: make([]float32, channels), rstd: make([]float32, channels),
		part: make([]float32, int(C.nf_bn_part(C.long(rows), C.int(channels))))}
	o := newOp(name, x.Shape()...)
	o.run = func(in [][]float32) error { b.forward(in, o); return nil }
	o.derive = b.derive
	o.rounds = true
	o.over = 0
	o.toward = []bool{true, true, true}
	if residual == nil {
		return o.apply(x, gamma, beta)
	}
	o.toward = append(o.toward, true)
	return o.apply(x, gamma, beta, residual)
}

// forward takes x, gamma, beta and perhaps a residual.
func (b *batchNorm) forward(in [][]float32, y *op) {
	var residual []float32
	if b.residual {
		residual = in[3]
	}
	rows, c, relu := C.long(b.rows), C.int(b.channels), boolean(b.relu)
	if b.mode == Eval {
		C.nf_bn_eval(ptr(in[0]), ptr(residual), ptr(in[1]), ptr(in[2]), ptr(y.data), ptr16(y.rounded), ptr(b.fold), ptr(b.mean), ptr(b.rstd),
			ptr(b.stats.Mean), ptr(b.stats.Var), rows, c, relu, normEps, nt())
		return
	}
	var mean, variance []float32
	if b.mode == Train {
		mean, variance = b.stats.Mean, b.stats.Var
	}
	C.nf_bn_train(ptr(in[0]), ptr(residual), ptr(in[1]), ptr(in[2]), ptr(y.data), ptr16(y.rounded), ptr(b.fold), ptr(b.mean), ptr(b.rstd),
		ptr(mean), ptr(variance), rows, c, relu, normMomentum, normEps, ptr(b.part), nt())
}

// derive adds one op that computes all gradients: it gives ∂L/∂x, the others stand beside it.
func (b *batchNorm) derive(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	dx := newOp("BatchNormGradient", in[0].Shape()...)
	dx.over = 0
	dx.rounds = true
	var dgamma, dbeta, dresidual []float32
	dx.run = func(v [][]float32) error { // dy, x, gamma, and y where there is a residual
		var y []float32
		if b.residual {
			y = v[3]
		}
		C.nf_bn_back(ptr(v[0]), ptr(v[1]), ptr(y), ptr(v[2]), ptr(b.fold), ptr(b.mean), ptr(b.rstd), ptr(dx.data), ptr16(dx.rounded),
			ptr(dresidual), ptr(dgamma), ptr(dbeta), C.long(b.rows), C.int(b.channels), boolean(b.relu), boolean(b.mode != Eval), ptr(b.part), nt())
		return nil
	}
	reads := G.Nodes{grad, in[0], in[1]}
	if b.residual {
		reads = append(reads, out)
	}
	dxNode, err := dx.apply(reads...)
	if err != nil {
		return nil, err
	}
	gammaNode, err := beside("BatchNormGammaGradient", dxNode, &dgamma, b.channels)
	if err != nil {
		return nil, err
	}
	betaNode, err := beside("BatchNormBetaGradient", dxNode, &dbeta, b.channels)
	if err != nil {
		return nil, err
	}
	nodes := G.Nodes{dxNode, gammaNode, betaNode}
	if b.residual {
		residualNode, err := beside("BatchNormResidualGradient", dxNode, &dresidual, in[3].Shape()...)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, residualNode)
	}
	return nodes, nil
}

// rowsAndChannels splits (N, H, W, C) or (N, C) into N·H·W and C.
func rowsAndChannels(name string, x *G.Node) (rows, channels int, err error) {
	if x == nil {
		return 0, 0, fmt.Errorf("%s: x is nil", name)
	}
	dims := x.Shape().Dims()
	if dims != 2 && dims != 4 {
		return 0, 0, fmt.Errorf("%s: x must be (N, C) or (N, H, W, C), not %v", name, x.Shape())
	}
	if err := shaped(name, "x", x, dims); err != nil {
		return 0, 0, err
	}
	s := x.Shape()
	channels = s[dims-1]
	return tensor.Shape(s).TotalSize() / channels, channels, nil
}
