package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// LeakyReLU is x where x is positive, else slope·x (Maas et al. 2013); discriminators take a slope of 0.2.
// Errors: a slope outside [0, 1].
func LeakyReLU(x *G.Node, slope float32) (*G.Node, error) {
	if !(slope >= 0 && slope <= 1) {
		return nil, fmt.Errorf("LeakyReLU: slope %v; it must be between 0 and 1", slope)
	}
	return activation("LeakyReLU", x,
		func(x, y *C.float, n C.long) { C.nf_leaky(x, y, C.float(slope), n, nt()) },
		func(y, dy, dx *C.float, n C.long) { C.nf_leaky_back(y, dy, dx, C.float(slope), n, nt()) })
}

// Sigmoid is 1/(1 + e^−x).
func Sigmoid(x *G.Node) (*G.Node, error) {
	return activation("Sigmoid", x,
		func(x, y *C.float, n C.long) { C.nf_sigmoid(x, y, n, nt()) },
		func(y, dy, dx *C.float, n C.long) { C.nf_sigmoid_back(y, dy, dx, n, nt()) })
}

// Tanh is the hyperbolic tangent.
func Tanh(x *G.Node) (*G.Node, error) {
	return activation("Tanh", x,
		func(x, y *C.float, n C.long) { C.nf_tanh(x, y, n, nt()) },
		func(y, dy, dx *C.float, n C.long) { C.nf_tanh_back(y, dy, dx, n, nt()) })
}

// activation is a function of each number whose derivative follows from its result; both may work in place.
func activation(name string, x *G.Node, forward func(x, y *C.float, n C.long), backward func(y, dy, dx *C.float, n C.long)) (*G.Node, error) {
	if err := anyShape(name, "x", x); err != nil {
		return nil, err
	}
	o := newOp(name, x.Shape()...)
	o.over = 0
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		forward(ptr(in[0]), ptr(o.data), C.long(len(o.data)))
		return nil
	}
	o.derive = func(_ G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		d := newOp(name+"Gradient", out.Shape()...)
		d.over = 1
		d.run = func(in [][]float32) error { // y, dy
			backward(ptr(in[0]), ptr(in[1]), ptr(d.data), C.long(len(d.data)))
			return nil
		}
		node, err := d.apply(out, grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}
