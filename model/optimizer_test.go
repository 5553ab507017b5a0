package model

import (
	"math"
	"slices"
	"testing"
)

// Reference in float64 after PyTorch's documentation of SGD and Adam.
func TestOptimizersFollowTheirDefinition(t *testing.T) {
	const lr, decay, momentum = 0.1, 0.01, 0.9
	grad := func(step, i int) float64 { return math.Sin(float64(step*3 + i)) }
	for _, kind := range []string{"sgd", "adam"} {
		p := Tensor{Name: "w", Shape: []int{5}, Data: []float32{1, -2, 3, 0.5, 0}}
		opt, err := NewOptimizer(OptimizerSpec{Kind: kind, Momentum: momentum, WeightDecay: decay}, []Tensor{p})
		if err != nil {
			t.Fatal(err)
		}
		want := []float64{1, -2, 3, 0.5, 0}
		m, v := make([]float64, 5), make([]float64, 5)
		for step := 1; step <= 20; step++ {
			g32 := make([]float32, 5)
			for i := range want {
				g := grad(step, i)
				g32[i] = float32(g)
				g += decay * want[i]
				if kind == "sgd" {
					m[i] = momentum*m[i] + g
					want[i] -= lr * m[i]
					continue
				}
				m[i] = 0.9*m[i] + 0.1*g
				v[i] = 0.999*v[i] + 0.001*g*g
				mHat, vHat := m[i]/(1-math.Pow(0.9, float64(step))), v[i]/(1-math.Pow(0.999, float64(step)))
				want[i] -= lr * mHat / (math.Sqrt(vHat) + 1e-8)
			}
			opt.Begin()
			opt.Move(0, p, g32, lr)
		}
		for i := range want {
			if math.Abs(float64(p.Data[i])-want[i]) > 1e-4 {
				t.Errorf("%s: parameter %d is %v, want %v", kind, i, p.Data[i], want[i])
			}
		}
	}
}

func TestRestoredOptimizerGoesOnBitForBit(t *testing.T) {
	for _, kind := range []string{"sgd", "adam"} {
		run := func(stopAt int) []float32 {
			p := Tensor{Name: "w", Shape: []int{7}, Data: make([]float32, 7)}
			spec := OptimizerSpec{Kind: kind, Momentum: 0.9, WeightDecay: 1e-4}
			opt, _ := NewOptimizer(spec, []Tensor{p})
			for step := range 30 {
				if step == stopAt {
					slots, steps := opt.State()
					opt, _ = NewOptimizer(spec, []Tensor{p})
					if err := opt.Restore(slots, steps); err != nil {
						t.Fatal(err)
					}
				}
				g := make([]float32, 7)
				for i := range g {
					g[i] = float32(math.Cos(float64(step*7 + i)))
				}
				opt.Begin()
				opt.Move(0, p, g, 0.01)
			}
			return p.Data
		}
		if !slices.Equal(run(-1), run(13)) {
			t.Errorf("%s: a restored optimizer ends elsewhere", kind)
		}
	}
}
