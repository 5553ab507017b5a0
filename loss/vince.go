package loss

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Positives are the keys of the frames of a batch, several to a query. The trainer fills them before each run; the
// graph keeps the pointer.
type Positives struct {
	Keys []float32 // (P, d) unit rows
	// Row and Slot say which keys are a query's positives (compressed rows): those of query i are the keys
	// Slot[Row[i]:Row[i+1]], ascending. Row has N+1 entries.
	Row, Slot []int32
	// InBatch makes the other keys negatives, beside the bank, but for those that Near names for a query in the
	// same way: frames too close in time to be told apart. Nil NearRow names none.
	InBatch           bool
	NearRow, NearSlot []int32
}

// VINCE is multi-positive InfoNCE over several frames of a scene (Gordon et al. 2020, arXiv:2003.07990):
//
//	L = mean over pairs (i, p) of −ln  exp(q_i·k_p/T) / ( exp(q_i·k_p/T) + Σ_j exp(q_i·n_j/T) )
//
// p runs over all positives of query i, and the other positives of i are left out of the denominator: they neither
// pull nor push. q are unit queries (N, d); negatives are the bank and, where in.InBatch says so, the keys of the
// other queries in the batch. It is InfoNCE over pairs instead of queries, and so is what out tells; the mean is
// over all pairs, as in the reference code. Without pairs L and its gradient are 0.
//
// Errors: shapes that do not fit, a temperature that is not positive; when run, lists of keys that are not
// ascending or leave the keys.
func VINCE(q *G.Node, in *Positives, negatives *Negatives, temperature float32, out *Contrast) (*G.Node, error) {
	n, d, err := matrix("VINCE", "queries", q)
	if err != nil {
		return nil, err
	}
	if err := finitePositive("VINCE", "temperature", temperature); err != nil {
		return nil, err
	}
	var p pairs
	return costOf("VINCE", []*G.Node{q}, nil, func(xs, gradients [][]float32) (float32, error) {
		if err := in.fit(n, d, negatives); err != nil {
			return 0, err
		}
		clear(gradients[0])
		*out = Contrast{Bounded: true}
		if len(in.Slot) == 0 {
			return 0, nil
		}
		bank, err := negatives.keys(d)
		if err != nil {
			return 0, err
		}
		p.gather(xs[0], in, negatives, bank, n, d)
		if _, err := infoNCE(p.queries, p.keys, &p.negatives, len(p.of), d, temperature, p.slope, out); err != nil {
			return 0, err
		}
		for r, i := range p.of {
			axpy(1, p.slope[r*d:(r+1)*d], gradients[0][i*d:(i+1)*d])
		}
		return out.Loss, nil
	})
}

func (in *Positives) fit(n, d int, negatives *Negatives) error {
	if len(in.Keys)%d != 0 || len(negatives.Keys)%d != 0 {
		return fmt.Errorf("%d numbers of keys and %d of negatives are no rows of %d", len(in.Keys), len(negatives.Keys), d)
	}
	if in.Row == nil || int(in.Row[len(in.Row)-1]) != len(in.Slot) {
		return fmt.Errorf("the list of positives does not end with its %d entries", len(in.Slot))
	}
	if err := fitMask("positives", in.Row, in.Slot, n, len(in.Keys)/d); err != nil {
		return err
	}
	if err := fitMask("near keys", in.NearRow, in.NearSlot, n, len(in.Keys)/d); err != nil {
		return err
	}
	return fitMask("masked negatives", negatives.Row, negatives.Slot, n, len(negatives.Keys)/d)
}

// pairs are a batch with one row for each query and each of its positives.
type pairs struct {
	of                   []int     // the query of each pair
	queries, keys, slope []float32 // (pairs, d)
	negatives            Negatives // bank, then the keys of the batch
	both                 []float32
}

// gather lays out the pairs of a batch against a bank that negatives mask.
func (p *pairs) gather(q []float32, in *Positives, negatives *Negatives, bank []float32, n, d int) {
	p.of, p.queries, p.keys = p.of[:0], p.queries[:0], p.keys[:0]
	neg := &p.negatives
	neg.Keys, neg.Row, neg.Slot = bank, append(neg.Row[:0], 0), neg.Slot[:0]
	if in.InBatch {
		p.both = append(append(p.both[:0], bank...), in.Keys...)
		neg.Keys = p.both
	}
	after := int32(len(bank) / d) // where the batch's keys begin
	for i := range n {
		mine := in.Slot[in.Row[i]:in.Row[i+1]]
		for _, k := range mine {
			p.of = append(p.of, i)
			p.queries = append(p.queries, q[i*d:(i+1)*d]...)
			p.keys = append(p.keys, in.Keys[int(k)*d:int(k+1)*d]...)
			if negatives.Row != nil {
				neg.Slot = append(neg.Slot, negatives.Slot[negatives.Row[i]:negatives.Row[i+1]]...)
			}
			if in.InBatch {
				var near []int32
				if in.NearRow != nil {
					near = in.NearSlot[in.NearRow[i]:in.NearRow[i+1]]
				}
				neg.Slot = union(neg.Slot, mine, near, after)
			}
			neg.Row = append(neg.Row, int32(len(neg.Slot)))
		}
	}
	if len(p.slope) < len(p.queries) {
		p.slope = make([]float32, len(p.queries))
	}
}

// union appends to out what stands in a or b, both ascending, each plus by.
func union(out, a, b []int32, by int32) []int32 {
	for len(a) > 0 || len(b) > 0 {
		var next int32
		if len(b) == 0 || len(a) > 0 && a[0] <= b[0] {
			next = a[0]
		} else {
			next = b[0]
		}
		if len(a) > 0 && a[0] == next {
			a = a[1:]
		}
		if len(b) > 0 && b[0] == next {
			b = b[1:]
		}
		out = append(out, next+by)
	}
	return out
}
