package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// Nearness is how near frames of a batch are to each other in time. The trainer fills it before each run; the graph
// keeps the pointer.
type Nearness struct {
	Of []float32 // (N, N): of key j to query i, in [0, 1] and 1 on the diagonal; −1 where the two are not to be compared
}

// apart is the nearness of frames that are not compared.
const apart = -1

// SCL is the sequence contrastive loss (Chen et al. 2022, "Frame-wise action representations for long videos via
// sequence contrastive learning", arXiv:2203.14957, eq. 2 and 3) over unit embeddings z (2N, d), frame i of one view in
// row i and of the other in row i+N. How alike frames are shall follow how near they are in time, w_ij:
//
//	L = −1/2N Σ_i Σ_j  ŵ_ij ln( exp(z_i·z_j/T) / Σ_k exp(z_i·z_k/T) ),   ŵ_ij = w_ij / Σ_k w_ik
//
// from either view to the other, j and k running over the frames that i is compared with. A cross entropy with soft
// targets is never 0: its least value is the entropy of ŵ, which is no bound on mutual information.
//
// For out, frames nearer than a half are positives, the others negatives.
//
// Errors: shapes that do not fit, a temperature that is not positive; when run, nearness of another size, above 1, or
// below 1 on the diagonal.
func SCL(z *G.Node, in *Nearness, temperature float32, out *Contrast) (*G.Node, error) {
	n, d, err := views("SCL", "embeddings", z)
	if err != nil {
		return nil, err
	}
	if err := finitePositive("SCL", "temperature", temperature); err != nil {
		return nil, err
	}
	s := newSequences(n, d, temperature)
	return costOf("SCL", []*G.Node{z}, nil, func(xs, gradients [][]float32) (float32, error) {
		if err := in.fit(n); err != nil {
			return 0, err
		}
		*out = s.run(xs[0], in.Of, gradients[0])
		return out.Loss, nil
	})
}

func (in *Nearness) fit(n int) error {
	if len(in.Of) != n*n {
		return fmt.Errorf("%d frames have %d numbers of nearness, not %d", n, len(in.Of), n*n)
	}
	for i, w := range in.Of {
		if row, column := i/n, i%n; !(w >= 0 && w <= 1 || w == apart) || row == column && w != 1 {
			return fmt.Errorf("frames %d and %d are near by %v; it must lie in [0, 1] or be %d, and 1 for a frame and itself", row, column, w, apart)
		}
	}
	return nil
}

// sequences is the room that SCL works in.
type sequences struct {
	n, d           int
	temperature    float32
	index          []int32   // (N, N): all columns, row by row
	weight         []float32 // (N, N): ŵ
	scores, slope  []float32 // (N, N)
	columns, nearT []float32 // (N, N): the other way round
	across         []float32 // (d, N)
	part           []float32 // (N, d)
}

func newSequences(n, d int, temperature float32) *sequences {
	s := &sequences{n: n, d: d, temperature: temperature, index: make([]int32, n*n), weight: make([]float32, n*n), scores: make([]float32, n*n),
		slope: make([]float32, n*n), columns: make([]float32, n*n), nearT: make([]float32, n*n), across: make([]float32, n*d), part: make([]float32, n*d)}
	for i := range s.index {
		s.index[i] = int32(i % n)
	}
	return s
}

func (s *sequences) run(z, near, dz []float32) Contrast {
	half := s.n * s.d
	clear(dz)
	var t tally
	transpose(s.nearT, near, s.n, s.n)
	loss := s.direction(z[:half], z[half:], near, &t, dz[:half], dz[half:]) + s.direction(z[half:], z[:half], s.nearT, &t, dz[half:], dz[:half])
	return t.told(loss/float64(2*s.n), false)
}

// direction sums the loss from the frames a of one view to those of the other, b, and adds its share of the gradient.
func (s *sequences) direction(a, b, near []float32, t *tally, da, db []float32) float64 {
	n, d := s.n, s.d
	kernel.Gemm(s.scores, a, b, n, n, d)
	for i := range n {
		row, w := s.scores[i*n:(i+1)*n], near[i*n:(i+1)*n]
		t.row(row, func(j int) int8 {
			switch {
			case w[j] == apart:
				return neither
			case w[j] > 0.5:
				return positive
			}
			return negative
		})
		mass := 0.0
		for _, v := range w {
			mass += float64(max(v, 0))
		}
		for j := range row {
			if row[j] /= s.temperature; w[j] == apart {
				row[j] = float32(math.Inf(-1))
			}
			s.weight[i*n+j] = float32(float64(max(w[j], 0)) / mass)
		}
	}
	sums := softmaxCE(s.scores, n, n, target{index: s.index, weight: s.weight, k: n}, 1/float32(2*n)/s.temperature, s.slope)
	s.add(s.slope, b, da)
	transpose(s.columns, s.slope, n, n)
	s.add(s.columns, a, db)
	return sums.plain
}

// add is dx += slope·y.
func (s *sequences) add(slope, y, dx []float32) {
	transpose(s.across, y, s.n, s.d)
	kernel.Gemm(s.part, slope, s.across, s.n, s.d, s.n)
	axpy(1, s.part, dx)
}
