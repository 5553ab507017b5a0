package loss

import (
	"fmt"
	"math"

	"github.com/nearfar/nearfar/model/kernel"
)

// Pairs say which rows of a batch are no negatives for each other: row j is none for row i where Ignored[i·M+j].
// What belongs together is never ignored. The trainer fills them before each run; the graph keeps the pointer.
type Pairs struct {
	Ignored []bool // (M, M); nil ignores none
}

// inBatch is InfoNCE within a batch, which CPC and n-pairs share: row i of a (m, d) belongs with row i of b and is
// told apart from the other rows of b, by the scores a·bᵀ/T.
type inBatch struct {
	m, d          int
	temperature   float32
	labels        []int32
	scores, slope []float32 // (m, m)
	slopes        []float32 // slope the other way round
	across        []float32 // (d, m)
}

func newInBatch(m, d int, temperature float32) *inBatch {
	b := &inBatch{m: m, d: d, temperature: temperature, labels: make([]int32, m), scores: make([]float32, m*m), slope: make([]float32, m*m),
		slopes: make([]float32, m*m), across: make([]float32, m*d)}
	for i := range b.labels {
		b.labels[i] = int32(i)
	}
	return b
}

// run returns the mean loss of a's rows in nats and writes its gradients into da and db. mask may be nil.
func (s *inBatch) run(a, b []float32, mask *Pairs, da, db []float32) (Contrast, error) {
	m, d := s.m, s.d
	var ignored []bool
	if mask != nil {
		ignored = mask.Ignored
	}
	if ignored != nil && len(ignored) != m*m {
		return Contrast{}, fmt.Errorf("%d rows are masked by %d pairs, not %d", m, len(ignored), m*m)
	}
	out := func(i, j int) bool { return i != j && ignored != nil && ignored[i*m+j] }
	kernel.Gemm(s.scores, a, b, m, m, d)
	var t tally
	for i := range m {
		row := s.scores[i*m : (i+1)*m]
		t.row(row, func(j int) int8 {
			switch {
			case j == i:
				return positive
			case out(i, j):
				return neither
			}
			return negative
		})
		for j := range row {
			if row[j] /= s.temperature; out(i, j) {
				row[j] = float32(math.Inf(-1))
			}
		}
	}
	sums := softmaxCE(s.scores, m, m, target{index: s.labels, k: 1}, 1/float32(m)/s.temperature, s.slope)
	transpose(s.across, b, m, d)
	kernel.Gemm(da, s.slope, s.across, m, d, m)
	transpose(s.across, a, m, d)
	transpose(s.slopes, s.slope, m, m)
	kernel.Gemm(db, s.slopes, s.across, m, d, m)
	return t.told(sums.plain/float64(m), true), nil
}
