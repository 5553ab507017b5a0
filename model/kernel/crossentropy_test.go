package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

// targets are k classes of c for each of n rows, of which a share is ignored, with weights of sum 1.
func targets(name string, n, c, k int, ignored float64) (index []int32, weight []float32) {
	r := random(name)
	for range n {
		classes := r.Perm(c)[:k]
		sum, w := float32(0), make([]float32, k)
		for j := range w {
			w[j] = r.Float32()
			sum += w[j]
		}
		for j := range w {
			index, weight = append(index, int32(classes[j])), append(weight, w[j]/sum)
		}
		if r.Float64() < ignored {
			index[len(index)-k] = -1
		}
	}
	return index, weight
}

func TestSoftmaxCEAgreesWithItsTwin(t *testing.T) {
	for _, s := range []struct {
		n, c, k       int
		ignored       float64
		soft, weighed bool
	}{{1, 1, 1, 0, false, false}, {64, 4, 1, 0, false, false}, {50, 24, 1, 0.3, false, true}, {700, 313, 5, 0.2, true, true}, {9, 17, 3, 0.5, true, false}, {3, 5, 5, 1, true, true}} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			r := random("ce")
			z := normal(r, s.n*s.c)
			for i := range z {
				z[i] = z[i]*5 + 50
			}
			index, weight := targets("targets", s.n, s.c, s.k, s.ignored)
			if !s.soft {
				weight = nil
			}
			var rowWeight []float32
			if s.weighed {
				rowWeight = normal(r, s.n)
			}
			want, wantGrad := twin.SoftmaxCE(z, s.n, s.c, index, weight, s.k, rowWeight)
			grad := slices.Repeat([]float32{9}, len(z))
			var got SoftmaxStats
			SoftmaxCE(z, s.n, s.c, index, weight, s.k, rowWeight, grad, &got)
			near(t, "gradient", grad, wantGrad, 1e-5)
			near(t, "stats", []float32{got.Loss, got.Accuracy, float32(got.Rows)}, []float32{float32(want.Loss), float32(want.Accuracy), float32(want.Rows)}, 1e-5)
			again := make([]float32, len(z))
			defer SetThreads(0)
			SetThreads(1)
			var one SoftmaxStats
			SoftmaxCE(z, s.n, s.c, index, weight, s.k, rowWeight, again, &one)
			if !slices.Equal(grad, again) || one != got {
				t.Error("one thread gave other bits")
			}
		})
	}
}

func TestSoftmaxCEAgreesWithFiniteDifferences(t *testing.T) {
	const n, c, k, h = 20, 11, 3, 1e-2
	r := random("ce")
	z, rowWeight, grad := normal(r, n*c), normal(r, n), make([]float32, n*c)
	index, weight := targets("targets", n, c, k, 0.2)
	for i := range weight { // of another sum than 1
		weight[i] *= 0.6
	}
	loss := func() float64 {
		var s SoftmaxStats
		SoftmaxCE(z, n, c, index, weight, k, rowWeight, make([]float32, n*c), &s)
		return float64(s.Loss)
	}
	SoftmaxCE(z, n, c, index, weight, k, rowWeight, grad, new(SoftmaxStats))
	size := math.Sqrt(SumSquares(grad))
	at := slices.Clone(z)
	side := func(sign float32) float64 { // along the gradient
		for i := range z {
			z[i] = at[i] + sign*h*grad[i]/float32(size)
		}
		return loss()
	}
	if slope := (side(1) - side(-1)) / (2 * h); !(math.Abs(slope-size) < 1e-3*size) {
		t.Errorf("the loss has slope %v, its gradient says %v", slope, size)
	}
}

// ln 313 is where colorization begins.
func TestSoftmaxCEAtChanceIsLnOfClasses(t *testing.T) {
	var s SoftmaxStats
	SoftmaxCE(make([]float32, 2*313), 2, 313, []int32{7, 312}, nil, 1, nil, make([]float32, 2*313), &s)
	if math.Abs(float64(s.Loss)-math.Log(313)) > 1e-5 || s.Accuracy != 0 || s.Rows != 2 {
		t.Errorf("got %+v, want a loss of ln 313 and, of equal logits, the first to count", s)
	}
}

func TestSoftmaxCEOfIgnoredRowsIsZero(t *testing.T) {
	grad, s := []float32{1, 2, 3, 4}, SoftmaxStats{1, 1, 1}
	SoftmaxCE([]float32{5, 6, 7, 8}, 2, 2, []int32{-1, -1}, nil, 1, nil, grad, &s)
	if s != (SoftmaxStats{}) || SumSquares(grad) != 0 {
		t.Errorf("got %+v and gradient %v", s, grad)
	}
}

func TestSoftmaxCEShowsNaNs(t *testing.T) {
	for place := range 20 {
		z, grad := make([]float32, 20), make([]float32, 20)
		z[place] = float32(math.NaN())
		var s SoftmaxStats
		SoftmaxCE(z, 1, 20, []int32{3}, nil, 1, nil, grad, &s)
		if !math.IsNaN(float64(s.Loss)) || !math.IsNaN(SumSquares(grad)) {
			t.Errorf("a NaN at %d gives loss %v, gradient %v", place, s.Loss, grad)
		}
	}
}

func TestSoftmaxCERefusesWhatDoesNotFit(t *testing.T) {
	x := make([]float32, 6)
	for name, call := range map[string]func(){
		"a class beyond": func() { SoftmaxCE(x, 2, 3, []int32{0, 3}, nil, 1, nil, x, new(SoftmaxStats)) },
		"a class of -2":  func() { SoftmaxCE(x, 2, 3, []int32{0, -2}, nil, 1, nil, x, new(SoftmaxStats)) },
		"no weights":     func() { SoftmaxCE(x, 1, 3, []int32{0, 1}, nil, 2, nil, x, new(SoftmaxStats)) },
		"few labels":     func() { SoftmaxCE(x, 2, 3, []int32{0}, nil, 1, nil, x, new(SoftmaxStats)) },
		"few weights":    func() { SoftmaxCE(x, 1, 3, []int32{0, 1}, x[:1], 2, nil, x, new(SoftmaxStats)) },
		"few rows":       func() { SoftmaxCE(x, 2, 3, []int32{0, 1}, nil, 1, x[:1], x, new(SoftmaxStats)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			call()
		}()
	}
}
