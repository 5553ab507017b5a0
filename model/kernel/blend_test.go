package kernel

import (
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestBlendPutsTheRestWhereTheMaskIsZero(t *testing.T) {
	for _, shape := range [][]int{{5}, {2, 3, 5, 7}, {4, 64, 64, 9}} {
		r := random("blend")
		x, rest := draw(r, shape...), draw(r, shape...)
		mask, dy := draw(r, shape...), normal(r, len(x.data))
		for i := range mask.data {
			mask.data[i] = float32(r.IntN(2))
			rest.data[i] *= 1 - mask.data[i]
		}
		input := func(g *G.ExprGraph, name string, v given) *G.Node {
			value := tensor.New(tensor.WithShape(v.shape...), tensor.WithBacking(v.data))
			return G.NewTensor(g, tensor.Float32, len(v.shape), G.WithShape(v.shape...), G.WithName(name), G.WithValue(value))
		}
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) {
			return Blend(in[0], input(in[0].Graph(), "mask", mask), input(in[0].Graph(), "rest", rest))
		}, dy, x)
		for i, m := range mask.data {
			want, slope := rest.data[i], float32(0)
			if m == 1 {
				want, slope = x.data[i], dy[i]
			}
			if y[i] != want || grads[0][i] != slope {
				t.Fatalf("%v at %d: %v with slope %v, want %v with %v", shape, i, y[i], grads[0][i], want, slope)
			}
		}
	}
	_, in := graph(draw(random("blend"), 4), draw(random("blend"), 5))
	if _, err := Blend(in[0], in[1], in[0]); err == nil {
		t.Error("a mask of another shape was accepted")
	}
}
