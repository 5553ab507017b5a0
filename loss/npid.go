package loss

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Instances are the memory of instance discrimination: a vector for every live instance. The trainer fills it
// before each run; the graph keeps the pointer.
type Instances struct {
	Bank []float32 // (K, d) unit rows, the live ones
	Own  []int32   // (N) the row of each embedding's own instance
	// Row and Slot are instances that are no negatives for an embedding, as in Negatives; nil for none.
	Row, Slot []int32
}

// NPID is instance discrimination with the full non-parametric softmax (Wu et al. 2018, arXiv:1805.01978, eq. 2):
// each instance is a class, its memory vector v the weight of that class,
//
//	L = −1/N Σ_f ln  exp(v_f·f/T) / Σ_j exp(v_j·f/T)
//
// over unit embeddings f (N, d) and all live instances j. It is InfoNCE whose positive is the embedding's own row
// of the bank. NCE is its estimate for banks too large for it.
//
// Errors: shapes that do not fit, a temperature that is not positive; when run, rows outside the bank, a mask that
// is not ascending.
func NPID(f *G.Node, in *Instances, temperature float32, out *Contrast) (*G.Node, error) {
	n, d, err := matrix("NPID", "embeddings", f)
	if err != nil {
		return nil, err
	}
	if err := finitePositive("NPID", "temperature", temperature); err != nil {
		return nil, err
	}
	var negatives Negatives
	own := make([]float32, n*d)
	return costOf("NPID", []*G.Node{f}, nil, func(xs, gradients [][]float32) (float32, error) {
		if err := in.fit(n, d); err != nil {
			return 0, err
		}
		negatives.Keys = in.Bank
		negatives.Row, negatives.Slot = append(negatives.Row[:0], 0), negatives.Slot[:0]
		for i, slot := range in.Own {
			copy(own[i*d:(i+1)*d], in.Bank[int(slot)*d:])
			negatives.mask(in.masked(i), slot)
		}
		return infoNCE(xs[0], own, &negatives, n, d, temperature, gradients[0], out)
	})
}

func (in *Instances) fit(n, d int) error {
	if len(in.Own) != n || len(in.Bank)%d != 0 {
		return fmt.Errorf("%d embeddings of %d numbers do not go with %d rows of their own and a bank of %d numbers", n, d, len(in.Own), len(in.Bank))
	}
	k := len(in.Bank) / d
	for i, s := range in.Own {
		if s < 0 || int(s) >= k {
			return fmt.Errorf("embedding %d has row %d of a bank of %d", i, s, k)
		}
	}
	return fitMask("instances", in.Row, in.Slot, n, k)
}

func (in *Instances) masked(i int) []int32 {
	if in.Row == nil {
		return nil
	}
	return in.Slot[in.Row[i]:in.Row[i+1]]
}

// mask adds a query that ignores the given slots, ascending, and its own.
func (neg *Negatives) mask(slots []int32, own int32) {
	added := false
	for _, s := range slots {
		if s >= own && !added {
			neg.Slot, added = append(neg.Slot, own), true
		}
		if s != own {
			neg.Slot = append(neg.Slot, s)
		}
	}
	if !added {
		neg.Slot = append(neg.Slot, own)
	}
	neg.Row = append(neg.Row, int32(len(neg.Slot)))
}

// fitMask checks compressed rows: for each of n queries ascending slots below size.
func fitMask(what string, row, slot []int32, n, size int) error {
	if row == nil {
		return nil
	}
	if len(row) != n+1 || row[0] < 0 {
		return fmt.Errorf("%d queries take %d places in their list of %s, not %d", n, n+1, what, len(row))
	}
	for i := range n {
		if row[i] > row[i+1] || int(row[i+1]) > len(slot) {
			return fmt.Errorf("query %d has the %s from %d to %d of a list of %d", i, what, row[i], row[i+1], len(slot))
		}
		last := int32(-1)
		for _, s := range slot[row[i]:row[i+1]] {
			if s <= last || int(s) >= size {
				return fmt.Errorf("the %s of query %d must ascend from 0 to below %d, and %d comes after %d", what, i, size, s, last)
			}
			last = s
		}
	}
	return nil
}
