package kernel

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// small is the encoder of the benchmarks and whole-graph tests: 3×3 stride-2 convolutions, each with norm
// and ReLU, mean over places, two linear layers, unit rows.
type small struct {
	graph      *G.ExprGraph
	images     []float32
	params     G.Nodes
	projection *G.Node
}

type smallSize struct {
	batch, image, projection int
	channels                 []int
	group                    bool
}

var standard = smallSize{batch: 64, image: 64, projection: 128, channels: []int{32, 64, 128, 256}}

func newSmall(s smallSize, mode Mode) (*small, error) {
	r := random("small")
	m := &small{graph: G.NewGraph(), images: normal(r, s.batch*s.image*s.image*3)}
	var failed error
	must := func(n *G.Node, err error) *G.Node {
		if err != nil && failed == nil {
			failed = err
		}
		return n
	}
	node := func(name string, data []float32, shape ...int) *G.Node {
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
		return G.NewTensor(m.graph, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
	}
	param := func(scale float64, fill float32, shape ...int) *G.Node {
		x := normal(r, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = x[i]*float32(scale) + fill
		}
		n := node(fmt.Sprint("param", len(m.params)), x, shape...)
		m.params = append(m.params, n)
		return n
	}
	x, c := node("images", m.images, s.batch, s.image, s.image, 3), 3
	for _, k := range s.channels {
		x = must(Conv2D(x, param(math.Sqrt(2/float64(9*c)), 0, k, c, 3, 3), 2, 1, F32))
		if failed != nil {
			return nil, failed
		}
		gamma, beta := param(0.1, 1, k), param(0.1, 0, k)
		if s.group {
			x = must(GroupNorm(x, gamma, beta, k/4, true))
		} else {
			x = must(BatchNorm(x, gamma, beta, &Stats{make([]float32, k), make([]float32, k)}, mode, true))
		}
		c = k
	}
	x = must(GlobalMean(x))
	x = must(Linear(x, param(math.Sqrt(2/float64(c)), 0, c, c), param(0.1, 0, c), true))
	x = must(Linear(x, param(math.Sqrt(2/float64(c)), 0, s.projection, c), param(0.1, 0, s.projection), false))
	m.projection = must(Normalize(x))
	return m, failed
}

// contrast is the mean InfoNCE of unit queries as a node, as package loss makes it.
func contrast(q *G.Node, keys, bank []float32) (*G.Node, error) {
	n, d := q.Shape()[0], q.Shape()[1]
	dq := make([]float32, n*d)
	o := weighed{newOp("Contrast")}
	o.in, o.inputs, o.toward = []tensor.Shape{q.Shape()}, make([][]float32, 1), []bool{true}
	o.run = func(in [][]float32) error {
		var s InfoNCEStats
		InfoNCE(in[0], keys, bank, n, d, len(bank)/d, 0.1, nil, nil, dq, &s)
		o.data[0] = s.Loss
		return nil
	}
	o.derive = func(in G.Nodes, _, _ *G.Node) (G.Nodes, error) {
		slope := newOp("ContrastGradient", n, d)
		slope.run = func([][]float32) error { copy(slope.data, dq); return nil }
		node, err := slope.apply(in[0])
		return G.Nodes{node}, err
	}
	return G.ApplyOp(o, q)
}
