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
	// Scale multiplies the scores of each key, nil by nothing: VideoMoCo (Pan et al. 2021, arXiv:2103.05905) lets a key
	// that is a steps old count 0.99999^a of its score. Its code multiplies the keys in the queue, as is done here,
	// which is the same.
	Scale []float32 // (K)
	Hard  int       // negatives kept a query, the hardest; 0 keeps all (see HardNegatives)

	scaled  []float32 // (K, d)
	hardRow []int32   // the mask that leaves the hardest alone
	hard    []int32
}

// keys are the negatives as they are compared with.
func (neg *Negatives) keys(d int) ([]float32, error) {
	if neg.Scale == nil {
		return neg.Keys, nil
	}
	if len(neg.Keys) != len(neg.Scale)*d {
		return nil, fmt.Errorf("%d numbers of negatives have %d scales: one a row of %d is wanted", len(neg.Keys), len(neg.Scale), d)
	}
	if len(neg.scaled) != len(neg.Keys) {
		neg.scaled = make([]float32, len(neg.Keys))
	}
	kernel.ScaleRows(neg.scaled, neg.Keys, d, neg.Scale)
	return neg.scaled, nil
}

// InfoNCE is the loss of van den Oord et al. 2018 (arXiv:1807.03748) in the form of MoCo (He et al.
// 2020, arXiv:1911.05722, eq. 1):
//
//	L = −1/N Σ_i ln  exp(q_i·k_i/T) / ( exp(q_i·k_i/T) + Σ_j exp(q_i·n_j/T) )
//
// q are unit queries (N, d), keys the unit positives (N, d), from which no gradient flows, negatives the
// bank. The node is the scalar mean in nats. At chance L is ln(K+1): 11.090 for K = 65,536.
//
// Errors: shapes that do not fit, a temperature that is not positive; when run, scales that are not one a key.
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
		return infoNCE(xs[0], keys, negatives, n, d, temperature, gradients[0], out)
	})
}

// infoNCE is the kernel's, which also serves the losses that are InfoNCE over other rows.
func infoNCE(q, keys []float32, negatives *Negatives, n, d int, temperature float32, dq []float32, out *Contrast) (float32, error) {
	bank, err := negatives.keys(d)
	if err != nil {
		return 0, err
	}
	var s kernel.InfoNCEStats
	row, slot := negatives.Row, negatives.Slot
	if negatives.Hard > 0 {
		negatives.hardRow, negatives.hard = HardNegatives(negatives.hardRow, negatives.hard, q, negatives, negatives.Hard, n, d)
		row, slot = negatives.hardRow, negatives.hard
	}
	kernel.InfoNCE(q, keys, bank, n, d, len(bank)/d, temperature, row, slot, dq, &s)
	*out = Contrast{Loss: s.Loss, Positive: s.Positive, Negative: s.Negative, Accuracy: s.Accuracy, Candidates: s.Candidates, Bounded: true}
	return s.Loss, nil
}
