package loss

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// SimSiam is the symmetrised negative cosine of Chen and He 2021 (arXiv:2011.10566, eq. 2): the predictor's output of
// one view is to point where the projection of the other does,
//
//	L = −1/2N Σ_i cos(p_i, z_i′)     i′ = i ± N
//
// p (2N, d) are the predictor's outputs, z (2N, d) the projections they were made of, views i and i+N of a picture,
// all of any scale. No gradient flows to z, which keeps the two from collapsing; what reaches its weights comes
// through p. out tells of cosines, with the projections of other pictures as negatives.
//
// Errors: shapes that do not fit.
func SimSiam(p, z *G.Node, out *Contrast) (*G.Node, error) {
	n, d, err := views("SimSiam", "predictions", p)
	if err != nil {
		return nil, err
	}
	if m, zd, err := matrix("SimSiam", "projections", z); err != nil || m != 2*n || zd != d {
		return nil, fmt.Errorf("SimSiam has predictions of shape (%d, %d) for projections of shape %v", 2*n, d, shapeOf(z))
	}
	c := newCosines(2*n, d, n)
	return costOf("SimSiam", []*G.Node{p}, []*G.Node{z}, func(xs, gradients [][]float32) (float32, error) {
		loss := -c.run(xs[0], xs[1], func(i int) int { return (i + n) % (2 * n) }, 1, gradients[0])
		*out = c.told(loss)
		return float32(loss), nil
	})
}
