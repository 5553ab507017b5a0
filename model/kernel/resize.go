package kernel

// #include "kernel.h"
import "C"

import G "gorgonia.org/gorgonia"

// Upsample2 makes pictures twice as large, each place 2×2 equal ones: (N, H, W, C) → (N, 2H, 2W, C).
// Before a convolution it stands where a transposed convolution would leave a checkerboard (Odena et al.
// 2016, "Deconvolution and Checkerboard Artifacts").
func Upsample2(x *G.Node) (*G.Node, error) {
	if err := shaped("Upsample2", "x", x, 4); err != nil {
		return nil, err
	}
	s := x.Shape()
	rows, w, c := C.long(s[0]*s[1]), C.int(s[2]), C.int(s[3])
	o := newOp("Upsample2", s[0], 2*s[1], 2*s[2], s[3])
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		C.nf_upsample2(ptr(in[0]), ptr(o.data), rows, w, c, nt())
		return nil
	}
	o.derive = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("Upsample2Gradient", s...)
		d.run = func(in [][]float32) error {
			C.nf_upsample2_back(ptr(in[0]), ptr(d.data), rows, w, c, nt())
			return nil
		}
		node, err := d.apply(grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}
