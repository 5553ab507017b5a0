package pretext

import (
	"math"
	"testing"
)

// Made by testdata/gen/lab.py (Python 3.11, no randomness): R, G, B, L, a, b.
var labGolden = [][6]float64{
	{0, 0, 0, 0.00000, 0.00000, 0.00000},
	{255, 255, 255, 100.00000, 0.00000, 0.00000},
	{128, 128, 128, 53.58501, 0.00000, 0.00000},
	{255, 0, 0, 53.24059, 80.09417, 67.20154},
	{0, 255, 0, 87.73510, -86.18126, 83.17748},
	{0, 0, 255, 32.29567, 79.18700, -107.86175},
	{255, 255, 0, 97.13951, -21.55239, 94.47578},
	{0, 255, 255, 91.11330, -48.08857, -14.13096},
	{255, 0, 255, 60.32351, 98.23515, -60.82549},
	{12, 8, 3, 2.33427, 0.38024, 2.27120},
	{200, 120, 40, 57.91229, 25.29691, 54.08108},
	{31, 64, 92, 25.95234, -2.26201, -20.27128},
	{250, 128, 114, 67.26401, 45.22752, 29.09383},
}

func TestLabHasTheGoldenValues(t *testing.T) {
	for _, want := range labGolden {
		l, a, b := Lab(level(want[0]), level(want[1]), level(want[2]))
		for i, got := range []float32{l, a, b} {
			if !near(float64(got), want[3+i], 2e-3) {
				t.Errorf("RGB %v: %v, %v, %v instead of %v", want[:3], l, a, b, want[3:])
				break
			}
		}
	}
}

func TestRGBUndoesLab(t *testing.T) {
	for r := 0; r < 256; r += 5 {
		for g := 0; g < 256; g += 5 {
			for b := 0; b < 256; b += 5 {
				x := [3]float32{level(float64(r)), level(float64(g)), level(float64(b))}
				var y [3]float32
				y[0], y[1], y[2] = RGB(Lab(x[0], x[1], x[2]))
				for i := range x {
					if !near(float64(x[i]), float64(y[i]), 0.01*grain) {
						t.Fatalf("RGB %d, %d, %d came back as %v instead of %v", r, g, b, y, x)
					}
				}
			}
		}
	}
}

func TestGraysHaveNoColourAndOutOfRangeIsClipped(t *testing.T) {
	for v := range 256 {
		if _, a, b := Lab(level(float64(v)), level(float64(v)), level(float64(v))); !near(float64(a), 0, 1e-4) || !near(float64(b), 0, 1e-4) {
			t.Errorf("gray %d has a = %v, b = %v", v, a, b)
		}
	}
	l, a, b := Lab(-9, 9, 9)
	m, c, d := Lab(-2, 2, 2)
	if l != m || a != c || b != d {
		t.Error("values beyond 0 to 255 are not clipped")
	}
	for _, lab := range [][3]float32{{50, 120, 120}, {50, -120, -120}, {0, 90, 0}, {100, 0, -90}, {110, 0, 0}, {-5, 0, 0}} {
		r, g, b := RGB(lab[0], lab[1], lab[2])
		for _, x := range []float32{r, g, b} {
			if !(x >= -2 && x <= 2) {
				t.Errorf("Lab %v became %v, %v, %v", lab, r, g, b)
			}
		}
	}
}

func TestTheTableOfLinearIsClose(t *testing.T) {
	for i := range 100001 {
		v := float64(i) / 100000
		if got := linear(float32((v - 0.5) / 0.25)); math.Abs(got-transfer(v)) > 4e-7 {
			t.Fatalf("linear of %v is %v instead of %v", v, got, transfer(v))
		}
	}
}

func TestGrayHoldsLightnessAndNothingElse(t *testing.T) {
	p := noise(16, 1)
	dst := make([]float32, len(p.Pix))
	Gray(dst, p.Pix, 16)
	for i := 0; i < len(dst); i += 3 {
		if dst[i] != dst[i+1] || dst[i] != dst[i+2] {
			t.Fatalf("%v is not gray", dst[i:i+3])
		}
		want, _, _ := Lab(p.Pix[i], p.Pix[i+1], p.Pix[i+2])
		if got, _, _ := Lab(dst[i], dst[i+1], dst[i+2]); !near(float64(got), float64(want), 1e-3) {
			t.Fatalf("the lightness of %v became %v instead of %v", p.Pix[i:i+3], got, want)
		}
	}
}
