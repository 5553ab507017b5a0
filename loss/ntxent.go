package loss

import (
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// NTXent is the normalised, temperature-scaled cross entropy of SimCLR (Chen et al. 2020, arXiv:2002.05709,
// eq. 1) over 2N unit rows z (2N, d), of which i and i+N are two views of one picture:
//
//	L = −1/2N Σ_i ln  exp(z_i·z_i⁺/T) / Σ_{j≠i} exp(z_i·z_j/T)
//
// Only a row itself is left out of its denominator. This is the paper's mean over all 2N rows; the reference
// code sums the means of the two halves, twice as much. At chance L is ln(2N−1): 9.011 for N = 4096.
//
// Errors: shapes that do not fit, a temperature that is not positive.
func NTXent(z *G.Node, temperature float32, out *Contrast) (*G.Node, error) {
	n, d, err := views("NTXent", "rows", z)
	if err != nil {
		return nil, err
	}
	if err := finitePositive("NTXent", "temperature", temperature); err != nil {
		return nil, err
	}
	return costOf("NTXent", []*G.Node{z}, nil, func(xs, gradients [][]float32) (float32, error) {
		return NTXentValue(xs[0], n, d, temperature, gradients[0], out), nil
	})
}

// tile is how many rows of scores NTXentValue holds at a time: 2N columns of 256 rows are 8 MB for N = 4096.
const tile = 256

// NTXentValue is NTXent without a graph: the loss of z (2N, d), with ∂L/∂z written into dz. It walks over tiles
// of the 2N × 2N scores twice, first for the denominators and then for the gradient, and holds one at a time.
// It panics where a slice is too short.
func NTXentValue(z []float32, n, d int, temperature float32, dz []float32, out *Contrast) float32 {
	if n < 1 || d < 1 || len(z) < 2*n*d || len(dz) < 2*n*d {
		panic("loss: NTXentValue: a slice is shorter than its shape")
	}
	x := &ntxent{n: n, inverse: 1 / float64(temperature), logs: make([]float64, 2*n)}
	m := 2 * n
	scores := make([]float32, min(tile, m)*m)
	var all ntxentSums
	for from := 0; from < m; from += tile {
		rows := min(tile, m-from)
		kernel.Gemm(scores, z[from*d:], z, rows, m, d)
		all.add(x.denominators(scores[:rows*m], from))
	}
	zt := make([]float32, m*d)
	transpose(zt, z, m, d)
	for from := 0; from < m; from += tile {
		rows := min(tile, m-from)
		if m > tile { // else the scores are still there
			kernel.Gemm(scores, z[from*d:], z, rows, m, d)
		}
		x.weights(scores[:rows*m], from)
		kernel.Gemm(dz[from*d:], scores, zt, rows, d, m)
	}
	k := float64(m)
	*out = Contrast{Loss: float32(all.loss / k), Positive: float32(all.positive / k), Accuracy: float32(all.hits / k),
		Candidates: float32(math.Log(k - 1)), Bounded: true}
	if n > 1 {
		out.Negative = float32(all.negative / k / (k - 2))
	}
	return out.Loss
}

type ntxent struct {
	n       int
	inverse float64   // 1/T
	logs    []float64 // of each row's denominator
}

type ntxentSums struct{ loss, positive, negative, hits float64 }

func (s *ntxentSums) add(parts [blocks]ntxentSums) {
	for _, p := range parts {
		s.loss += p.loss
		s.positive += p.positive
		s.negative += p.negative
		s.hits += p.hits
	}
}

// twin is the other view of a row.
func (x *ntxent) twin(i int) int { return (i + x.n) % (2 * x.n) }

// denominators works out the logarithm of the denominator of each row of a tile of scores.
func (x *ntxent) denominators(scores []float32, first int) [blocks]ntxentSums {
	m := 2 * x.n
	return inBlocks(len(scores)/m, func(from, to int) (s ntxentSums) {
		for r := from; r < to; r++ {
			i := first + r
			row := scores[r*m : (r+1)*m]
			own := float64(row[x.twin(i)])
			worst, total := math.Inf(-1), 0.0
			for j, v := range row {
				if j != i && j != x.twin(i) {
					worst = max(worst, float64(v))
					total += float64(v)
				}
			}
			top, sum := max(worst, own), 0.0
			for j, v := range row {
				if j != i {
					sum += float64(exp32(float32((float64(v) - top) * x.inverse)))
				}
			}
			x.logs[i] = top*x.inverse + math.Log(sum)
			s.loss += x.logs[i] - own*x.inverse
			s.positive += own
			s.negative += total
			if own > worst {
				s.hits++
			}
		}
		return s
	})
}

// weights turns a tile of scores into ∂L/∂score, of which ∂L/∂z_i = Σ_j w_ij·z_j: the score of i and j stands in
// row i's softmax and in row j's.
func (x *ntxent) weights(scores []float32, first int) {
	m := 2 * x.n
	scale := float32(x.inverse / float64(m))
	inBlocks(len(scores)/m, func(from, to int) (none struct{}) {
		for r := from; r < to; r++ {
			i := first + r
			row := scores[r*m : (r+1)*m]
			for j, v := range row {
				s := float64(v) * x.inverse
				row[j] = scale * (exp32(float32(s-x.logs[i])) + exp32(float32(s-x.logs[j])))
			}
			row[i] = 0
			row[x.twin(i)] -= 2 * scale
		}
		return none
	})
}
