package kernel

import (
	"fmt"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

// shifted draws numbers about a mean that differs by channel, as activations have.
func shifted(name string, shape ...int) given {
	r := random(name)
	x, c := draw(r, shape...), shape[len(shape)-1]
	for i := range x.data {
		x.data[i] = x.data[i]*(1+float32(i%c)/float32(c)) + float32(i%c%5) - 2
	}
	return x
}

var normShapes = [][]int{{4, 8, 8, 32}, {2, 5, 3, 7}, {64, 16}, {3, 9, 9, 48}, {8, 16, 16, 64}, {2, 3, 3, 20}, {2, 1, 1, 512}, {3, 65, 37, 48}}

func TestBatchNormAgreesWithItsTwin(t *testing.T) {
	for _, shape := range normShapes {
		for _, mode := range []Mode{Train, TrainFrozen, Eval} {
			for _, relu := range []bool{false, true} {
				for _, add := range []bool{false, true} {
					t.Run(fmt.Sprint(shape, mode, relu, add), func(t *testing.T) { batchNormCase(t, shape, mode, relu || add, add) })
				}
			}
		}
	}
}

func batchNormCase(t *testing.T, shape []int, mode Mode, relu, add bool) {
	r := random("batchnorm")
	c := shape[len(shape)-1]
	x, gamma, beta, res := shifted("x", shape...), draw(r, c), draw(r, c), draw(r, shape...)
	dy := normal(r, len(x.data))
	stats := &Stats{Mean: normal(r, c), Var: make([]float32, c)}
	for i := range stats.Var {
		stats.Var[i] = 0.5 + r.Float32()
	}
	before := Stats{slices.Clone(stats.Mean), slices.Clone(stats.Var)}
	mean, variance := twin.Moments(x.data, c)
	wantStats := Stats{slices.Clone(stats.Mean), slices.Clone(stats.Var)}
	switch mode {
	case Train:
		rows := float64(len(x.data) / c)
		for i := range c {
			wantStats.Mean[i] = float32(0.9*float64(before.Mean[i]) + 0.1*mean[i])
			wantStats.Var[i] = float32(0.9*float64(before.Var[i]) + 0.1*variance[i]*rows/(rows-1))
		}
	case Eval:
		for i := range c {
			mean[i], variance[i] = float64(stats.Mean[i]), float64(stats.Var[i])
		}
	}
	fresh := func() *Stats { // evaluate builds and runs more than once
		stats = &Stats{slices.Clone(before.Mean), slices.Clone(before.Var)}
		return stats
	}
	var y []float32
	var grads [][]float32
	var residual []float32
	if add {
		residual = res.data
		y, grads = evaluate(t, func(in G.Nodes) (*G.Node, error) { return BatchNormAdd(in[0], in[1], in[2], in[3], fresh(), mode) }, dy, x, gamma, beta, res)
	} else {
		y, grads = evaluate(t, func(in G.Nodes) (*G.Node, error) { return BatchNorm(in[0], in[1], in[2], fresh(), mode, relu) }, dy, x, gamma, beta)
	}
	want := twin.BatchNorm(x.data, gamma.data, beta.data, residual, mean, variance, relu)
	near(t, "y", y, want, rel)
	dx, dgamma, dbeta, dres := twin.BatchNormGradients(dy, x.data, y, gamma.data, mean, variance, relu, mode != Eval)
	near(t, "dx", grads[0], dx, rel)
	near(t, "dgamma", grads[1], dgamma, rel)
	near(t, "dbeta", grads[2], dbeta, rel)
	if add {
		near(t, "dresidual", grads[3], dres, rel)
	}
	near(t, "running mean", stats.Mean, wantStats.Mean, 1e-5)
	near(t, "running variance", stats.Var, wantStats.Var, 1e-5)
}

func TestBatchNormKeepsSmallVariancesOfLargeMeans(t *testing.T) {
	r := random("offset")
	x := draw(r, 8, 8, 8, 32)
	for i := range x.data {
		x.data[i] = x.data[i]*0.01 + 100
	}
	gamma, beta := given{[]int{32}, slices.Repeat([]float32{1}, 32)}, given{[]int{32}, make([]float32, 32)}
	y, _ := evaluate(t, func(in G.Nodes) (*G.Node, error) { return BatchNorm(in[0], in[1], in[2], nil, TrainFrozen, false) }, x.data, x, gamma, beta)
	mean, variance := twin.Moments(x.data, 32)
	near(t, "y", y, twin.BatchNorm(x.data, gamma.data, beta.data, nil, mean, variance, false), 1e-3)
}

func TestGroupNormAgreesWithItsTwin(t *testing.T) {
	for _, shape := range normShapes {
		c := shape[len(shape)-1]
		for _, groups := range []int{1, c / 2, c} {
			if groups < 1 || c%groups != 0 {
				continue
			}
			if per := len(shape); per == 2 && groups == c {
				continue // one number a group has no variance
			}
			for _, relu := range []bool{false, true} {
				t.Run(fmt.Sprint(shape, groups, relu), func(t *testing.T) {
					if shape[1] == 1 && groups > 1 {
						t.Skip("groups of one or two numbers are ill-conditioned")
					}
					r := random("groupnorm")
					x, gamma, beta := shifted("x", shape...), draw(r, c), draw(r, c)
					dy := normal(r, len(x.data))
					y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return GroupNorm(in[0], in[1], in[2], groups, relu) }, dy, x, gamma, beta)
					near(t, "y", y, twin.GroupNorm(x.data, gamma.data, beta.data, shape[0], groups, relu), rel)
					dx, dgamma, dbeta := twin.GroupNormGradients(dy, x.data, y, gamma.data, shape[0], groups, relu)
					near(t, "dx", grads[0], dx, 5*rel)
					near(t, "dgamma", grads[1], dgamma, rel)
					near(t, "dbeta", grads[2], dbeta, rel)
				})
			}
		}
	}
}
