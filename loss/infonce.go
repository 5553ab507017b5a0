package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// Negatives are the keys a batch of queries is told apart from. The trainer fills them before each run;
// the graph keeps the pointer.
type Negatives struct {
	Keys []float32 // (K, d) unit rows, K ≥ 0
	// Row and Slot say which keys are no negatives for which query (compressed rows): query i ignores
	// the keys Slot[Row[i]:Row[i+1]], ascending. Row has N+1 entries.
	Row, Slot []int32
}

// Contrast is what a contrastive loss tells about a batch beside its value.
type Contrast struct {
	Loss       float32 // mean over queries, nats
	Positive   float32 // mean score q·k of the positives
	Negative   float32 // mean score of the negatives in use
	Accuracy   float32 // share of queries whose positive scores highest
	Candidates float32 // mean of ln N, N = one positive and the negatives in use
}

// MIBound is the lower bound ln N − L on the mutual information of the two views, in nats (van den Oord
// et al. 2018, arXiv:1807.03748, §2.3). It can never exceed ln N.
func (c Contrast) MIBound() float32 { return c.Candidates - c.Loss }

// Gap is by how much positives outscore negatives: score(f(x), f(x⁺)) − score(f(x), f(x⁻)).
func (c Contrast) Gap() float32 { return c.Positive - c.Negative }

// InfoNCE is the loss of van den Oord et al. 2018 (arXiv:1807.03748) in the form of MoCo (He et al.
// 2020, arXiv:1911.05722, eq. 1):
//
//	L = −1/N Σ_i ln  exp(q_i·k_i/T) / ( exp(q_i·k_i/T) + Σ_j exp(q_i·n_j/T) )
//
// q are unit queries (N, d), keys the unit positives (N, d), from which no gradient flows, negatives the
// bank. The node is the scalar mean in nats. At chance L is ln(K+1): 11.090 for K = 65,536.
//
// Errors: shapes that do not fit, a temperature that is not positive.
func InfoNCE(q *G.Node, keys []float32, negatives *Negatives, temperature float32, out *Contrast) (*G.Node, error) {
	shape := q.Shape()
	if len(shape) != 2 {
		return nil, fmt.Errorf("InfoNCE takes queries of shape (N, d), not %v", shape)
	}
	n, d := shape[0], shape[1]
	if len(keys) != n*d {
		return nil, fmt.Errorf("InfoNCE has %d queries of %d numbers but %d numbers of keys", n, d, len(keys))
	}
	if !(temperature > 0) || math.IsInf(float64(temperature), 0) {
		return nil, fmt.Errorf("InfoNCE takes a positive temperature, not %v", temperature)
	}
	gradient := make([]float32, n*d)
	return costOf("InfoNCE", q, gradient, func(queries []float32) float32 {
		var s kernel.InfoNCEStats
		kernel.InfoNCE(queries, keys, negatives.Keys, n, d, len(negatives.Keys)/d, temperature, negatives.Row, negatives.Slot, gradient, &s)
		*out = Contrast{Loss: s.Loss, Positive: s.Positive, Negative: s.Negative, Accuracy: s.Accuracy, Candidates: s.Candidates}
		return s.Loss
	})
}
