package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

func npairsTwin(e []float64, d int, ignored []bool, regularize float64) float64 {
	half := len(e) / 2
	return inBatchTwin(e[:half], e[half:], d, ignored, 1) + regularize/4*inner(e, e)/float64(half/d)
}

func TestNPairsEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		n, d       int
		regularize float32
		mask       *Pairs
	}{{1, 2, 0.002, nil}, {6, 4, 0.5, nil}, {32, 8, 0.002, someIgnored(32)}} {
		e := rows(normals(seed.New(uint64(c.n)).Rand(), 2*c.n*c.d), c.d)
		var told Contrast
		value, slopes := evaluate(t, 1, []array{e}, func(n []*G.Node) (*G.Node, error) { return NPairs(n[0], c.mask, c.regularize, &told) })
		var ignored []bool
		if c.mask != nil {
			ignored = c.mask.Ignored
		}
		agrees(t, "NPairs", value, slopes, []array{e}, func(x [][]float64) float64 { return npairsTwin(x[0], c.d, ignored, float64(c.regularize)) })
		near(t, "the loss without its regulariser", float64(told.Loss), npairsTwin(double(e.x), c.d, ignored, 0), 1e-5)
	}
}

// Values of testdata/gen/inbatch.py.
func TestNPairsEqualsPyTorch(t *testing.T) {
	var ref struct {
		D                    int
		A, B, NPairsGradient []float32
		Regularize           float32
		Ignored              []bool
		NPairs               float64
	}
	golden(t, "inbatch", &ref)
	value, slopes := evaluate(t, 1, []array{rows(append(ref.A, ref.B...), ref.D)}, func(n []*G.Node) (*G.Node, error) {
		return NPairs(n[0], &Pairs{ref.Ignored}, ref.Regularize, new(Contrast))
	})
	near(t, "NPairs", value, ref.NPairs, 1e-5)
	same(t, "NPairs' gradient", slopes[0], ref.NPairsGradient)
}

func TestNPairsAtChance(t *testing.T) {
	const n = 64
	value, _ := evaluate(t, 1, []array{rows(make([]float32, 2*n*4), 4)}, func(x []*G.Node) (*G.Node, error) { return NPairs(x[0], nil, 0.002, new(Contrast)) })
	near(t, "the loss at chance", value, math.Log(n), 1e-5)
}

func TestNPairsRefusesWhatDoesNotFit(t *testing.T) {
	with := func(rowCount int, mask *Pairs, regularize float32) error {
		return refusal([]array{rows(make([]float32, rowCount*2), 2)}, func(n []*G.Node) (*G.Node, error) { return NPairs(n[0], mask, regularize, new(Contrast)) })
	}
	if err := with(4, &Pairs{make([]bool, 4)}, 0); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"an odd number of rows":      with(3, nil, 0),
		"a mask of all rows":         with(4, &Pairs{make([]bool, 16)}, 0),
		"a negative regulariser":     with(4, nil, -0.1),
		"a regulariser not a number": with(4, nil, float32(math.NaN())),
	})
}
