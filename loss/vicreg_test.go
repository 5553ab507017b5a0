package loss

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

var ofThePaper = VICRegWeights{25, 25, 1}

// vicregTwin is VICReg by the book.
func vicregTwin(z []float64, d int, w VICRegWeights) float64 {
	half := len(z) / 2
	n := half / d
	total := 0.0
	for i := range half {
		total += float64(w.Invariance) * (z[i] - z[half+i]) * (z[i] - z[half+i]) / float64(half)
	}
	for _, x := range [][]float64{z[:half], z[half:]} {
		cov := func(j, k int) (s float64) {
			mj, mk := 0.0, 0.0
			for i := range n {
				mj += x[i*d+j] / float64(n)
				mk += x[i*d+k] / float64(n)
			}
			for i := range n {
				s += (x[i*d+j] - mj) * (x[i*d+k] - mk) / float64(n-1)
			}
			return s
		}
		for j := range d {
			total += float64(w.Variance) / 2 * math.Max(0, 1-math.Sqrt(cov(j, j)+1e-4)) / float64(d)
			for k := range d {
				if j != k {
					total += float64(w.Covariance) * cov(j, k) * cov(j, k) / float64(d)
				}
			}
		}
	}
	return total
}

func TestVICRegEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		n, d  int
		scale float32 // below 1 the variances are pushed, above not
		w     VICRegWeights
	}{{2, 1, 0.5, ofThePaper}, {5, 3, 0.3, ofThePaper}, {16, 8, 1, ofThePaper}, {16, 8, 3, VICRegWeights{1, 2, 3}}, {9, 6, 0.5, VICRegWeights{0, 0, 1}}} {
		z := rows(normals(seed.New(uint64(c.n)).Rand(), 2*c.n*c.d), c.d)
		for i := range z.x {
			z.x[i] *= c.scale
		}
		value, slopes := evaluate(t, 1, []array{z}, func(n []*G.Node) (*G.Node, error) { return VICReg(n[0], c.w, new(Contrast)) })
		agrees(t, "VICReg", value, slopes, []array{z}, func(x [][]float64) float64 { return vicregTwin(x[0], c.d, c.w) })
	}
}

// Values of testdata/gen/vicreg.py.
func TestVICRegEqualsPyTorch(t *testing.T) {
	var ref struct {
		D           int
		Z, Gradient []float32
		Loss        float64
	}
	golden(t, "vicreg", &ref)
	value, slopes := evaluate(t, 1, []array{rows(ref.Z, ref.D)}, func(n []*G.Node) (*G.Node, error) { return VICReg(n[0], ofThePaper, new(Contrast)) })
	near(t, "VICReg", value, ref.Loss, 1e-5*ref.Loss)
	same(t, "VICReg's gradient", slopes[0], ref.Gradient)
}

func TestVICRegOfACollapsedBatchIsItsVariances(t *testing.T) {
	z := rows(slices.Repeat([]float32{1, -2, 3}, 8), 3)
	var told Contrast
	value, slopes := evaluate(t, 1, []array{z}, func(n []*G.Node) (*G.Node, error) { return VICReg(n[0], ofThePaper, &told) })
	near(t, "VICReg of a collapsed batch", value, 25*0.99, 1e-4)
	near(t, "its gap", float64(told.Gap()), 0, 1e-6)
	same(t, "its gradient", slopes[0], make([]float32, len(z.x)))
}

func TestVICRegDoesNotCareWhichViewIsFirst(t *testing.T) {
	z := normals(seed.New(4).Rand(), 48)
	swapped := append(slices.Clone(z[24:]), z[:24]...)
	build := func(n []*G.Node) (*G.Node, error) { return VICReg(n[0], ofThePaper, new(Contrast)) }
	a, sa := evaluate(t, 1, []array{rows(z, 4)}, build)
	b, sb := evaluate(t, 1, []array{rows(swapped, 4)}, build)
	near(t, "the loss of swapped views", b, a, 1e-5)
	same(t, "the gradient of swapped views", append(slices.Clone(sb[0][24:]), sb[0][:24]...), sa[0])
}

func TestVICRegRefusesWhatDoesNotFit(t *testing.T) {
	with := func(n int, w VICRegWeights) error {
		return refusal([]array{rows(make([]float32, n*2), 2)}, func(x []*G.Node) (*G.Node, error) { return VICReg(x[0], w, new(Contrast)) })
	}
	refuses(t, map[string]error{
		"an odd number of rows": with(5, ofThePaper),
		"one picture":           with(2, ofThePaper),
		"a negative weight":     with(4, VICRegWeights{25, -25, 1}),
		"a weight of NaN":       with(4, VICRegWeights{25, 25, float32(math.NaN())}),
	})
}
