package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// MaxPool2D takes the largest number of each k×k window: (N, H, W, C) → (N, H', W', C) with
// H' = (H + 2·pad − k)/stride + 1. What lies outside the picture never wins; of equal numbers the first
// (row by row) gets the gradient, as in PyTorch.
//
// Errors: k outside 1…15, a stride below 1, a pad above k/2, a window larger than the padded picture.
func MaxPool2D(x *G.Node, k, stride, pad int) (*G.Node, error) {
	if err := shaped("MaxPool2D", "x", x, 4); err != nil {
		return nil, err
	}
	s := x.Shape()
	if k < 1 || k > 15 || stride < 1 || pad < 0 || pad > k/2 {
		return nil, fmt.Errorf("MaxPool2D: window %d, stride %d, pad %d; the window must be 1…15, the stride at least 1, the pad 0…%d", k, stride, pad, k/2)
	}
	if k > s[1]+2*pad || k > s[2]+2*pad {
		return nil, fmt.Errorf("MaxPool2D: a window of %d does not fit a picture of %d×%d with pad %d", k, s[1], s[2], pad)
	}
	oh, ow := (s[1]+2*pad-k)/stride+1, (s[2]+2*pad-k)/stride+1
	at := make([]uint8, s[0]*oh*ow*s[3])
	n, h, w, c, y, z, side, step, edge := C.int(s[0]), C.int(s[1]), C.int(s[2]), C.int(s[3]), C.int(oh), C.int(ow), C.int(k), C.int(stride), C.int(pad)
	o := newOp("MaxPool2D", s[0], oh, ow, s[3])
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		C.nf_maxpool(ptr(in[0]), ptr(o.data), ptr8(at), n, h, w, c, y, z, side, step, edge, nt())
		return nil
	}
	o.derive = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("MaxPool2DGradient", s...)
		d.run = func(in [][]float32) error {
			C.nf_maxpool_back(ptr(in[0]), ptr8(at), ptr(d.data), n, h, w, c, y, z, side, step, edge, nt())
			return nil
		}
		node, err := d.apply(grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}
