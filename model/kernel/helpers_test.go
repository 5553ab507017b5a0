package kernel

import (
	"fmt"
	"hash"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/internal/seed"
)

func random(name string) *rand.Rand { return seed.New(7).At(name).Rand() }

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func unitRows(r *rand.Rand, n, d int) []float32 {
	x := normal(r, n*d)
	for i := range n {
		s := 0.0
		for _, v := range x[i*d : i*d+d] {
			s += float64(v) * float64(v)
		}
		for j := range d {
			x[i*d+j] /= float32(math.Sqrt(s))
		}
	}
	return x
}

// near fails unless got and want agree to rel of the largest number in want.
func near(t *testing.T, what string, got, want []float32, rel float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d numbers, want %d", what, len(got), len(want))
	}
	top, worst, at := 1e-6, 0.0, 0
	for i := range want {
		top = max(top, math.Abs(float64(want[i])))
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= worst) {
			worst, at = d, i
		}
	}
	if !(worst <= rel*top) {
		t.Errorf("%s differs from its twin at %d: %v, want %v (largest %v)", what, at, got[at], want[at], top)
	}
}

// weighed is the scalar Σ y·r, so that ∂L/∂y is r.
type weighed struct{ *op }

func weigh(y *G.Node, r []float32) (*G.Node, error) {
	slope := newOp("Weights", y.Shape()...)
	slope.run = func([][]float32) error { copy(slope.data, r); return nil }
	o := weighed{newOp("Weigh")}
	o.in, o.inputs = []tensor.Shape{y.Shape()}, make([][]float32, 1)
	var sum float64
	o.run = func(in [][]float32) error {
		sum = 0
		for i, v := range in[0] {
			sum += float64(v) * float64(r[i])
		}
		o.data[0] = float32(sum)
		return nil
	}
	o.toward = []bool{true}
	o.derive = func(_ G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		n, err := slope.apply(y)
		return G.Nodes{n}, err
	}
	return G.ApplyOp(o, y)
}

func (w weighed) Type() hm.Type {
	return hm.NewFnType(G.TensorType{Dims: w.in[0].Dims(), Of: tensor.Float32}, tensor.Float32)
}
func (w weighed) InferShape(...G.DimSizer) (tensor.Shape, error) { return tensor.ScalarShape(), nil }
func (w weighed) Do(v ...G.Value) (G.Value, error) {
	if _, err := w.op.Do(v...); err != nil {
		return nil, err
	}
	return G.NewF32(w.data[0]), nil
}
func (w weighed) WriteHash(h hash.Hash) { fmt.Fprintf(h, "weigh%d", w.id) }

// given is an input of a test graph.
type given struct {
	shape []int
	data  []float32
}

func draw(r *rand.Rand, shape ...int) given {
	return given{shape, normal(r, tensor.Shape(shape).TotalSize())}
}

// graph builds a node for each input.
func graph(in ...given) (*G.ExprGraph, G.Nodes) {
	g := G.NewGraph()
	nodes := make(G.Nodes, len(in))
	for i, x := range in {
		v := tensor.New(tensor.WithShape(x.shape...), tensor.WithBacking(x.data))
		nodes[i] = G.NewTensor(g, tensor.Float32, len(x.shape), G.WithShape(x.shape...), G.WithName(fmt.Sprint("in", i)), G.WithValue(v))
	}
	return g, nodes
}

// pass is the identity: behind it an input is an activation, toward which Conv2D gives a gradient.
func pass(t *testing.T, x *G.Node) *G.Node {
	t.Helper()
	o := newOp("Pass", x.Shape()...)
	o.run = func(in [][]float32) error { copy(o.data, in[0]); return nil }
	o.toward = []bool{true}
	o.derive = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("PassGradient", x.Shape()...)
		d.run = func(in [][]float32) error { copy(d.data, in[0]); return nil }
		n, err := d.apply(grad)
		return G.Nodes{n}, err
	}
	n, err := o.apply(x)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// evaluate runs y = build(inputs) forward and backward for ∂L/∂y = r, and returns y and ∂L/∂input for
// each input. It does so on Gorgonia's machine and on ours, which must agree bit for bit.
func evaluate(t *testing.T, build func(in G.Nodes) (*G.Node, error), r []float32, in ...given) (y []float32, grads [][]float32) {
	t.Helper()
	y, grads = evaluateOn(t, planned, build, r, in)
	again, gradsAgain := evaluateOn(t, tape, build, r, in)
	if !slices.Equal(y, again) {
		t.Error("the two machines give outputs of different bits")
	}
	for i := range grads {
		if !slices.Equal(grads[i], gradsAgain[i]) {
			t.Errorf("the two machines give gradients %d of different bits", i)
		}
	}
	return y, grads
}

func tape(_ *testing.T, g *G.ExprGraph) G.VM { return G.NewTapeMachine(g) }

func planned(t *testing.T, g *G.ExprGraph) G.VM {
	t.Helper()
	m, err := NewMachine(g)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func evaluateOn(t *testing.T, machine func(*testing.T, *G.ExprGraph) G.VM, build func(in G.Nodes) (*G.Node, error), r []float32, in []given) (y []float32, grads [][]float32) {
	t.Helper()
	e := compile(t, machine, build, r, in)
	e.run(t)
	for _, d := range e.derived {
		grads = append(grads, floatsOf(d))
	}
	return floatsOf(e.out), grads
}

// compiled is a graph of y = build(inputs) with ∂L/∂input for L = Σ y·r, ready to run.
type compiled struct {
	nodes, derived G.Nodes
	out            *G.Node
	vm             G.VM
}

func compile(t *testing.T, machine func(*testing.T, *G.ExprGraph) G.VM, build func(in G.Nodes) (*G.Node, error), r []float32, in []given) *compiled {
	t.Helper()
	g, nodes := graph(in...)
	passed := make(G.Nodes, len(nodes))
	for i, n := range nodes {
		passed[i] = pass(t, n)
	}
	out, err := build(passed)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := weigh(out, r)
	if err != nil {
		t.Fatal(err)
	}
	derived, err := G.Grad(cost, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	e := &compiled{nodes, derived, out, machine(t, g)}
	t.Cleanup(func() { e.vm.Close() })
	return e
}

func (e *compiled) run(t *testing.T) {
	t.Helper()
	if err := e.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	e.vm.Reset()
}

// slopes fails unless, for each input of y = build(inputs), the slope of Σ y·r along a direction is what
// ∂L/∂input says of it, on a Machine.
func slopes(t *testing.T, build func(in G.Nodes) (*G.Node, error), r []float32, in ...given) {
	t.Helper()
	for i := range in {
		in[i].data = slices.Clone(in[i].data)
	}
	e := compile(t, planned, build, r, in)
	e.run(t)
	source := random("directions")
	for i, n := range e.nodes {
		x, g := floatsOf(n), slices.Clone(floatsOf(e.derived[i]))
		direction, want, length := normal(source, len(x)), 0.0, 0.0
		for j := range direction { // half random, half along the gradient: not nearly orthogonal to it
			direction[j] = direction[j]/float32(math.Sqrt(float64(len(x)))) + g[j]/float32(math.Sqrt(SumSquares(g)))
			length += float64(direction[j]) * float64(direction[j])
			want += float64(direction[j]) * float64(g[j])
		}
		const h = 2e-3
		at := slices.Clone(x)
		side := func(sign float32) (sum float64) {
			for j := range x {
				x[j] = at[j] + sign*h*direction[j]
			}
			e.run(t)
			for j, y := range floatsOf(e.out) {
				sum += float64(y) * float64(r[j])
			}
			return sum
		}
		slope := (side(1) - side(-1)) / (2 * h)
		copy(x, at)
		if !(math.Abs(slope-want) <= 0.01*math.Sqrt(SumSquares(g)*length)) {
			t.Errorf("input %d has slope %v, its gradient says %v", i, slope, want)
		}
	}
}

func floatsOf(n *G.Node) []float32 { return n.Value().Data().([]float32) }
