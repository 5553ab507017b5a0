package kernel

import (
	"math"
	"slices"
	"testing"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

// What 0.9 and 0.999 are in float32.
var beta1, beta2 = float64(float32(0.9)), float64(float32(0.999))

func TestOptimizersAgreeWithTheirTwins(t *testing.T) {
	for _, n := range []int{1, 17, 300_007} {
		r := random("update")
		p, v, m := normal(r, n), make([]float32, n), make([]float32, n)
		p2, v2, m2 := slices.Clone(p), slices.Clone(v), slices.Clone(m)
		for range 5 {
			g := normal(r, n)
			SGDMomentum(p, g, v, 0.03, 0.9, 1e-4)
			twin.SGDMomentum(p2, g, v2, 0.03, 0.9, 1e-4)
		}
		near(t, "sgd params", p, p2, 1e-5)
		near(t, "sgd velocity", v, v2, 1e-5)
		clear(v)
		clear(v2)
		for step := 1; step <= 5; step++ {
			g := normal(r, n)
			Adam(p, g, m, v, 1e-3, 0.9, 0.999, 1e-8, 1e-2, step)
			twin.Adam(p2, g, m2, v2, 1e-3, beta1, beta2, 1e-8, 1e-2, 0, step)
		}
		near(t, "adam params", p, p2, 1e-5)
		near(t, "adam mean", m, m2, 1e-5)
		near(t, "adam square", v, v2, 1e-5)
		for step := 6; step <= 10; step++ {
			g := normal(r, n)
			AdamW(p, g, m, v, 1e-3, 0.9, 0.999, 1e-8, 1e-2, step)
			twin.Adam(p2, g, m2, v2, 1e-3, beta1, beta2, 1e-8, 0, 1e-2, step)
		}
		near(t, "adamw params", p, p2, 1e-5)
		key, key2 := normal(r, n), []float32(nil)
		key2 = slices.Clone(key)
		EMA(key, p, 0.99)
		twin.EMA(key2, p, 0.99)
		near(t, "ema", key, key2, 1e-5)
		Axpy(key, p, -0.3)
		twin.Axpy(key2, p, float64(float32(-0.3)))
		near(t, "axpy", key, key2, 1e-5)
	}
}

func TestScaleRowsAgreesWithItsTwin(t *testing.T) {
	for _, s := range [][2]int{{0, 3}, {1, 1}, {5, 7}, {1500, 100}} {
		r := random("scale")
		x, factor := normal(r, s[0]*s[1]), normal(r, s[0])
		want, got := twin.ScaleRows(x, s[1], factor), make([]float32, len(x))
		ScaleRows(got, x, s[1], factor)
		near(t, "rows", got, want, 0)
		ScaleRows(x, x, s[1], factor)
		near(t, "rows in place", x, want, 0)
	}
}

func TestSumSquaresDoesNotDependOnThreads(t *testing.T) {
	x := normal(random("squares"), 300_007)
	want := 0.0
	for _, v := range x {
		want += float64(v) * float64(v)
	}
	defer SetThreads(0)
	SetThreads(1)
	one := SumSquares(x)
	SetThreads(2)
	if two := SumSquares(x); one != two {
		t.Errorf("one thread sums to %v, two to %v", one, two)
	}
	if math.Abs(one-want) > 1e-9*want {
		t.Errorf("sum is %v, want %v", one, want)
	}
	if s := SumSquares(nil); s != 0 {
		t.Errorf("the sum of nothing is %v", s)
	}
	if s := SumSquares([]float32{float32(math.NaN())}); !math.IsNaN(s) {
		t.Errorf("the sum over a NaN is %v", s)
	}
}

// An optimiser says that a weight is no number any more, wherever it is.
func TestOptimisersSeeWhatIsNoNumber(t *testing.T) {
	for _, n := range []int{1, 7, 300_000} {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			for _, at := range []int{-1, 0, n / 2, n - 1} {
				p, g, m, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
				if at >= 0 {
					g[at] = bad
				}
				if SGDMomentum(p, g, m, 0.1, 0.9, 1e-4) != (at < 0) {
					t.Errorf("SGD, %d weights, gradient %v at %d", n, bad, at)
				}
				clear(p)
				clear(m)
				if Adam(p, g, m, v, 0.1, 0.9, 0.999, 1e-8, 1e-4, 1) != (at < 0) {
					t.Errorf("Adam, %d weights, gradient %v at %d", n, bad, at)
				}
			}
		}
	}
}
