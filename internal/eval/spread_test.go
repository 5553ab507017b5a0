package eval

import (
	"math"
	"slices"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %.6g, want %.6g ± %g", what, got, want, tolerance)
	}
}

// same is n copies of one row.
func same(n int, row ...float32) []float32 { return slices.Repeat(row, n) }

func TestIdenticalEmbeddingsHaveNoSpreadAndRankOne(t *testing.T) {
	v := same(300, gauss("row", 1, 128)...)
	std, rankme := Spread(v, 128)
	near(t, "std", std, 0, 1e-7)
	near(t, "RankMe", rankme, 1, 1e-3)
	near(t, "uniformity", Uniformity(v, 128), 0, 1e-5)
	near(t, "alignment with themselves", Alignment(v, v, 128), 0, 1e-12)
}

func TestRandomDirectionsAreHealthy(t *testing.T) {
	v := gauss("sphere", 2000, 128)
	std, rankme := Spread(v, 128)
	near(t, "std", std, 1/math.Sqrt(128), 5e-4)
	if rankme < 120 || rankme > 128.01 {
		t.Errorf("RankMe %g, want nearly 128", rankme)
	}
	near(t, "uniformity", Uniformity(v, 128), -3.938, 2e-3)
	near(t, "alignment of strangers", Alignment(v[:1000*128], v[1000*128:], 128), 2, 0.02)
}

func TestOrthogonalEmbeddingsHaveFullRank(t *testing.T) {
	const d = 64
	v := make([]float32, d*d)
	for i := range d {
		v[i*d+i] = 3
	}
	_, rankme := Spread(v, d)
	near(t, "RankMe", rankme, d, 2e-3)                // its own 1e-7 lifts it a little
	near(t, "uniformity", Uniformity(v, d), -4, 1e-5) // every squared distance is 2
	_, half := Spread(v[:d*d/2], d)
	near(t, "RankMe of half of them", half, d/2, 2e-3)
}

func TestRankMeOfKnownSingularValues(t *testing.T) {
	// σ = 3, 1: p = 3/4, 1/4.
	_, got := Spread([]float32{3, 0, 0, 1}, 2)
	near(t, "RankMe", got, math.Exp(-0.75*math.Log(0.75)-0.25*math.Log(0.25)), 1e-5)
	_, huge := Spread([]float32{3e30, 0, 0, 1e30}, 2)
	near(t, "RankMe at another scale", huge, got, 1e-5)
}

func TestAlignmentIsTheSquaredDistanceOfDirections(t *testing.T) {
	x := []float32{1, 0, 1, 0, 1, 0}
	y := []float32{7, 0, 0, 2, -3, 0} // same, orthogonal, opposite: 0, 2, 4
	near(t, "alignment", Alignment(x, y, 2), 2, 1e-12)
}

func TestUniformityOfZerosIsCollapse(t *testing.T) {
	near(t, "uniformity", Uniformity(make([]float32, 40), 4), 0, 1e-12)
}

func TestSpreadOfNothingAndOfNonsense(t *testing.T) {
	for name, c := range map[string]struct {
		v    []float32
		want float64
	}{
		"no rows": {nil, 0}, "zeros": {make([]float32, 8), 0},
	} {
		if std, rankme := Spread(c.v, 4); std != c.want || rankme != c.want {
			t.Errorf("%s: %g, %g, want %g", name, std, rankme, c.want)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		v := gauss("bad", 4, 4)
		v[5] = float32(bad)
		if std, rankme := Spread(v, 4); !math.IsNaN(std) || !math.IsNaN(rankme) {
			t.Errorf("with %g: %g, %g, want NaN", bad, std, rankme)
		}
	}
}
