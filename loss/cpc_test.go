package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// inBatchTwin tells row i of a from the rows of b by the book.
func inBatchTwin(a, b []float64, d int, ignored []bool, temperature float64) float64 {
	m := len(a) / d
	total := 0.0
	for i := range m {
		var scores []float64
		for j := range m {
			if j == i || ignored == nil || !ignored[i*m+j] {
				scores = append(scores, inner(a[i*d:(i+1)*d], b[j*d:(j+1)*d])/temperature)
			}
		}
		total += logSumExp(scores) - inner(a[i*d:(i+1)*d], b[i*d:(i+1)*d])/temperature
	}
	return total / float64(m)
}

// someIgnored are a quarter of all pairs, and those on the diagonal, which must not matter.
func someIgnored(m int) *Pairs {
	r := seed.New(uint64(m)).At("ignored").Rand()
	p := &Pairs{make([]bool, m*m)}
	for i := range p.Ignored {
		p.Ignored[i] = i%(m+1) == 0 || r.IntN(4) == 0
	}
	return p
}

func TestPredictiveEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		m, d        int
		temperature float32
		mask        *Pairs
	}{{1, 2, 1, nil}, {6, 4, 1, nil}, {6, 4, 0.3, someIgnored(6)}, {40, 16, 1, someIgnored(40)}, {6, 4, 1, &Pairs{}}} {
		r := seed.New(uint64(c.m)).Rand()
		x := []array{rows(normals(r, c.m*c.d), c.d), rows(normals(r, c.m*c.d), c.d)}
		var told Contrast
		value, slopes := evaluate(t, 2, x, func(n []*G.Node) (*G.Node, error) { return Predictive(n[0], n[1], c.mask, c.temperature, &told) })
		var ignored []bool
		if c.mask != nil {
			ignored = c.mask.Ignored
		}
		agrees(t, "Predictive", value, slopes, x, func(x [][]float64) float64 {
			return inBatchTwin(x[0], x[1], c.d, ignored, float64(c.temperature))
		})
		if ignored == nil {
			near(t, "candidates", float64(told.Candidates), math.Log(float64(c.m)), 1e-5)
		}
	}
}

// Values of testdata/gen/inbatch.py.
func TestPredictiveEqualsPyTorch(t *testing.T) {
	var ref struct {
		D                                              int
		Temperature                                    float32
		A, B, PredictiveGradientA, PredictiveGradientB []float32
		Ignored                                        []bool
		Predictive                                     float64
	}
	golden(t, "inbatch", &ref)
	value, slopes := evaluate(t, 2, []array{rows(ref.A, ref.D), rows(ref.B, ref.D)}, func(n []*G.Node) (*G.Node, error) {
		return Predictive(n[0], n[1], &Pairs{ref.Ignored}, ref.Temperature, new(Contrast))
	})
	near(t, "Predictive", value, ref.Predictive, 1e-5)
	same(t, "the gradient of predictions", slopes[0], ref.PredictiveGradientA)
	same(t, "the gradient of targets", slopes[1], ref.PredictiveGradientB)
}

func TestPredictiveAtChance(t *testing.T) {
	for _, m := range []int{2, 64, 257} {
		x := rows(make([]float32, m*3), 3)
		var told Contrast
		value, _ := evaluate(t, 2, []array{x, x}, func(n []*G.Node) (*G.Node, error) { return Predictive(n[0], n[1], nil, 1, &told) })
		near(t, "the loss at chance", value, math.Log(float64(m)), 1e-5)
		near(t, "the bound at chance", float64(told.MIBound()), 0, 1e-5)
		near(t, "the accuracy at chance", float64(told.Accuracy), 0, 0)
	}
}

func TestPredictiveRefusesWhatDoesNotFit(t *testing.T) {
	x := rows(make([]float32, 6), 3)
	with := func(other array, mask *Pairs, temperature float32) error {
		return refusal([]array{x, other}, func(n []*G.Node) (*G.Node, error) { return Predictive(n[0], n[1], mask, temperature, new(Contrast)) })
	}
	if err := with(x, &Pairs{make([]bool, 4)}, 1); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"fewer targets":             with(rows(make([]float32, 3), 3), nil, 1),
		"shorter targets":           with(rows(make([]float32, 4), 2), nil, 1),
		"zero temperature":          with(x, nil, 0),
		"a mask of another batch":   with(x, &Pairs{make([]bool, 9)}, 1),
		"targets that are a vector": with(array{[]int{6}, x.x}, nil, 1),
	})
}
