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

func newConvolution(s C.nf_conv_shape, p Precision, passes C.int) (*convolution, error) {
	var status C.int
	plan := C.nf_conv_new(&s, passes, boolean(p == BF16), nt(), &status)
	return planOf(plan, s, p, status)
}

// planOf takes charge of a plan, or says why there is none.
func planOf(plan *C.nf_conv, s C.nf_conv_shape, p Precision, status C.int) (*convolution, error) {
	c := &convolution{plan: plan}
	c.name = fmt.Sprintf("%v convolution (%d,%d,%d,%d) × (%d,%d,%d,%d) stride %d pad %d", p, s.n, s.h, s.w, s.ci, s.co, s.ci, s.kh, s.kw, s.stride, s.pad)
	if plan == nil {
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
// In BF16 operands are rounded to it, forward and backward; sums, results and gradients are float32.
//
// Errors: shapes that do not fit, a stride below 1, a kernel larger than the padded picture.
func Conv2D(x, w *G.Node, stride, pad int, p Precision) (*G.Node, error) {
	s, err := convShape("Conv2D", x, w, stride, pad)
	if err != nil {
		return nil, err
	}
	c, err := newConvolution(s, p, C.NF_FORWARD)
	if err != nil {
		return nil, err
	}
	o := newOp("Conv2D", int(s.n), int(s.oh), int(s.ow), int(s.co))
	from := inBF16(x, p)
	o.run = func(in [][]float32) error {
		defer runtime.KeepAlive(c)
		return failed(C.nf_conv_forward(c.plan, ptr(in[0]), ptr16(*from), ptr(in[1]), ptr(o.data), nt()), "running "+c.name)
	}
	o.toward = []bool{!isImages(x), true}
	o.derive = func(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		return convGradients(s, p, in[0], in[1], grad, o.toward[0])
	}
	return o.apply(x, w)
}

// convShape is the shape of a convolution, or why there is none.
func convShape(op string, x, w *G.Node, stride, pad int) (C.nf_conv_shape, error) {
	var none C.nf_conv_shape
	if err := shaped(op, "x", x, 4); err != nil {
		return none, err
	}
	if err := shaped(op, "w", w, 4); err != nil {
		return none, err
	}
	xs, ws := x.Shape(), w.Shape()
	if ws[1] != xs[3] {
		return none, fmt.Errorf("%s: x has %d channels (shape %v), w expects %d (shape %v)", op, xs[3], xs, ws[1], ws)
	}
	if stride < 1 || pad < 0 {
		return none, fmt.Errorf("%s: stride %d and pad %d; stride must be at least 1, pad at least 0", op, stride, pad)
	}
	if ws[2] > xs[1]+2*pad || ws[3] > xs[2]+2*pad {
		return none, fmt.Errorf("%s: a %d×%d kernel does not fit a picture of %d×%d with pad %d", op, ws[2], ws[3], xs[1], xs[2], pad)
	}
	return shapeOf(xs[0], xs[1], xs[2], xs[3], ws[0], ws[2], ws[3], stride, pad), nil
}

// shapeOf is the shape of a convolution of n pictures (h, w, ci) with co kernels (kh, kw).
func shapeOf(n, h, w, ci, co, kh, kw, stride, pad int) C.nf_conv_shape {
	return C.nf_conv_shape{n: C.int(n), h: C.int(h), w: C.int(w), ci: C.int(ci), co: C.int(co), kh: C.int(kh), kw: C.int(kw),
		oh: C.int((h+2*pad-kh)/stride + 1), ow: C.int((w+2*pad-kw)/stride + 1), stride: C.int(stride), pad: C.int(pad)}
}

// convGradients are the nodes of ∂L/∂x (nil unless wanted) and ∂L/∂w.
func convGradients(s C.nf_conv_shape, p Precision, x, w, grad *G.Node, wantX bool) (G.Nodes, error) {
	passes := C.int(C.NF_TO_WEIGHTS)
	if wantX {
		passes |= C.NF_TO_DATA
	}
	c, err := newConvolution(s, p, passes)
	if err != nil {
		return nil, err
	}
	from, back := inBF16(x, p), inBF16(grad, p)
	dw := newOp("Conv2DWeightGradient", w.Shape()...)
	dw.run = func(in [][]float32) error {
		defer runtime.KeepAlive(c)
		return failed(C.nf_conv_backward_weights(c.plan, ptr(in[0]), ptr16(*from), ptr(in[1]), ptr16(*back), ptr(dw.data), nt()), "running the weight gradient of "+c.name)
	}
	dwNode, err := dw.apply(x, grad)
	if err != nil || !wantX {
		return G.Nodes{nil, dwNode}, err
	}
	dx := newOp("Conv2DGradient", x.Shape()...)
	dx.run = func(in [][]float32) error {
		defer runtime.KeepAlive(c)
		return failed(C.nf_conv_backward_data(c.plan, ptr(in[0]), ptr(in[1]), ptr16(*back), ptr(dx.data), nt()), "running the gradient of "+c.name)
	}
	dxNode, err := dx.apply(w, grad)
	return G.Nodes{dxNode, dwNode}, err
}
