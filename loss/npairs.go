package loss

import (
	G "gorgonia.org/gorgonia"
)

// NPairs is the multi-class n-pair loss (Sohn 2016, "Improved deep metric learning with multi-class n-pair loss
// objective") over embeddings e (2N, d) of any scale, anchor a_i in row i and its positive p_i in row i+N:
//
//	L = −1/N Σ_i ln  exp(a_i·p_i) / Σ_j exp(a_i·p_j)  +  regularize/4 · 1/N Σ_i (‖a_i‖² + ‖p_i‖²)
//
// The second term keeps embeddings from growing; its quarter is that of TensorFlow's npairs_loss, which TCN trains
// with, at regularize = 0.002. mask takes out pairs that are no negatives, frames too close in time (nil for
// none). out.Loss is the first term alone, which bounds mutual information as InfoNCE does. At chance it is ln N.
//
// Errors: shapes that do not fit, a negative weight; when run, a mask of another size.
func NPairs(e *G.Node, mask *Pairs, regularize float32, out *Contrast) (*G.Node, error) {
	n, d, err := views("NPairs", "embeddings", e)
	if err != nil {
		return nil, err
	}
	if err := notNegative("NPairs", "weight of squared embeddings", regularize); err != nil {
		return nil, err
	}
	batch := newInBatch(n, d, 1)
	return costOf("NPairs", []*G.Node{e}, nil, func(xs, gradients [][]float32) (float32, error) {
		x, g := xs[0], gradients[0]
		c, err := batch.run(x[:n*d], x[n*d:], mask, g[:n*d], g[n*d:])
		if err != nil {
			return 0, err
		}
		*out = c
		by, squares := regularize/4/float32(n), 0.0
		for i, v := range x {
			squares += float64(v) * float64(v)
			g[i] += 2 * by * v
		}
		return c.Loss + float32(float64(by)*squares), nil
	})
}
