package loss

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// BYOL is the loss of "bootstrap your own latent" (Grill et al. 2020, arXiv:2006.07733, eq. 2): the predictor's
// output is to point where the target network's projection of the other view does,
//
//	L = 1/2N Σ_i ( 2 − 2·cos(p_i, t_i) )
//
// p (2N, d) of any scale holds two views of N pictures, i and i+N; target (2N, d) holds in row i the projection of the
// other view of row i's picture, by the slowly following network. It is memory that the trainer fills before each
// run, from which no gradient flows. The paper sums both directions where this is the mean over all 2N rows: half
// of it. Predictions at right angles to their targets are at 2, equal ones at 0. Nothing is contrasted: out tells
// of cosines, with the targets of other pictures as negatives.
//
// Errors: shapes that do not fit.
func BYOL(p *G.Node, target []float32, out *Contrast) (*G.Node, error) {
	n, d, err := views("BYOL", "predictions", p)
	if err != nil {
		return nil, err
	}
	return cosineTo("BYOL", p, target, newCosines(2*n, d, n), out)
}

// cosineTo is the mean of 2 − 2·cos of rows with the rows of memory.
func cosineTo(name string, p *G.Node, target []float32, c *cosines, out *Contrast) (*G.Node, error) {
	if len(target) != c.m*c.d {
		return nil, fmt.Errorf("%s has %d predictions of %d numbers but %d numbers of targets", name, c.m, c.d, len(target))
	}
	return costOf(name, []*G.Node{p}, nil, func(xs, gradients [][]float32) (float32, error) {
		loss := 2 - 2*c.run(xs[0], target, func(i int) int { return i }, 2, gradients[0])
		*out = c.told(loss)
		return float32(loss), nil
	})
}
