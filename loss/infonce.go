package loss

import (
	"fmt"

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
	n, d, err := matrix("InfoNCE", "queries", q)
	if err != nil {
		return nil, err
	}
	if len(keys) != n*d {
		return nil, fmt.Errorf("InfoNCE has %d queries of %d numbers but %d numbers of keys", n, d, len(keys))
	}
	if err := finitePositive("InfoNCE", "temperature", temperature); err != nil {
		return nil, err
	}
	return costOf("InfoNCE", []*G.Node{q}, nil, func(xs, gradients [][]float32) (float32, error) {
		infoNCE(xs[0], keys, negatives, n, d, temperature, gradients[0], out)
		return out.Loss, nil
	})
}

// infoNCE is the kernel's, which also serves the losses that are InfoNCE over other rows.
func infoNCE(q, keys []float32, negatives *Negatives, n, d int, temperature float32, dq []float32, out *Contrast) {
	var s kernel.InfoNCEStats
	kernel.InfoNCE(q, keys, negatives.Keys, n, d, len(negatives.Keys)/d, temperature, negatives.Row, negatives.Slot, dq, &s)
	*out = Contrast{Loss: s.Loss, Positive: s.Positive, Negative: s.Negative, Accuracy: s.Accuracy, Candidates: s.Candidates, Bounded: true}
}
