package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// Labels are the classes of a batch, one a row. The trainer fills them before each run; the graph keeps the
// pointer.
type Labels struct {
	Of []int32 // −1: the row has no label and counts for nothing
}

// SoftLabels spread each row over several classes (Zhang et al. 2016, arXiv:1603.08511: a colour over the
// nearest bins). The trainer fills them before each run; the graph keeps the pointer.
type SoftLabels struct {
	Index     []int32   // (rows, K) classes
	Weight    []float32 // (rows, K), of sum 1 in a row
	K         int
	RowWeight []float32 // (rows), 0 or more: 0 takes a row out (a gray picture); nil is 1 for all
}

// Told is what a loss that is not contrastive tells about a batch beside its value.
type Told struct {
	Loss     float32 // mean over the rows in use, each counted once whatever its weight
	Accuracy float32 // share of the rows in use that were answered right
	Rows     int     // rows in use
}

// CrossEntropy is −1/R Σ_r ln softmax(logits_r)[label_r] in nats over the R rows of logits (rows, classes) that
// have a label. Of no labels at all the loss is 0. At chance it is ln of the number of classes.
//
// Errors: shapes that do not fit; when run, labels that do not.
func CrossEntropy(logits *G.Node, labels *Labels, out *Told) (*G.Node, error) {
	rows, q, err := matrix("CrossEntropy", "logits", logits)
	if err != nil {
		return nil, err
	}
	return costOf("CrossEntropy", []*G.Node{logits}, nil, func(xs, gradients [][]float32) (float32, error) {
		if err := labels.fit(rows, q); err != nil {
			return 0, err
		}
		t := target{index: labels.Of, k: 1}
		s := softmaxCE(xs[0], rows, q, t, t.share(rows), gradients[0])
		*out = s.told()
		return out.Loss, nil
	})
}

// SoftCrossEntropy is 1/R Σ_r w_r Σ_k t_rk·(−ln softmax(logits_r)[k]) in nats over logits (rows, classes), R
// counting the rows of positive weight. Class rebalancing (Zhang et al. 2016, eq. 4) comes as row weights that
// are 1 in expectation, so R and not their sum divides; out.Loss is the same without weights.
//
// Errors: shapes that do not fit; when run, labels that do not.
func SoftCrossEntropy(logits *G.Node, labels *SoftLabels, out *Told) (*G.Node, error) {
	rows, q, err := matrix("SoftCrossEntropy", "logits", logits)
	if err != nil {
		return nil, err
	}
	return costOf("SoftCrossEntropy", []*G.Node{logits}, nil, func(xs, gradients [][]float32) (float32, error) {
		if err := labels.fit(rows, q); err != nil {
			return 0, err
		}
		t := target{labels.Index, labels.Weight, labels.K, labels.RowWeight}
		share := t.share(rows)
		s := softmaxCE(xs[0], rows, q, t, share, gradients[0])
		*out = s.told()
		return float32(s.weighted * float64(share)), nil
	})
}

func (l *Labels) fit(rows, q int) error {
	if len(l.Of) != rows {
		return fmt.Errorf("%d rows have %d labels", rows, len(l.Of))
	}
	for i, y := range l.Of {
		if y < -1 || int(y) >= q {
			return fmt.Errorf("row %d has label %d, of %d classes", i, y, q)
		}
	}
	return nil
}

func (l *SoftLabels) fit(rows, q int) error {
	if l.K < 1 || len(l.Index) != rows*l.K || len(l.Weight) != rows*l.K || l.RowWeight != nil && len(l.RowWeight) != rows {
		return fmt.Errorf("%d rows of %d labels each have %d classes, %d weights and %d weights of rows", rows, l.K, len(l.Index), len(l.Weight), len(l.RowWeight))
	}
	for i, y := range l.Index {
		if y < 0 || int(y) >= q {
			return fmt.Errorf("label %d of row %d is %d, of %d classes", i%l.K, i/l.K, y, q)
		}
	}
	return nil
}

// target is what softmaxCE compares rows with: k classes a row, weights of which nil means 1.
type target struct {
	index  []int32 // (rows, k); −1 in the first place takes the row out
	weight []float32
	k      int
	row    []float32 // (rows)
}

// of is the weight of a row, 0 for one that is out.
func (t target) of(r int) float32 {
	if t.index[r*t.k] < 0 {
		return 0
	}
	if t.row == nil {
		return 1
	}
	return t.row[r]
}

// share is 1/R for the R rows in use, 0 for none.
func (t target) share(rows int) float32 {
	n := 0
	for r := range rows {
		if t.of(r) > 0 {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return 1 / float32(n)
}

// softmaxSums are sums over the rows in use.
type softmaxSums struct {
	plain, weighted float64 // cross entropy
	hits, rows      int
}

func (s softmaxSums) told() Told {
	if s.rows == 0 {
		return Told{}
	}
	return Told{Loss: float32(s.plain / float64(s.rows)), Accuracy: float32(s.hits) / float32(s.rows), Rows: s.rows}
}

// softmaxCE sums the cross entropy of softmax(logits) with a target over the rows of logits (rows, q) and writes
// scale · ∂/∂logits of the weighted sum into gradient. A logit of −Inf is a class that is not there. A hit is a row
// whose first largest logit is its heaviest class.
func softmaxCE(logits []float32, rows, q int, t target, scale float32, gradient []float32) (all softmaxSums) {
	for _, s := range inBlocks(rows, func(from, to int) (s softmaxSums) {
		for r := from; r < to; r++ {
			if w := t.of(r); w > 0 {
				l, hit := softmaxRow(logits[r*q:(r+1)*q], t, r, w*scale, gradient[r*q:(r+1)*q])
				s.plain += l
				s.weighted += float64(w) * l
				s.rows++
				if hit {
					s.hits++
				}
			} else {
				clear(gradient[r*q : (r+1)*q])
			}
		}
		return s
	}) {
		all.plain += s.plain
		all.weighted += s.weighted
		all.hits += s.hits
		all.rows += s.rows
	}
	return all
}

func softmaxRow(x []float32, t target, r int, scale float32, dx []float32) (loss float64, hit bool) {
	top := 0
	for j, v := range x {
		if v > x[top] {
			top = j
		}
	}
	sum := 0.0
	for j, v := range x {
		dx[j] = exp32(v - x[top])
		sum += float64(dx[j])
	}
	index, mass, heaviest := t.index[r*t.k:(r+1)*t.k], 0.0, 0
	weight := func(k int) float32 {
		if t.weight == nil {
			return 1
		}
		return t.weight[r*t.k+k]
	}
	for k, y := range index {
		w := float64(weight(k))
		mass += w
		if w > 0 { // 0·∞ is no loss
			loss += w * (math.Log(sum) - float64(x[y]-x[top]))
		}
		if weight(k) > weight(heaviest) {
			heaviest = k
		}
	}
	by := float32(float64(scale) * mass / sum)
	for j := range dx {
		dx[j] *= by
	}
	for k, y := range index {
		dx[y] -= scale * weight(k)
	}
	return loss, top == int(index[heaviest])
}
