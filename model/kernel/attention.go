package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// LayerNorm normalises each row over its numbers (Ba et al. 2016, arXiv:1607.06450): x (N, C) or (N, H, W, C), each
// place a row; gamma and beta are (C), ε is 1e-5.
func LayerNorm(x, gamma, beta *G.Node) (*G.Node, error) {
	rows, c, err := rowsAndChannels("LayerNorm", x)
	if err != nil {
		return nil, err
	}
	if err := vector("LayerNorm", "gamma", gamma, c); err != nil {
		return nil, err
	}
	if err := vector("LayerNorm", "beta", beta, c); err != nil {
		return nil, err
	}
	mean, rstd := make([]float32, rows), make([]float32, rows)
	o := newOp("LayerNorm", x.Shape()...)
	o.toward = []bool{true, true, true}
	o.run = func(in [][]float32) error {
		C.nf_ln(ptr(in[0]), ptr(in[1]), ptr(in[2]), ptr(o.data), ptr(mean), ptr(rstd), C.long(rows), C.int(c), normEps, nt())
		return nil
	}
	o.derive = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		part := make([]float32, C.nf_ln_part(C.long(rows), C.int(c)))
		var dgamma, dbeta []float32
		dx := newOp("LayerNormGradient", in[0].Shape()...)
		dx.over = 0
		dx.run = func(v [][]float32) error { // dy, x, gamma
			C.nf_ln_back(ptr(v[0]), ptr(v[1]), ptr(v[2]), ptr(mean), ptr(rstd), ptr(dx.data), ptr(dgamma), ptr(dbeta), ptr(part), C.long(rows), C.int(c), nt())
			return nil
		}
		dxNode, err := dx.apply(grad, in[0], in[1])
		if err != nil {
			return nil, err
		}
		gammaNode, err := beside("LayerNormGammaGradient", dxNode, &dgamma, c)
		if err != nil {
			return nil, err
		}
		betaNode, err := beside("LayerNormBetaGradient", dxNode, &dbeta, c)
		return G.Nodes{dxNode, gammaNode, betaNode}, err
	}
	return o.apply(x, gamma, beta)
}

// GELU is x·Φ(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415) by their tanh, which PyTorch calls approximate="tanh":
// ½x(1 + tanh(√(2/π)(x + 0.044715x³))). Any shape of 1 to 4 dimensions.
func GELU(x *G.Node) (*G.Node, error) {
	if err := anyShape("GELU", "x", x); err != nil {
		return nil, err
	}
	o := newOp("GELU", x.Shape()...)
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		C.nf_gelu(ptr(in[0]), ptr(o.data), C.long(len(o.data)), nt())
		return nil
	}
	o.derive = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("GELUGradient", in[0].Shape()...)
		d.over = 1
		d.run = func(v [][]float32) error { // x, dy
			C.nf_gelu_back(ptr(v[0]), ptr(v[1]), ptr(d.data), C.long(len(d.data)), nt())
			return nil
		}
		node, err := d.apply(in[0], grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}

// Attention is scaled dot-product attention of several heads within each sequence (Vaswani et al. 2017,
// arXiv:1706.03762, §3.2): softmax(q·kᵀ/√d)·v. qkv is (N·T, 3·C), the T rows of a sequence one after the other; its columns
// are q, k and v, in each the heads side by side, d = C/heads. The result is (N·T, C).
//
// Errors: T that does not divide the rows, heads that do not divide C.
func Attention(qkv *G.Node, tokens, heads int) (*G.Node, error) {
	if err := shaped("Attention", "qkv", qkv, 2); err != nil {
		return nil, err
	}
	rows, width := qkv.Shape()[0], qkv.Shape()[1]
	if tokens < 1 || rows%tokens != 0 {
		return nil, fmt.Errorf("Attention: qkv has %d rows, which sequences of %d do not divide", rows, tokens)
	}
	if heads < 1 || width%(3*heads) != 0 {
		return nil, fmt.Errorf("Attention: qkv has rows of %d, which are not q, k and v of %d heads", width, heads)
	}
	n, d := rows/tokens, width/3/heads
	weights := make([]float32, n*heads*tokens*tokens)
	o := newOp("Attention", rows, width/3)
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		return failed(C.nf_attention(ptr(in[0]), ptr(o.data), ptr(weights), C.int(n), C.int(tokens), C.int(heads), C.int(d), nt()), "running attention")
	}
	o.derive = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		work := make([]float32, len(weights))
		g := newOp("AttentionGradient", rows, width)
		g.run = func(v [][]float32) error { // qkv, dy
			return failed(C.nf_attention_back(ptr(v[0]), ptr(weights), ptr(v[1]), ptr(g.data), ptr(work), C.int(n), C.int(tokens), C.int(heads), C.int(d), nt()),
				"running the gradient of attention")
		}
		node, err := g.apply(in[0], grad)
		return G.Nodes{node}, err
	}
	return o.apply(qkv)
}

// Shift adds the same numbers to every picture, or sequence: x (N, …) with len(table) numbers each. They are no parameters,
// and get no gradient.
func Shift(x *G.Node, table []float32) (*G.Node, error) {
	if err := anyShape("Shift", "x", x); err != nil {
		return nil, err
	}
	n := x.Shape()[0]
	if each := x.Shape().TotalSize() / n; each != len(table) {
		return nil, fmt.Errorf("Shift: x has %d numbers each (shape %v), and there are %d to add", each, x.Shape(), len(table))
	}
	o := newOp("Shift", x.Shape()...)
	o.over = 0
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		C.nf_bias(ptr(in[0]), ptr(table), ptr(o.data), C.long(n), C.int(len(table)), 0, nt())
		return nil
	}
	o.derive = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) { return G.Nodes{grad}, nil }
	return o.apply(x)
}
