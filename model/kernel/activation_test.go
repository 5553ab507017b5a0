package kernel

import (
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

func TestBiasAgreesWithItsTwin(t *testing.T) {
	for _, shape := range [][]int{{1, 1}, {7, 5}, {64, 128}, {2, 3, 5, 20}, {4, 32, 32, 48}} {
		for _, relu := range []bool{false, true} {
			r := random("bias")
			c := shape[len(shape)-1]
			x, b := draw(r, shape...), draw(r, c)
			dy := normal(r, len(x.data))
			y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Bias(in[0], in[1], relu) }, dy, x, b)
			want := twin.Bias(x.data, b.data, relu)
			dx, db := twin.BiasGradients(dy, want, c, relu)
			near(t, "y", y, want, 0)
			near(t, "dx", grads[0], dx, 0)
			near(t, "db", grads[1], db, 1e-5)
		}
	}
}

func TestActivationsAgreeWithTheirTwins(t *testing.T) {
	for name, f := range map[string]struct {
		build func(in G.Nodes) (*G.Node, error)
		twin  func(x []float32) (y, slopes []float32)
	}{
		"leaky":   {func(in G.Nodes) (*G.Node, error) { return LeakyReLU(in[0], 0.25) }, func(x []float32) (y, s []float32) { return twin.LeakyReLU(x, 0.25) }},
		"sigmoid": {func(in G.Nodes) (*G.Node, error) { return Sigmoid(in[0]) }, twin.Sigmoid},
		"tanh":    {func(in G.Nodes) (*G.Node, error) { return Tanh(in[0]) }, twin.Tanh},
		"gelu":    {func(in G.Nodes) (*G.Node, error) { return GELU(in[0]) }, twin.GELU},
	} {
		for _, shape := range [][]int{{1}, {3, 7}, {2, 3, 5, 7}, {200_007}} {
			r := random(name)
			x := draw(r, shape...)
			for i := range x.data {
				x.data[i] *= 4
			}
			x.data[0] = 200 // saturated
			dy := normal(r, len(x.data))
			y, grads := evaluate(t, f.build, dy, x)
			want, dx := f.twin(x.data)
			for i, g := range dy {
				dx[i] *= g
			}
			near(t, name, y, want, 1e-6)
			near(t, name+" gradient", grads[0], dx, 1e-5)
		}
	}
}

// A layer without norm: convolution, bias, activation. The few numbers that cross a kink of ReLU on the way
// do not show among thousands.
func TestLayersWithoutNormAgreeWithFiniteDifferences(t *testing.T) {
	for name, last := range map[string]func(x *G.Node) (*G.Node, error){
		"none":    func(x *G.Node) (*G.Node, error) { return x, nil },
		"leaky":   func(x *G.Node) (*G.Node, error) { return LeakyReLU(x, 0.2) },
		"sigmoid": Sigmoid,
		"tanh":    Tanh,
	} {
		t.Run(name, func(t *testing.T) {
			r := random("layer")
			slopes(t, func(in G.Nodes) (*G.Node, error) {
				x, err := Conv2D(in[0], in[1], 1, 1, F32)
				if err != nil {
					return nil, err
				}
				if x, err = Bias(x, in[2], name == "none"); err != nil {
					return nil, err
				}
				return last(x)
			}, normal(r, 4*8*8*20), draw(r, 4, 8, 8, 3), draw(r, 20, 3, 3, 3), draw(r, 20))
		})
	}
}
