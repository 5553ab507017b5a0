package loss

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Cached is the second pass of GradCache (Gao et al. 2021, arXiv:2101.06983), with which a batch may be larger
// than the memory of its activations. First all parts of the batch are encoded without gradients and a loss
// of all embeddings gives slope = ∂L/∂z (NTXentValue); then each part is encoded again and this cost,
//
//	S = Σ z·slope,
//
// whose gradient with respect to z is slope, carries it back into the weights. The sum over parts of ∂S/∂w is
// ∂L/∂w of the whole batch. The value of the cost means nothing. The trainer fills slope, as long as z, before
// each run.
//
// Errors: a slope of another size.
func Cached(z *G.Node, slope []float32) (*G.Node, error) {
	rows, d, err := matrix("Cached", "embeddings", z)
	if err != nil {
		return nil, err
	}
	if len(slope) != rows*d {
		return nil, fmt.Errorf("Cached has %d embeddings of %d numbers but %d numbers of slope", rows, d, len(slope))
	}
	return costOf("Cached", []*G.Node{z}, nil, func(xs, gradients [][]float32) (float32, error) {
		copy(gradients[0], slope)
		sum := 0.0
		for i, g := range slope {
			sum += float64(g) * float64(xs[0][i])
		}
		return float32(sum), nil
	})
}
