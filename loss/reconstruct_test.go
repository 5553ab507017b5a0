package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// maskedTwin is MaskedL2 by the book.
func maskedTwin(y []float64, in *Hole) float64 {
	channels := len(y) / len(in.Weight)
	sum, mass := 0.0, 0.0
	for i, w := range in.Weight {
		mass += float64(w)
		for k := i * channels; k < (i+1)*channels; k++ {
			sum += float64(w) * (y[k] - float64(in.Target[k])) * (y[k] - float64(in.Target[k]))
		}
	}
	return sum / mass
}

// hole is a square with a rim of weight 10 in each of n pictures.
func hole(n, size, channels int) *Hole {
	in := &Hole{Target: normals(seed.New(6).Rand(), n*size*size*channels)}
	for range n {
		for y := range size {
			for x := range size {
				w := float32(0)
				switch edge := min(x, y, size-1-x, size-1-y); {
				case edge == size/4:
					w = 10
				case edge > size/4:
					w = 1
				}
				in.Weight = append(in.Weight, w)
			}
		}
	}
	return in
}

func TestMaskedL2EqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct{ n, size, channels int }{{1, 1, 1}, {2, 8, 3}, {5, 16, 3}} {
		in := hole(c.n, c.size, c.channels)
		y := array{[]int{c.n, c.size, c.size, c.channels}, normals(seed.New(7).Rand(), len(in.Target))}
		var told Told
		value, slopes := evaluate(t, 1, []array{y}, func(n []*G.Node) (*G.Node, error) { return MaskedL2(n[0], in, &told) })
		agrees(t, "MaskedL2", value, slopes, []array{y}, func(x [][]float64) float64 { return maskedTwin(x[0], in) })
	}
}

// Values of testdata/gen/reconstruct.py.
func TestReconstructionLossesEqualPyTorch(t *testing.T) {
	var ref struct {
		Shape                       []int
		Y, Target, Weight, Gradient []float32
		Loss, BCE                   float64
		Logit, BCEGradient          []float32
		Label                       []int32
	}
	golden(t, "reconstruct", &ref)
	value, slopes := evaluate(t, 1, []array{{ref.Shape, ref.Y}}, func(n []*G.Node) (*G.Node, error) {
		return MaskedL2(n[0], &Hole{ref.Target, ref.Weight}, new(Told))
	})
	near(t, "MaskedL2", value, ref.Loss, 1e-5)
	same(t, "MaskedL2's gradient", slopes[0], ref.Gradient)
	value, slopes = evaluate(t, 1, []array{rows(ref.Logit, 1)}, func(n []*G.Node) (*G.Node, error) { return BCE(n[0], &Labels{ref.Label}, new(Told)) })
	near(t, "BCE", value, ref.BCE, 1e-5)
	same(t, "BCE's gradient", slopes[0], ref.BCEGradient)
}

func TestMaskedL2LooksAtTheHoleOnly(t *testing.T) {
	nan := float32(math.NaN())
	var told Told
	value, slopes := evaluate(t, 1, []array{{[]int{1, 1, 2, 1}, []float32{nan, 3}}}, func(n []*G.Node) (*G.Node, error) {
		return MaskedL2(n[0], &Hole{Target: []float32{0, 1}, Weight: []float32{0, 10}}, &told)
	})
	if value != 4 || told.Rows != 1 {
		t.Errorf("loss %v, told %+v", value, told)
	}
	same(t, "the gradient", slopes[0], []float32{0, 4})
}

func TestMaskedL2WithoutAHoleIsZero(t *testing.T) {
	value, slopes := evaluate(t, 1, []array{{[]int{1, 1, 2, 1}, []float32{2, 3}}}, func(n []*G.Node) (*G.Node, error) {
		return MaskedL2(n[0], &Hole{Target: make([]float32, 2), Weight: make([]float32, 2)}, new(Told))
	})
	if value != 0 {
		t.Errorf("loss %v", value)
	}
	same(t, "the gradient", slopes[0], make([]float32, 2))
}

func bceTwin(x []float64, of []int32) float64 {
	sum, n := 0.0, 0.0
	for i, v := range x {
		p := 1 / (1 + math.Exp(-v))
		switch of[i] {
		case 0:
			sum, n = sum-math.Log(1-p), n+1
		case 1:
			sum, n = sum-math.Log(p), n+1
		}
	}
	return sum / n
}

func TestBCEEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	x, of := rows([]float32{0.3, -2, 5, -5, 1, 0.7}, 1), []int32{1, 0, 1, 1, -1, 0}
	var told Told
	value, slopes := evaluate(t, 1, []array{x}, func(n []*G.Node) (*G.Node, error) { return BCE(n[0], &Labels{of}, &told) })
	agrees(t, "BCE", value, slopes, []array{x}, func(x [][]float64) float64 { return bceTwin(x[0], of) })
	if told.Rows != 5 || told.Accuracy != 3.0/5 {
		t.Errorf("told %+v", told)
	}
}

func TestBCEAtChanceAndFarFromIt(t *testing.T) {
	value, _ := evaluate(t, 1, []array{rows(make([]float32, 4), 1)}, func(n []*G.Node) (*G.Node, error) { return BCE(n[0], &Labels{[]int32{0, 1, 0, 1}}, new(Told)) })
	near(t, "BCE at chance", value, math.Ln2, 1e-6)
	value, slopes := evaluate(t, 1, []array{rows([]float32{1000, -1000}, 1)}, func(n []*G.Node) (*G.Node, error) { return BCE(n[0], &Labels{[]int32{0, 0}}, new(Told)) })
	near(t, "BCE of a sure and wrong answer", value, 500, 0)
	same(t, "its gradient", slopes[0], []float32{0.5, 0})
}

func TestReconstructionLossesRefuseWhatDoesNotFit(t *testing.T) {
	y := array{[]int{1, 1, 2, 1}, make([]float32, 2)}
	with := func(target, weight []float32) error {
		return refusal([]array{y}, func(n []*G.Node) (*G.Node, error) { return MaskedL2(n[0], &Hole{target, weight}, new(Told)) })
	}
	bce := func(x array, of ...int32) error {
		return refusal([]array{x}, func(n []*G.Node) (*G.Node, error) { return BCE(n[0], &Labels{of}, new(Told)) })
	}
	refuses(t, map[string]error{
		"a matrix":                  refusal([]array{rows(y.x, 1)}, func(n []*G.Node) (*G.Node, error) { return MaskedL2(n[0], &Hole{}, new(Told)) }),
		"a target of another size":  with(make([]float32, 1), make([]float32, 2)),
		"weights of another size":   with(make([]float32, 2), make([]float32, 1)),
		"a negative weight":         with(make([]float32, 2), []float32{1, -1}),
		"two logits a row":          bce(rows(make([]float32, 4), 2), 0, 1),
		"a label that is not 0 / 1": bce(rows(make([]float32, 2), 1), 0, 2),
		"a label too few":           bce(rows(make([]float32, 2), 1), 0),
	})
}
