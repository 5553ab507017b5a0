package kernel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

func TestLayerNormAgreesWithItsTwin(t *testing.T) {
	for _, shape := range [][]int{{1, 4}, {7, 17}, {200, 192}, {2, 3, 5, 24}, {1000, 192}} {
		r := random("layer norm")
		c := shape[len(shape)-1]
		x, gamma, beta := draw(r, shape...), draw(r, c), draw(r, c)
		for i := range x.data {
			x.data[i] = 3*x.data[i] + 2
		}
		dy := normal(r, len(x.data))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return LayerNorm(in[0], in[1], in[2]) }, dy, x, gamma, beta)
		dx, dgamma, dbeta := twin.LayerNormGradients(dy, x.data, gamma.data)
		near(t, "y", y, twin.LayerNorm(x.data, gamma.data, beta.data), 1e-5)
		near(t, "dx", grads[0], dx, 1e-5)
		near(t, "dgamma", grads[1], dgamma, 1e-5)
		near(t, "dbeta", grads[2], dbeta, 1e-5)
	}
}

func TestAttentionAgreesWithItsTwin(t *testing.T) {
	for _, s := range []struct{ n, tokens, heads, d int }{{1, 1, 1, 1}, {2, 5, 3, 7}, {3, 16, 3, 64}, {2, 65, 2, 8}, {40, 16, 3, 64}} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			r := random("attention")
			c := s.heads * s.d
			qkv := draw(r, s.n*s.tokens, 3*c)
			dy := normal(r, s.n*s.tokens*c)
			y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Attention(in[0], s.tokens, s.heads) }, dy, qkv)
			want, dqkv := twin.Attention(qkv.data, dy, s.tokens, s.heads, c)
			near(t, "y", y, want, 1e-5)
			near(t, "dqkv", grads[0], dqkv, 1e-5)
		})
	}
}

// Sequences do not see each other, and the order of a sequence's rows is not seen at all.
func TestAttentionKeepsSequencesApart(t *testing.T) {
	r := random("apart")
	const n, tokens, heads, c = 3, 4, 2, 8
	qkv := draw(r, n*tokens, 3*c)
	dy := normal(r, n*tokens*c)
	run := func(x []float32) []float32 {
		y, _ := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Attention(in[0], tokens, heads) }, dy, given{qkv.shape, x})
		return y
	}
	y := run(qkv.data)
	other := slices.Clone(qkv.data)
	for i := range tokens * 3 * c {
		other[tokens*3*c+i] = -other[tokens*3*c+i]
	}
	z := run(other)
	if !slices.Equal(y[:tokens*c], z[:tokens*c]) || !slices.Equal(y[2*tokens*c:], z[2*tokens*c:]) || slices.Equal(y, z) {
		t.Error("another sequence was seen")
	}
}

func TestShiftAddsTheSameToAll(t *testing.T) {
	r := random("shift")
	x, table := draw(r, 3, 2, 2, 5), normal(r, 20)
	dy := normal(r, 60)
	y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Shift(in[0], table) }, dy, x)
	for i := range y {
		if y[i] != x.data[i]+table[i%20] {
			t.Fatalf("%d: %v", i, y[i])
		}
	}
	if !slices.Equal(grads[0], dy) {
		t.Error("the gradient is not handed on")
	}
}

func TestTransformersPartsSayWhatDoesNotFit(t *testing.T) {
	g := G.NewGraph()
	node := func(shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(fmt.Sprint(shape)))
	}
	for want, build := range map[string]func() (*G.Node, error){
		"gamma must have 6 numbers": func() (*G.Node, error) { return LayerNorm(node(2, 6), node(5), node(6)) },
		"beta must have 6 numbers":  func() (*G.Node, error) { return LayerNorm(node(2, 6), node(6), node(7)) },
		"x is nil":                  func() (*G.Node, error) { return GELU(nil) },
		"5 rows, which sequences":   func() (*G.Node, error) { return Attention(node(5, 6), 2, 1) },
		"rows of 8, which are not":  func() (*G.Node, error) { return Attention(node(4, 8), 2, 1) },
		"must have 2 dimensions":    func() (*G.Node, error) { return Attention(node(4, 8, 9), 2, 1) },
		"there are 3 to add":        func() (*G.Node, error) { return Shift(node(2, 4), make([]float32, 3)) },
	} {
		if _, err := build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
