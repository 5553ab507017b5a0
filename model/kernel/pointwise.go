package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// ReLU is max(x, 0), any shape of 1 to 4 dimensions.
func ReLU(x *G.Node) (*G.Node, error) {
	if err := anyShape("ReLU", "x", x); err != nil {
		return nil, err
	}
	o := newOp("ReLU", x.Shape()...)
	o.over = 0
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		C.nf_relu(ptr(in[0]), ptr(o.data), C.long(len(o.data)), nt())
		return nil
	}
	o.derive = func(_ G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		d, err := reluGradient(out, grad)
		return G.Nodes{d}, err
	}
	return o.apply(x)
}

// AddReLU is max(a + b, 0) for tensors of one shape.
func AddReLU(a, b *G.Node) (*G.Node, error) {
	if err := alike("AddReLU", a, b); err != nil {
		return nil, err
	}
	o := newOp("AddReLU", a.Shape()...)
	o.over = 0
	o.toward = []bool{true, true}
	o.run = func(in [][]float32) error {
		C.nf_add_relu(ptr(in[0]), ptr(in[1]), ptr(o.data), C.long(len(o.data)), nt())
		return nil
	}
	o.derive = func(_ G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		d, err := reluGradient(out, grad) // one node for both: they share its memory knowingly
		return G.Nodes{d, d}, err
	}
	return o.apply(a, b)
}

// Distance is |a − b| number by number, for tensors of one shape; where they are equal its slope is taken as 0.
func Distance(a, b *G.Node) (*G.Node, error) {
	if err := alike("Distance", a, b); err != nil {
		return nil, err
	}
	o := newOp("Distance", a.Shape()...)
	o.toward = []bool{true, true}
	o.run = func(in [][]float32) error {
		C.nf_distance(ptr(in[0]), ptr(in[1]), ptr(o.data), C.long(len(o.data)), nt())
		return nil
	}
	o.derive = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		var toward G.Nodes
		for _, pair := range [2]G.Nodes{{in[0], in[1]}, {in[1], in[0]}} {
			d := newOp("DistanceGradient", a.Shape()...)
			d.run = func(v [][]float32) error { // this, the other, dy
				C.nf_distance_back(ptr(v[0]), ptr(v[1]), ptr(v[2]), ptr(d.data), C.long(len(d.data)), nt())
				return nil
			}
			node, err := d.apply(pair[0], pair[1], grad)
			if err != nil {
				return nil, err
			}
			toward = append(toward, node)
		}
		return toward, nil
	}
	return o.apply(a, b)
}

// reluGradient is grad where y is positive, else 0.
func reluGradient(y, grad *G.Node) (*G.Node, error) {
	d := newOp("ReLUGradient", y.Shape()...)
	d.over = 1
	d.run = func(in [][]float32) error {
		C.nf_relu_back(ptr(in[0]), ptr(in[1]), ptr(d.data), C.long(len(d.data)), nt())
		return nil
	}
	return d.apply(y, grad)
}

// GlobalMean is the mean over all places: (N, H, W, C) → (N, C).
func GlobalMean(x *G.Node) (*G.Node, error) {
	if err := shaped("GlobalMean", "x", x, 4); err != nil {
		return nil, err
	}
	s := x.Shape()
	n, hw, c := C.int(s[0]), C.long(s[1]*s[2]), C.int(s[3])
	o := newOp("GlobalMean", s[0], s[3])
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		C.nf_mean(ptr(in[0]), ptr(o.data), n, hw, c, nt())
		return nil
	}
	o.derive = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("GlobalMeanGradient", s...)
		d.run = func(v [][]float32) error {
			C.nf_mean_back(ptr(v[0]), ptr(d.data), n, hw, c, nt())
			return nil
		}
		node, err := d.apply(grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}

// Normalize gives each row of x (N, D) unit length: x/max(‖x‖, 1e-12).
func Normalize(x *G.Node) (*G.Node, error) {
	if err := shaped("Normalize", "x", x, 2); err != nil {
		return nil, err
	}
	n, d := C.int(x.Shape()[0]), C.int(x.Shape()[1])
	norm := make([]float32, n)
	o := newOp("Normalize", x.Shape()...)
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		C.nf_normalize(ptr(in[0]), ptr(o.data), ptr(norm), n, d, nt())
		return nil
	}
	o.derive = func(_ G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		g := newOp("NormalizeGradient", out.Shape()...)
		g.run = func(in [][]float32) error {
			C.nf_normalize_back(ptr(in[0]), ptr(in[1]), ptr(norm), ptr(g.data), n, d, nt())
			return nil
		}
		node, err := g.apply(out, grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}

// anyShape checks that a node is a float32 tensor of 1 to 4 dimensions.
func anyShape(op, what string, n *G.Node) error {
	if n == nil {
		return fmt.Errorf("%s: %s is nil", op, what)
	}
	if dims := n.Shape().Dims(); dims < 1 || dims > 4 {
		return fmt.Errorf("%s: %s must have 1 to 4 dimensions, not shape %v", op, what, n.Shape())
	}
	return shaped(op, what, n, n.Shape().Dims())
}

// alike checks that two nodes are float32 tensors of one shape.
func alike(op string, a, b *G.Node) error {
	if err := anyShape(op, "a", a); err != nil {
		return err
	}
	if err := anyShape(op, "b", b); err != nil {
		return err
	}
	if !a.Shape().Eq(b.Shape()) {
		return fmt.Errorf("%s: shapes %v and %v differ", op, a.Shape(), b.Shape())
	}
	return nil
}
