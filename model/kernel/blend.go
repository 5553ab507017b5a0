package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Blend is x·mask + rest, tensors of one shape: x where the mask is 1, rest where it is 0 and rest is not. The
// gradient goes to x alone; mask and rest are inputs.
func Blend(x, mask, rest *G.Node) (*G.Node, error) {
	for _, in := range []struct {
		name string
		node *G.Node
	}{{"x", x}, {"mask", mask}, {"rest", rest}} {
		if err := anyShape("Blend", in.name, in.node); err != nil {
			return nil, err
		}
		if !in.node.Shape().Eq(x.Shape()) {
			return nil, fmt.Errorf("Blend: x has shape %v, %s %v; they must be equal", x.Shape(), in.name, in.node.Shape())
		}
	}
	o := newOp("Blend", x.Shape()...)
	o.over = 0
	o.toward = []bool{true, false, false}
	o.run = func(in [][]float32) error {
		C.nf_blend(ptr(in[0]), ptr(in[1]), ptr(in[2]), ptr(o.data), C.long(len(o.data)), nt())
		return nil
	}
	o.derive = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("BlendGradient", x.Shape()...)
		d.over = 0
		d.run = func(in [][]float32) error { // dy, mask
			C.nf_product(ptr(in[0]), ptr(in[1]), ptr(d.data), C.long(len(d.data)), nt())
			return nil
		}
		dx, err := d.apply(grad, in[1])
		return G.Nodes{dx, nil, nil}, err
	}
	return o.apply(x, mask, rest)
}
