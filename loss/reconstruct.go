package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// Hole is what a context encoder is to fill in. The trainer fills it before each run; the graph keeps the pointer.
type Hole struct {
	Target []float32 // (N, H, W, C) the whole picture
	Weight []float32 // (N, H, W) 0 outside the hole, 1 in it, 10 in its rim
}

// MaskedL2 is the reconstruction loss of context encoders (Pathak et al. 2016, arXiv:1604.07379, eq. 1) over painted
// pictures y (N, H, W, C):
//
//	L = Σ w·‖y − t‖² / Σ w
//
// over all pixels. The paper weighs the rim of the hole, where context and prediction overlap, ten times the rest,
// so that the filling joins on. Its code takes the mean over the numbers of the hole and weighs the gradient alone;
// here value and gradient agree, and neither depends on how large holes are. Without a hole both are 0.
//
// Errors: shapes that do not fit; when run, a target or weights of another size, negative weights.
func MaskedL2(y *G.Node, in *Hole, out *Told) (*G.Node, error) {
	if y == nil || y.Dims() != 4 || y.Shape().TotalSize() == 0 {
		return nil, fmt.Errorf("MaskedL2 takes pictures of shape (N, H, W, C), not %v", shapeOf(y))
	}
	size, channels := y.Shape().TotalSize(), y.Shape()[3]
	return costOf("MaskedL2", []*G.Node{y}, nil, func(xs, gradients [][]float32) (float32, error) {
		if len(in.Target) != size || len(in.Weight) != size/channels {
			return 0, fmt.Errorf("pictures of %d numbers in %d pixels have a target of %d and %d weights", size, size/channels, len(in.Target), len(in.Weight))
		}
		mass, pixels := 0.0, 0
		for i, w := range in.Weight {
			if !(w >= 0) {
				return 0, fmt.Errorf("the weight of pixel %d is %v", i, w)
			}
			if mass += float64(w); w > 0 {
				pixels++
			}
		}
		if mass == 0 {
			clear(gradients[0])
			*out = Told{}
			return 0, nil
		}
		sum := 0.0
		for _, part := range inBlocks(len(in.Weight), func(from, to int) (sum float64) {
			for i := from; i < to; i++ {
				w := float64(in.Weight[i]) / mass
				for k := i * channels; k < (i+1)*channels; k++ {
					diff := float64(xs[0][k]) - float64(in.Target[k])
					if w == 0 {
						diff = 0 // what lies outside the hole may be anything
					}
					sum += w * diff * diff
					gradients[0][k] = float32(2 * w * diff)
				}
			}
			return sum
		}) {
			sum += part
		}
		*out = Told{Loss: float32(sum), Rows: pixels}
		return out.Loss, nil
	})
}

// BCE is the binary cross entropy of a discriminator's logits (N, 1) with labels, 1 for a real picture and 0 for a
// painted one, in nats and a mean over the rows that have a label: the adversarial loss of context encoders
// (Pathak et al. 2016, eq. 2) for the discriminator, and for the painter with the labels turned round, which is the
// form its code trains with. At chance it is ln 2.
//
// Errors: shapes that do not fit; when run, labels that do not.
func BCE(logit *G.Node, labels *Labels, out *Told) (*G.Node, error) {
	rows, d, err := matrix("BCE", "logits", logit)
	if err != nil {
		return nil, err
	}
	if d != 1 {
		return nil, fmt.Errorf("BCE takes logits of shape (N, 1), not %v", logit.Shape())
	}
	return costOf("BCE", []*G.Node{logit}, nil, func(xs, gradients [][]float32) (float32, error) {
		if err := labels.fit(rows, 2); err != nil {
			return 0, err
		}
		sum, hits, n := 0.0, 0, 0
		for i, x := range xs[0] {
			real := labels.Of[i] == 1
			gradients[0][i] = 0
			if labels.Of[i] < 0 {
				continue
			}
			n++
			u := float64(x) // log odds of the wrong answer
			if real {
				u = -u
			}
			sum += max(u, 0) + math.Log1p(math.Exp(-math.Abs(u)))
			if gradients[0][i] = float32(1 / (1 + math.Exp(-u))); real {
				gradients[0][i] *= -1
			}
			if u < 0 {
				hits++
			}
		}
		if *out = (Told{}); n > 0 {
			*out = Told{Loss: float32(sum / float64(n)), Accuracy: float32(hits) / float32(n), Rows: n}
			for i := range gradients[0] {
				gradients[0][i] /= float32(n)
			}
		}
		return out.Loss, nil
	})
}
