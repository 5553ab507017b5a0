package eval

import (
	"math"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// through is crops of 24 px, cut anywhere from frames of 400 px, filmed through a lens that magnifies red by
// 1+k and blue by 1−k about the middle, and seen as Aberration sees them.
func through(name string, n int, k float64) Crops {
	const size, side = 24, 400
	c := Crops{Dim: 4}
	for i := range n {
		w, r := newWorld(name, uint64(i)), seed.New(6).At(name).Rand(uint64(i))
		x0, y0 := float64(r.IntN(side-size)), float64(r.IntN(side-size))
		var crop []float32
		for y := range size {
			for x := range size {
				for _, by := range [3]float64{1 / (1 + k), 1, 1 / (1 - k)} {
					px, py := x0+float64(x)-side/2, y0+float64(y)-side/2
					crop = append(crop, float32(w.at(px*by, py*by, 1)))
				}
			}
		}
		c.Vectors = append(c.Vectors, Aberration(crop, size)...)
		c.At = append(c.At, [2]float64{(x0 + size/2) / side, (y0 + size/2) / side})
	}
	return c
}

func TestALensTellsWhereACropWasCut(t *testing.T) {
	bent, err := ProbePosition("context", through("train", 300, 0.004), through("test", 200, 0.004))
	if err != nil || !bent.Suspicious() || bent.RMSE > 0.1 || !strings.Contains(bent.String(), "shift their channels") {
		t.Errorf("%v %v", bent, err)
	}
	straight, err := ProbePosition("context", through("train", 300, 0), through("test", 200, 0))
	if err != nil || straight.Suspicious() || math.Abs(straight.RMSE-straight.Guess) > 0.02 {
		t.Errorf("%v %v", straight, err)
	}
	// Uniform over 376/400 of the frame each way: √(2/12) of that.
	near(t, "a guess", straight.Guess, math.Sqrt(1.0/6)*376/400, 0.02)
}

func TestAberrationIsTheShiftBetweenColours(t *testing.T) {
	const size = 32
	w := newWorld("shift", 1)
	var crop []float32
	for y := range size {
		for x := range size {
			px, py := float64(x), float64(y)
			crop = append(crop, float32(2*w.at(px+0.4, py-0.2, 1)+0.3), float32(w.at(px, py, 1)), float32(0.5*w.at(px-0.3, py, 1)))
		}
	}
	for i, want := range []float64{0.4, -0.2, -0.3, 0} {
		near(t, "shift", float64(Aberration(crop, size)[i]), want, 0.05)
	}
	for _, v := range Aberration(make([]float32, size*size*3), size) {
		if v != 0 {
			t.Errorf("a black crop has a shift of %g", v)
		}
	}
}

// The vectors are the places, after a linear map.
func TestPositionIsPerfectWhereVectorsAreThePlace(t *testing.T) {
	r := seed.New(8).Rand()
	crops := func(n int) Crops {
		c := Crops{Dim: 2}
		for range n {
			x, y := r.Float64(), r.Float64()
			c.At = append(c.At, [2]float64{x, y})
			c.Vectors = append(c.Vectors, float32(10*x-3*y), float32(2*y+5))
		}
		return c
	}
	p, err := ProbePosition("toy", crops(2000), crops(500))
	if err != nil || p.RMSE > 0.001 || p.N != 500 || !p.Suspicious() {
		t.Errorf("%+v %v", p, err)
	}
}

func TestRidgeSlopeIsThatOfItsValue(t *testing.T) {
	x, at := []float64{1, 2, -1, 0.5, 3, -2}, [][2]float64{{0.1, 0.9}, {0.4, 0.2}, {0.7, 0.6}}
	w := []float64{0.3, -0.2, 0.5, 0.1, 0.05, -0.4}
	grad, scratch := make([]float64, len(w)), make([]float64, len(w))
	ridge(x, at, 2, w, grad)
	for i := range w {
		const h = 1e-6
		up, down := append([]float64(nil), w...), append([]float64(nil), w...)
		up[i] += h
		down[i] -= h
		near(t, "slope", grad[i], (ridge(x, at, 2, up, scratch)-ridge(x, at, 2, down, scratch))/(2*h), 1e-8)
	}
}

func TestPositionsThatCannotBeProbedSayWhatToDo(t *testing.T) {
	good := Crops{Dim: 1, Vectors: []float32{1, 2}, At: [][2]float64{{0, 0}, {1, 1}}}
	if _, err := ProbePosition("context", good, Crops{Dim: 1}); err == nil || !strings.Contains(err.Error(), "give more pictures") {
		t.Errorf("%v", err)
	}
	bad := Crops{Dim: 1, Vectors: []float32{1, float32(math.Inf(1))}, At: good.At}
	if _, err := ProbePosition("context", good, bad); err == nil || !strings.Contains(err.Error(), "diverged") {
		t.Errorf("%v", err)
	}
}
