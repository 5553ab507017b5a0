package loss

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// ntxentTwin is NTXent by the book.
func ntxentTwin(z []float64, d int, temperature float64) float64 {
	m := len(z) / d
	total := 0.0
	for i := range m {
		var others []float64
		for j := range m {
			if j != i {
				others = append(others, inner(z[i*d:(i+1)*d], z[j*d:(j+1)*d])/temperature)
			}
		}
		k := (i + m/2) % m
		total += logSumExp(others) - inner(z[i*d:(i+1)*d], z[k*d:(k+1)*d])/temperature
	}
	return total / float64(m)
}

func TestNTXentEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct{ n, d int }{{1, 3}, {2, 4}, {9, 16}, {130, 8}} { // the last over two tiles
		z := rows(units(seed.New(uint64(c.n)).Rand(), 2*c.n, c.d), c.d)
		const temperature = float32(0.1)
		var told Contrast
		value, slopes := evaluate(t, 1, []array{z}, func(n []*G.Node) (*G.Node, error) { return NTXent(n[0], temperature, &told) })
		agrees(t, "NTXent", value, slopes, []array{z}, func(x [][]float64) float64 { return ntxentTwin(x[0], c.d, float64(temperature)) })
		scores := tallyProducts(z.x, z.x, 2*c.n, 2*c.n, c.d, func(i, j int) int8 {
			switch j {
			case i:
				return neither
			case (i + c.n) % (2 * c.n):
				return positive
			}
			return negative
		}).told(value, true)
		for what, pair := range map[string][2]float32{"positive": {told.Positive, scores.Positive}, "negative": {told.Negative, scores.Negative},
			"accuracy": {told.Accuracy, scores.Accuracy}, "candidates": {told.Candidates, scores.Candidates}} {
			near(t, what, float64(pair[0]), float64(pair[1]), 1e-5)
		}
	}
}

// Values of testdata/gen/ntxent.py.
func TestNTXentEqualsPyTorch(t *testing.T) {
	var ref struct {
		D           int
		Temperature float32
		Z, Gradient []float32
		Loss        float64
	}
	golden(t, "ntxent", &ref)
	value, slopes := evaluate(t, 1, []array{rows(ref.Z, ref.D)}, func(n []*G.Node) (*G.Node, error) { return NTXent(n[0], ref.Temperature, new(Contrast)) })
	near(t, "NTXent", value, ref.Loss, 1e-5)
	same(t, "NTXent's gradient", slopes[0], ref.Gradient)
}

// When all views look the same the loss is ln(2N−1), nothing is right, and nothing pulls.
func TestNTXentAtChance(t *testing.T) {
	for n, want := range map[int]float64{256: 6.236, 512: 6.930} {
		z := make([]float32, 2*n*2)
		for i := range 2 * n {
			z[2*i] = 1
		}
		var c Contrast
		dz := make([]float32, len(z))
		near(t, "NTXent at chance", float64(NTXentValue(z, n, 2, 0.1, dz, &c)), want, 1e-3)
		near(t, "its bound", float64(c.MIBound()), 0, 1e-4)
		if c.Accuracy != 0 || slices.IndexFunc(dz, func(g float32) bool { return math.Abs(float64(g)) > 1e-6 }) >= 0 {
			t.Errorf("N = %d: %+v, or a gradient that is not 0", n, c)
		}
	}
}

// Of the 8192 rows of N = 4096 one tile is enough to see it: each is at 9.011.
func TestNTXentAtChanceIn4096(t *testing.T) {
	const n = 4096
	x := &ntxent{n: n, inverse: 10, logs: make([]float64, 2*n)}
	scores := slices.Repeat([]float32{0.3}, tile*2*n)
	var s ntxentSums
	s.add(x.denominators(scores, n-tile/2))
	near(t, "NTXent at chance", s.loss/tile, 9.011, 1e-3)
}

func TestNTXentDoesNotCareWhichViewIsFirst(t *testing.T) {
	const n, d = 5, 8
	z := units(seed.New(2).Rand(), 2*n, d)
	swapped := append(slices.Clone(z[n*d:]), z[:n*d]...)
	a, b := make([]float32, len(z)), make([]float32, len(z))
	var c Contrast
	near(t, "the loss of swapped views", float64(NTXentValue(swapped, n, d, 0.5, b, &c)), float64(NTXentValue(z, n, d, 0.5, a, &c)), 1e-6)
	same(t, "the gradient of swapped views", append(slices.Clone(b[n*d:]), b[:n*d]...), a)
}

func TestNTXentRefusesWhatDoesNotFit(t *testing.T) {
	z := []array{rows(make([]float32, 9), 3)}
	even := []array{rows(make([]float32, 12), 3)}
	with := func(temperature float32) error {
		return refusal(even, func(n []*G.Node) (*G.Node, error) { return NTXent(n[0], temperature, new(Contrast)) })
	}
	refuses(t, map[string]error{
		"an odd number of rows":    refusal(z, func(n []*G.Node) (*G.Node, error) { return NTXent(n[0], 0.1, new(Contrast)) }),
		"zero temperature":         with(0),
		"an infinite temperature":  with(float32(math.Inf(1))),
		"a temperature of NaN":     with(float32(math.NaN())),
		"a slope of another size":  refusal(even, func(n []*G.Node) (*G.Node, error) { return Cached(n[0], make([]float32, 11)) }),
		"a slope of no embeddings": refusal([]array{{[]int{4}, make([]float32, 4)}}, func(n []*G.Node) (*G.Node, error) { return Cached(n[0], make([]float32, 4)) }),
	})
}

func BenchmarkNTXent8192(b *testing.B) {
	const n, d = 4096, 128
	z := units(seed.New(1).Rand(), 2*n, d)
	dz := make([]float32, len(z))
	var c Contrast
	for b.Loop() {
		NTXentValue(z, n, d, 0.1, dz, &c)
	}
}
