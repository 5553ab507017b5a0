package loss

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Predictive is contrastive predictive coding (van den Oord et al. 2018, arXiv:1807.03748, eq. 4): a prediction is
// to tell its own target from the other targets of the batch,
//
//	L = −1/M Σ_i ln  exp(p_i·z_i/T) / Σ_j exp(p_i·z_j/T)
//
// pred (M, d) are the predictions W_k·c_t, target (M, d) the encodings z_(t+k), and gradients flow to both. With
// T = 1 the score is the paper's bilinear one, zᵀ·W_k·c, of any scale. mask takes out pairs that are no negatives
// (nil for none). At chance L is ln M.
//
// Errors: shapes that do not fit, a temperature that is not positive; when run, a mask of another size.
func Predictive(pred, target *G.Node, mask *Pairs, temperature float32, out *Contrast) (*G.Node, error) {
	m, d, err := matrix("Predictive", "predictions", pred)
	if err != nil {
		return nil, err
	}
	if tm, td, err := matrix("Predictive", "targets", target); err != nil || tm != m || td != d {
		return nil, fmt.Errorf("Predictive has predictions of shape (%d, %d) for targets of shape %v", m, d, shapeOf(target))
	}
	if err := finitePositive("Predictive", "temperature", temperature); err != nil {
		return nil, err
	}
	batch := newInBatch(m, d, temperature)
	return costOf("Predictive", []*G.Node{pred, target}, nil, func(xs, gradients [][]float32) (float32, error) {
		c, err := batch.run(xs[0], xs[1], mask, gradients[0], gradients[1])
		if err != nil {
			return 0, err
		}
		*out = c
		return c.Loss, nil
	})
}
