package kernel

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

func labOf(t *testing.T, shape []int, x []float32) []float32 {
	t.Helper()
	g, in := graph(given{shape, x})
	y, err := Lab(in[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := planned(t, g).RunAll(); err != nil {
		t.Fatal(err)
	}
	return floatsOf(y)
}

func TestLabAgreesWithItsTwin(t *testing.T) {
	for _, shape := range [][]int{{1, 1, 1, 3}, {2, 9, 15, 3}, {4, 128, 128, 3}} {
		x := draw(random("lab"), shape...) // a twentieth lies outside 0…255
		near(t, "lab", labOf(t, shape, x.data), twin.Lab(x.data), 1e-5)
	}
	var levels []float32 // each level of each channel, and of grey
	for v := range 256 {
		n, zero := (float32(v)/255-0.5)/0.25, float32(-2)
		levels = append(levels, n, zero, zero, zero, n, zero, zero, zero, n, n, n, n)
	}
	near(t, "levels", labOf(t, []int{1, 256, 4, 3}, levels), twin.Lab(levels), 1e-5)
}

// Values of sRGB's corners under D65, as colour tables print them.
func TestLabOfKnownColours(t *testing.T) {
	for _, c := range []struct{ rgb, lab [3]float64 }{
		{[3]float64{255, 255, 255}, [3]float64{100, 0, 0}},
		{[3]float64{0, 0, 0}, [3]float64{0, 0, 0}},
		{[3]float64{255, 0, 0}, [3]float64{53.24, 80.09, 67.20}},
		{[3]float64{0, 255, 0}, [3]float64{87.73, -86.18, 83.18}},
		{[3]float64{0, 0, 255}, [3]float64{32.30, 79.19, -107.86}},
		{[3]float64{300, -50, 1e9}, [3]float64{60.32, 98.23, -60.82}}, // clamped to magenta
		{[3]float64{119, 119, 119}, [3]float64{50.03, 0, 0}},
	} {
		x := make([]float32, 3)
		for i, v := range c.rgb {
			x[i] = float32((v/255 - 0.5) / 0.25)
		}
		y := labOf(t, []int{1, 1, 1, 3}, x)
		got := [3]float64{float64(y[0])*25 + 50, float64(y[1]) * 25, float64(y[2]) * 25}
		for i := range got {
			if !(math.Abs(got[i]-c.lab[i]) < 0.02) {
				t.Errorf("RGB %v has Lab %.3f, want %v", c.rgb, got, c.lab)
				break
			}
		}
	}
}

func TestLabLetsNaNsThrough(t *testing.T) {
	y := labOf(t, []int{1, 1, 1, 3}, []float32{float32(math.NaN()), 0, 0})
	if !math.IsNaN(SumSquares(y)) {
		t.Errorf("a NaN has Lab %v", y)
	}
}

func TestLabHasNoGradient(t *testing.T) {
	_, in := graph(draw(random("lab"), 1, 2, 2, 3))
	y, err := Lab(in[0])
	if err != nil {
		t.Fatal(err)
	}
	cost, err := weigh(y, make([]float32, 12))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(cost, in[0]); err == nil {
		t.Error("Grad gave a gradient through Lab")
	}
}
