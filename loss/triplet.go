package loss

import (
	"cmp"
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
)

// Relations say what the rows of a batch are to each other: Of[a·B+b] is +1 where b is a positive for anchor a,
// −1 where it is a negative, 0 where it is neither. What a row is to itself is not looked at. The trainer
// fills them before each run; the graph keeps the pointer.
type Relations struct {
	Of []int8 // (B, B)
}

// Ways of choosing the negatives of a positive pair.
const (
	SemiHard = "semihard"
	All      = "all"
)

// Triplet is the loss of time-contrastive networks (Sermanet et al. 2018, arXiv:1704.06888) over embeddings e
// (B, d) of any scale, with squared distances D:
//
//	L = 1/P Σ_(a,p) [ D_ap + margin − D_an ]₊     over the P positive pairs (a, p)
//
// With mining "semihard" n is the nearest negative that is farther than the positive or, where none is, the
// farthest negative of all (Schroff et al. 2015, arXiv:1503.03832, as in TensorFlow's triplet_semihard_loss,
// which also gives the division by positive pairs and not by hinges that are open). With "all" each pair counts
// the mean of its hinges over all negatives of a. A positive pair whose anchor has no negative makes no triplet
// and is not counted. Without pairs L and its gradient are 0. The scores in out are −D; accuracy is the share of
// anchors whose nearest positive is nearer than every negative.
//
// Errors: shapes that do not fit, a negative margin, mining of another name; when run, relations of another size.
func Triplet(e *G.Node, rel *Relations, margin float32, mining string, out *Contrast) (*G.Node, error) {
	b, d, err := matrix("Triplet", "embeddings", e)
	if err != nil {
		return nil, err
	}
	if err := notNegative("Triplet", "margin", margin); err != nil {
		return nil, err
	}
	if mining != SemiHard && mining != All {
		return nil, fmt.Errorf("Triplet mines %q or %q negatives, not %q", SemiHard, All, mining)
	}
	distance, slope := make([]float32, b*b), make([]float32, b*b)
	return costOf("Triplet", []*G.Node{e}, nil, func(xs, gradients [][]float32) (float32, error) {
		if len(rel.Of) != b*b {
			return 0, fmt.Errorf("%d embeddings have %d relations, not %d", b, len(rel.Of), b*b)
		}
		squaredDistances(distance, xs[0], b, d)
		loss := triplets(distance, rel.Of, b, float64(margin), mining == All, slope)
		distanceGradient(gradients[0], slope, xs[0], b, d)
		*out = tellDistances(distance, rel.Of, b, loss)
		return float32(loss), nil
	})
}

// squaredDistances between all rows of x (b, d), as differences: products would cancel where rows are close.
func squaredDistances(out, x []float32, b, d int) {
	inBlocks(b, func(from, to int) (none struct{}) {
		for i := from; i < to; i++ {
			xi := x[i*d : (i+1)*d]
			for j := range b {
				s := float32(0)
				for k, v := range x[j*d : (j+1)*d] {
					s += (xi[k] - v) * (xi[k] - v)
				}
				out[i*b+j] = s
			}
		}
		return none
	})
}

// triplets is the loss for distances (b, b), with ∂L/∂D written into slope.
func triplets(distance []float32, of []int8, b int, margin float64, all bool, slope []float32) float64 {
	clear(slope)
	sum, pairs := 0.0, 0
	far := make([]int, 0, b) // the anchor's negatives, near ones first, equal ones by their row
	for a := range b {
		ds, gs := distance[a*b:(a+1)*b], slope[a*b:(a+1)*b]
		far = far[:0]
		for n := range b {
			if n != a && of[a*b+n] < 0 {
				far = append(far, n)
			}
		}
		slices.SortStableFunc(far, func(i, j int) int { return cmp.Compare(ds[i], ds[j]) })
		for p := range b {
			if p == a || of[a*b+p] <= 0 || len(far) == 0 {
				continue
			}
			pairs++
			use := far
			if !all {
				first, _ := slices.BinarySearchFunc(far, ds[p], func(n int, d float32) int { // the first beyond d
					if ds[n] > d {
						return 1
					}
					return -1
				})
				first = min(first, len(far)-1)
				use = far[first : first+1]
			}
			share := 1 / float32(len(use))
			for _, n := range use {
				hinge := float64(ds[p]) + margin - float64(ds[n])
				if hinge <= 0 {
					break // those that follow are farther
				}
				sum += hinge / float64(len(use))
				gs[p] += share
				gs[n] -= share
			}
		}
	}
	if pairs == 0 {
		return 0
	}
	for i := range slope {
		slope[i] /= float32(pairs)
	}
	return sum / float64(pairs)
}

// distanceGradient turns ∂L/∂D (b, b) into ∂L/∂x: D_ij pulls x_i by 2(x_i−x_j) and x_j the other way.
func distanceGradient(dx, slope, x []float32, b, d int) {
	inBlocks(b, func(from, to int) (none struct{}) {
		for i := from; i < to; i++ {
			g, xi := dx[i*d:(i+1)*d], x[i*d:(i+1)*d]
			clear(g)
			for j := range b {
				if s := 2 * (slope[i*b+j] + slope[j*b+i]); s != 0 {
					for k, v := range x[j*d : (j+1)*d] {
						g[k] += s * (xi[k] - v)
					}
				}
			}
		}
		return none
	})
}

func tellDistances(distance []float32, of []int8, b int, loss float64) Contrast {
	var t tally
	scores := make([]float32, b)
	for a := range b {
		for j, v := range distance[a*b : (a+1)*b] {
			scores[j] = -v
		}
		t.row(scores, func(j int) int8 {
			if j == a {
				return neither
			}
			return of[a*b+j]
		})
	}
	return t.told(loss, false)
}
