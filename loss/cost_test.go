package loss

import (
	"errors"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// product is Σ x·y·s over inputs of three dimensions, of which s stands still.
func product(x []*G.Node) (*G.Node, error) {
	return costOf("Product", x[:2], x[2:], func(xs, gradients [][]float32) (sum float32, _ error) {
		for i := range xs[0] {
			sum += xs[0][i] * xs[1][i] * xs[2][i]
			gradients[0][i] = xs[1][i] * xs[2][i]
			gradients[1][i] = xs[0][i] * xs[2][i]
		}
		return sum, nil
	})
}

func TestACostHasSeveralInputsOfAnyShape(t *testing.T) {
	x, y, s := []float32{1, 2, 3, 4}, []float32{5, 6, 7, 8}, []float32{1, 0, -1, 2}
	shape := []int{1, 2, 2}
	value, slopes := evaluate(t, 2, []array{{shape, x}, {shape, y}, {shape, s}}, product)
	if value != 5-21+64 {
		t.Errorf("value %v", value)
	}
	if !slices.Equal(slopes[0], []float32{5, 0, -7, 16}) || !slices.Equal(slopes[1], []float32{1, 0, -3, 8}) {
		t.Errorf("gradients %v", slopes)
	}
}

func TestACostScalesWhatFlowsBack(t *testing.T) {
	x := []float32{1, 2}
	value, slopes := evaluate(t, 2, []array{{[]int{2}, x}, {[]int{2}, x}, {[]int{2}, x}}, func(n []*G.Node) (*G.Node, error) {
		cost, err := product(n)
		if err != nil {
			return nil, err
		}
		return G.Mul(cost, G.NewConstant(float32(3)))
	})
	if value != 27 || !slices.Equal(slopes[0], []float32{3, 12}) {
		t.Errorf("value %v, gradients %v", value, slopes)
	}
}

func TestNoGradientFlowsToWhatStandsStill(t *testing.T) {
	g := G.NewGraph()
	var n []*G.Node
	for _, name := range []string{"a", "b", "c"} {
		n = append(n, G.NewVector(g, tensor.Float32, G.WithShape(2), G.WithName(name)))
	}
	cost, err := product(n)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(cost, n[2]); err == nil {
		t.Error("Gorgonia found a gradient towards an input that stands still")
	}
}

// An input that stands still in the loss may still reach it another way, as the target of SimSiam does.
func TestGradientsFlowAroundWhatStandsStill(t *testing.T) {
	x := []float32{1, 2}
	_, slopes := evaluate(t, 1, []array{{[]int{2}, x}}, func(n []*G.Node) (*G.Node, error) {
		a, err := G.Mul(n[0], G.NewConstant(float32(2)))
		if err != nil {
			return nil, err
		}
		b, err := G.Mul(n[0], G.NewConstant(float32(5)))
		if err != nil {
			return nil, err
		}
		return product([]*G.Node{a, b, n[0]})
	})
	if !slices.Equal(slopes[0], []float32{20, 80}) { // ∂(10·x²·x̄)/∂x with x̄ fixed
		t.Errorf("gradient %v", slopes[0])
	}
}

func TestAFailingCostSaysWhichItIs(t *testing.T) {
	wrong := errors.New("wrong")
	err := refusal([]array{{[]int{1}, []float32{1}}}, func(n []*G.Node) (*G.Node, error) {
		return costOf("Fails", n, nil, func(_, _ [][]float32) (float32, error) { return 0, wrong })
	})
	if !errors.Is(err, wrong) {
		t.Errorf("error %v", err)
	}
}
