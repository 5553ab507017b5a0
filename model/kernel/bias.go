package kernel

// #include "kernel.h"
import "C"

import G "gorgonia.org/gorgonia"

// Bias is x + b over the last dimension, with ReLU after it where asked: x (N, H, W, C) or (N, C), b (C).
// After Conv2D it makes a layer without norm.
func Bias(x, b *G.Node, relu bool) (*G.Node, error) {
	rows, c, err := rowsAndChannels("Bias", x)
	if err != nil {
		return nil, err
	}
	if err := vector("Bias", "b", b, c); err != nil {
		return nil, err
	}
	o := newOp("Bias", x.Shape()...)
	o.over = 0
	o.toward = []bool{true, true}
	o.run = func(in [][]float32) error {
		C.nf_bias(ptr(in[0]), ptr(in[1]), ptr(o.data), C.long(rows), C.int(c), boolean(relu), nt())
		return nil
	}
	o.derive = func(_ G.Nodes, y, grad *G.Node) (G.Nodes, error) {
		if relu {
			return biasReLUGradients(y, grad, rows, c)
		}
		part := make([]float32, C.nf_bias_part(C.int(c)))
		db := newOp("BiasGradient", c)
		db.run = func(in [][]float32) error {
			C.nf_bias_back(nil, ptr(in[0]), nil, ptr(db.data), ptr(part), C.long(rows), C.int(c), nt())
			return nil
		}
		node, err := db.apply(grad)
		return G.Nodes{grad, node}, err
	}
	return o.apply(x, b)
}

// biasReLUGradients adds one op for ∂L/∂x, with ∂L/∂b beside it.
func biasReLUGradients(y, grad *G.Node, rows, c int) (G.Nodes, error) {
	part := make([]float32, C.nf_bias_part(C.int(c)))
	var db []float32
	dx := newOp("BiasReLUGradient", y.Shape()...)
	dx.over = 0
	dx.run = func(in [][]float32) error { // dy, y
		C.nf_bias_back(ptr(in[1]), ptr(in[0]), ptr(dx.data), ptr(db), ptr(part), C.long(rows), C.int(c), nt())
		return nil
	}
	dxNode, err := dx.apply(grad, y)
	if err != nil {
		return nil, err
	}
	bNode, err := beside("BiasGradient", dxNode, &db, c)
	return G.Nodes{dxNode, bNode}, err
}
