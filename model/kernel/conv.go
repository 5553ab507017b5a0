package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"
	"runtime"

	G "gorgonia.org/gorgonia"
)

// convolution is one oneDNN convolution and its plans.
type convolution struct {
	plan *C.nf_conv
	name string
}

func newConvolution(s C.nf_conv_shape, backwardData, backwardWeights bool) (*convolution, error) {
	c := &convolution{name: fmt.Sprintf("convolution (%d,%d,%d,%d) × (%d,%d,%d,%d) stride %d pad %d", s.n, s.h, s.w, s.ci, s.co, s.ci, s.kh, s.kw, s.stride, s.pad)}
	var status C.int
	c.plan = C.nf_conv_new(&s, boolean(backwardData), boolean(backwardWeights), nt(), &status)
	if c.plan == nil {
		return nil, failed(max(status, 1), "planning "+c.name)
	}
	runtime.AddCleanup(c, func(p *C.nf_conv) { C.nf_conv_free(p) }, c.plan)
	return c, nil
}

// Conv2D is a convolution without bias: x (N, H, W, Cin), w (Cout, Cin, KH, KW), which is PyTorch's
// OIHW, y (N, H', W', Cout) with H' = (H + 2·pad − KH)/stride + 1.
//
// An x that is an input of the graph (images), or made of inputs by Lab, Channels, Rows, Concat or Reshape
// alone, gets no gradient, and none is computed: that is a quarter of the work of a small encoder's
// backward pass.
//
// Errors: shapes that do not fit, a stride below 1, a kernel larger than the padded picture.
func Conv2D(x, w *G.Node, stride, pad int) (*G.Node, error) {
	if err := shaped("Conv2D", "x", x, 4); err != nil {
		return nil, err
	}
	if err := shaped("Conv2D", "w", w, 4); err != nil {
		return nil, err
	}
	xs, ws := x.Shape(), w.Shape()
	if ws[1] != xs[3] {
		return nil, fmt.Errorf("Conv2D: x has %d channels (shape %v), w expects %d (shape %v)", xs[3], xs, ws[1], ws)
	}
	if stride < 1 || pad < 0 {
		return nil, fmt.Errorf("Conv2D: stride %d and pad %d; stride must be at least 1, pad at least 0", stride, pad)
	}
	oh, ow := (xs[1]+2*pad-ws[2])/stride+1, (xs[2]+2*pad-ws[3])/stride+1
	if ws[2] > xs[1]+2*pad || ws[3] > xs[2]+2*pad {
		return nil, fmt.Errorf("Conv2D: a %d×%d kernel does not fit a picture of %d×%d with pad %d", ws[2], ws[3], xs[1], xs[2], pad)
	}
	s := C.nf_conv_shape{n: C.int(xs[0]), h: C.int(xs[1]), w: C.int(xs[2]), ci: C.int(xs[3]), co: C.int(ws[0]), kh: C.int(ws[2]), kw: C.int(ws[3]),
		oh: C.int(oh), ow: C.int(ow), stride: C.int(stride), pad: C.int(pad)}
	c, err := newConvolution(s, false, false)
	if err != nil {
		return nil, err
	}
	o := newOp("Conv2D", xs[0], oh, ow, ws[0])
	o.run = func(in [][]float32) error {
		defer runtime.KeepAlive(c)
		return failed(C.nf_conv_forward(c.plan, ptr(in[0]), ptr(in[1]), ptr(o.data), nt()), "running "+c.name)
	}
	o.toward = []bool{!isImages(x), true}
	o.derive = func(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		return convGradients(s, in[0], in[1], grad, o.toward[0])
	}
	return o.apply(x, w)
}

// convGradients are the nodes of ∂L/∂x (nil unless wanted) and ∂L/∂w.
func convGradients(s C.nf_conv_shape, x, w, grad *G.Node, wantX bool) (G.Nodes, error) {
	c, err := newConvolution(s, wantX, true)
	if err != nil {
		return nil, err
	}
	dw := newOp("Conv2DWeightGradient", w.Shape()...)
	dw.run = func(in [][]float32) error {
		defer runtime.KeepAlive(c)
		return failed(C.nf_conv_backward_weights(c.plan, ptr(in[0]), ptr(in[1]), ptr(dw.data), nt()), "running the weight gradient of "+c.name)
	}
	dwNode, err := dw.apply(x, grad)
	if err != nil || !wantX {
		return G.Nodes{nil, dwNode}, err
	}
	dx := newOp("Conv2DGradient", x.Shape()...)
	dx.run = func(in [][]float32) error {
		defer runtime.KeepAlive(c)
		return failed(C.nf_conv_backward_data(c.plan, ptr(in[0]), ptr(in[1]), ptr(dx.data), nt()), "running the gradient of "+c.name)
	}
	dxNode, err := dx.apply(w, grad)
	return G.Nodes{dxNode, dwNode}, err
}
