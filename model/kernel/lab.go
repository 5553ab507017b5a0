package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Lab takes normalised RGB pictures (N, H, W, 3), (v/255 − 0.5)/0.25 of sRGB, to CIE Lab under D65, as
// colorization sees them (Zhang et al. 2016, arXiv:1603.08511). The channels are (L − 50)/25, a/25 and
// b/25, whose spread is near that of the RGB. Values outside 0…255 are clamped. It has no gradient: it is
// for inputs.
func Lab(x *G.Node) (*G.Node, error) {
	if err := shaped("Lab", "x", x, 4); err != nil {
		return nil, err
	}
	s := x.Shape()
	if s[3] != 3 {
		return nil, fmt.Errorf("Lab: x must have the 3 channels of RGB, not %d (shape %v)", s[3], s)
	}
	o := newOp("Lab", s...)
	o.over = 0
	o.images = true
	o.run = func(in [][]float32) error {
		C.nf_lab(ptr(in[0]), ptr(o.data), C.long(len(o.data)/3), nt())
		return nil
	}
	return o.apply(x)
}
