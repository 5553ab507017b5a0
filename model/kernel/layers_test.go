package kernel

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

const rel = 1e-4

func TestConvAgreesWithItsTwin(t *testing.T) {
	shapes := []twin.ConvShape{
		{N: 2, H: 16, W: 16, In: 3, Out: 32, KH: 3, KW: 3, Stride: 2, Pad: 1},
		{N: 2, H: 15, W: 17, In: 3, Out: 16, KH: 7, KW: 7, Stride: 2, Pad: 3},
		{N: 3, H: 8, W: 8, In: 32, Out: 64, KH: 3, KW: 3, Stride: 2, Pad: 1},
		{N: 2, H: 9, W: 7, In: 16, Out: 48, KH: 3, KW: 3, Stride: 1, Pad: 1},
		{N: 2, H: 9, W: 9, In: 32, Out: 16, KH: 1, KW: 1, Stride: 2, Pad: 0},
		{N: 1, H: 8, W: 8, In: 64, Out: 128, KH: 1, KW: 1, Stride: 1, Pad: 0},
		{N: 2, H: 6, W: 5, In: 5, Out: 7, KH: 3, KW: 2, Stride: 1, Pad: 0},
		{N: 1, H: 1, W: 1, In: 1, Out: 1, KH: 1, KW: 1, Stride: 1, Pad: 0},
		{N: 3, H: 2, W: 2, In: 128, Out: 256, KH: 3, KW: 3, Stride: 1, Pad: 1},
		{N: 5, H: 4, W: 4, In: 17, Out: 33, KH: 5, KW: 5, Stride: 3, Pad: 2},
		{N: 1, H: 3, W: 5, In: 64, Out: 48, KH: 3, KW: 2, Stride: 2, Pad: 1},
		{N: 1, H: 4, W: 4, In: 64, Out: 64, KH: 3, KW: 3, Stride: 2, Pad: 0},
	}
	for _, s := range shapes {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			r := random("conv")
			x, w := draw(r, s.N, s.H, s.W, s.In), draw(r, s.Out, s.In, s.KH, s.KW)
			dy := normal(r, s.N*s.OH()*s.OW()*s.Out)
			y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Conv2D(in[0], in[1], s.Stride, s.Pad, F32) }, dy, x, w)
			dx, dw := twin.ConvGradients(s, x.data, w.data, dy)
			near(t, "y", y, twin.Conv(s, x.data, w.data), rel)
			near(t, "dx", grads[0], dx, rel)
			near(t, "dw", grads[1], dw, rel)
		})
	}
}

func TestLinearAgreesWithItsTwin(t *testing.T) {
	for _, s := range [][3]int{{64, 256, 128}, {1, 1, 1}, {3, 17, 5}, {33, 64, 63}} {
		for _, relu := range []bool{false, true} {
			r := random("linear")
			x, w, b := draw(r, s[0], s[1]), draw(r, s[2], s[1]), draw(r, s[2])
			dy := normal(r, s[0]*s[2])
			y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Linear(in[0], in[1], in[2], relu) }, dy, x, w, b)
			want := twin.Linear(x.data, w.data, b.data, s[0], relu)
			dx, dw, db := twin.LinearGradients(dy, x.data, w.data, want, s[0], relu)
			near(t, "y", y, want, rel)
			near(t, "dx", grads[0], dx, rel)
			near(t, "dw", grads[1], dw, rel)
			near(t, "db", grads[2], db, rel)
		}
	}
}

func TestMaxPoolAgreesWithItsTwin(t *testing.T) {
	for _, s := range [][7]int{{5, 33, 32, 40, 3, 2, 1}, {1, 7, 9, 5, 3, 2, 1}, {2, 6, 6, 16, 2, 2, 0}, {1, 5, 5, 3, 3, 1, 1}} {
		n, h, w, c, k, stride, pad := s[0], s[1], s[2], s[3], s[4], s[5], s[6]
		r := random("pool")
		x := draw(r, n, h, w, c)
		for i := range x.data { // coarse numbers, so that there are equal ones
			x.data[i] = float32(int(x.data[i] * 2))
		}
		want, at := twin.MaxPool(x.data, n, h, w, c, k, stride, pad)
		dy := normal(r, len(want))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return MaxPool2D(in[0], k, stride, pad) }, dy, x)
		dx := make([]float32, len(x.data))
		for i, place := range at {
			dx[place] += dy[i]
		}
		near(t, "y", y, want, 0)
		near(t, "dx", grads[0], dx, 1e-6)
	}
}

func TestPointwiseOpsAgreeWithTheirTwins(t *testing.T) {
	for _, s := range [][4]int{{2, 3, 5, 7}, {9, 33, 16, 40}, {1, 1, 1, 1}} {
		r := random("pointwise")
		a, b := draw(r, s[:]...), draw(r, s[:]...)
		dy := normal(r, len(a.data))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return ReLU(in[0]) }, dy, a)
		near(t, "relu", y, twin.ReLU(a.data), 0)
		near(t, "relu gradient", grads[0], twin.ReLUGradient(y, dy), 0)

		sum := make([]float32, len(a.data))
		for i := range sum {
			sum[i] = a.data[i] + b.data[i]
		}
		y, grads = evaluate(t, func(in G.Nodes) (*G.Node, error) { return AddReLU(in[0], in[1]) }, dy, a, b)
		near(t, "add relu", y, twin.ReLU(sum), 0)
		near(t, "add relu gradient of a", grads[0], twin.ReLUGradient(y, dy), 0)
		near(t, "add relu gradient of b", grads[1], twin.ReLUGradient(y, dy), 0)

		dz := normal(r, s[0]*s[3])
		y, grads = evaluate(t, func(in G.Nodes) (*G.Node, error) { return GlobalMean(in[0]) }, dz, a)
		near(t, "mean", y, twin.GlobalMean(a.data, s[0], s[3]), rel)
		near(t, "mean gradient", grads[0], twin.GlobalMeanGradient(dz, s[0], s[1]*s[2], s[3]), rel)
	}
}

func TestNormalizeAgreesWithItsTwin(t *testing.T) {
	for _, s := range [][2]int{{64, 128}, {1, 2}, {3, 37}} {
		r := random("normalize")
		x := draw(r, s[:]...)
		dy := normal(r, len(x.data))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Normalize(in[0]) }, dy, x)
		near(t, "y", y, twin.Normalize(x.data, s[1]), rel)
		near(t, "dx", grads[0], twin.NormalizeGradient(x.data, dy, s[1]), rel)
	}
}

func TestNormalizeLeavesAZeroRowZero(t *testing.T) {
	y, _ := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Normalize(in[0]) }, make([]float32, 8), given{[]int{1, 8}, make([]float32, 8)})
	near(t, "y", y, make([]float32, 8), 0)
}

func TestGemmMultipliesByTheTranspose(t *testing.T) {
	r := random("gemm")
	a, b, c := normal(r, 5*7), normal(r, 3*7), make([]float32, 5*3)
	Gemm(c, a, b, 5, 3, 7)
	near(t, "c", c, twin.Linear(a, b, make([]float32, 3), 5, false), rel)
}

// A NaN must reach the loss, where the trainer sees it, and not turn into the zero of a ReLU.
func TestNaNsGoThroughReLUAndPooling(t *testing.T) {
	nan := float32(math.NaN())
	for name, build := range map[string]func(in G.Nodes) (*G.Node, error){
		"ReLU":      func(in G.Nodes) (*G.Node, error) { return ReLU(in[0]) },
		"AddReLU":   func(in G.Nodes) (*G.Node, error) { return AddReLU(in[0], in[0]) },
		"MaxPool2D": func(in G.Nodes) (*G.Node, error) { return MaxPool2D(in[0], 2, 2, 0) },
		"Bias":      func(in G.Nodes) (*G.Node, error) { return Bias(in[0], in[1], true) },
		"LeakyReLU": func(in G.Nodes) (*G.Node, error) { return LeakyReLU(in[0], 0) },
		"Sigmoid":   func(in G.Nodes) (*G.Node, error) { return Sigmoid(in[0]) },
		"Tanh":      func(in G.Nodes) (*G.Node, error) { return Tanh(in[0]) },
		"BatchNorm": func(in G.Nodes) (*G.Node, error) { return BatchNorm(in[0], in[1], in[2], nil, TrainFrozen, true) },
		"GroupNorm": func(in G.Nodes) (*G.Node, error) { return GroupNorm(in[0], in[1], in[2], 1, true) },
	} {
		for _, c := range []int{16, 3} {
			x := draw(random("nan"), 1, 2, 2, c)
			x.data[c+1] = nan
			g, in := graph(x, draw(random("gamma"), c), draw(random("beta"), c))
			y, err := build(in)
			if err != nil {
				t.Fatal(err)
			}
			if err := planned(t, g).RunAll(); err != nil {
				t.Fatal(err)
			}
			if !math.IsNaN(SumSquares(floatsOf(y))) {
				t.Errorf("%s over %d channels swallowed a NaN", name, c)
			}
		}
	}
}

func TestDistanceAgreesWithItsTwin(t *testing.T) {
	for _, shape := range [][]int{{1}, {3, 7}, {2, 3, 5, 7}, {200_007}} {
		r := random("distance")
		a, b := draw(r, shape...), draw(r, shape...)
		a.data[0] = b.data[0] // its slope is 0
		dy := normal(r, len(a.data))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Distance(in[0], in[1]) }, dy, a, b)
		want, da, db := twin.Distance(a.data, b.data, dy)
		near(t, "y", y, want, 0)
		near(t, "da", grads[0], da, 0)
		near(t, "db", grads[1], db, 0)
	}
}
