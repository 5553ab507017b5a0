package loss

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"
	"sync/atomic"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// costOf adds to the graph of its inputs a loss that computes its value and its gradients in one go. value is
// handed the numbers of xs and then of still, and writes ∂L/∂x into the gradient of each of xs (as long as
// that x, holding the numbers of the run before) before it returns L. No gradient flows to still.
func costOf(name string, xs, still []*G.Node, value func(xs, gradients [][]float32) (float32, error)) (*G.Node, error) {
	inputs := append(slices.Clone(xs), still...)
	op := &costOp{identity: newIdentity(name), value: value, numbers: make([][]float32, len(inputs))}
	for i, n := range inputs {
		if n == nil || n.Dtype() != tensor.Float32 || n.Dims() < 1 {
			return nil, fmt.Errorf("adding %s to the graph: input %d must be a float32 tensor, not %v", name, i, n)
		}
		op.shapes = append(op.shapes, n.Shape().Clone())
	}
	for _, s := range op.shapes[:len(xs)] {
		op.gradients = append(op.gradients, make([]float32, s.TotalSize()))
	}
	n, err := G.ApplyOp(op, inputs...)
	if err != nil {
		return nil, fmt.Errorf("adding %s to the graph: %w", name, err)
	}
	return n, nil
}

// identity makes an op differ from every other, so that no two losses are merged as one expression.
type identity struct {
	name string
	id   uint64
}

var identities atomic.Uint64

func newIdentity(name string) identity { return identity{name, identities.Add(1)} }

func (i identity) String() string        { return fmt.Sprintf("%s#%d", i.name, i.id) }
func (i identity) WriteHash(h hash.Hash) { fmt.Fprint(h, i.String()) }
func (i identity) Hashcode() uint32 {
	h := fnv.New32a()
	i.WriteHash(h)
	return h.Sum32()
}
func (i identity) ReturnsPtr() bool     { return true }
func (i identity) CallsExtern() bool    { return false }
func (i identity) OverwritesInput() int { return -1 }

// costOp is x₁, x₂, … → L over float32 tensors.
type costOp struct {
	identity
	shapes    []tensor.Shape
	value     func(xs, gradients [][]float32) (float32, error)
	numbers   [][]float32 // of the inputs of the run in progress
	gradients [][]float32 // ∂L/∂x of the last run; shorter than shapes where inputs stand still
}

func (o *costOp) Arity() int { return len(o.shapes) }

func (o *costOp) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.shapes)+1)
	for _, s := range o.shapes {
		types = append(types, G.TensorType{Dims: s.Dims(), Of: tensor.Float32})
	}
	return hm.NewFnType(append(types, tensor.Float32)...)
}

func (o *costOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return tensor.ScalarShape(), nil }

func (o *costOp) Do(inputs ...G.Value) (G.Value, error) {
	for i, v := range inputs {
		t, ok := v.(*tensor.Dense)
		if !ok || t.Dtype() != tensor.Float32 || !t.DataOrder().IsContiguous() || t.DataOrder().IsColMajor() || t.RequiresIterator() {
			return nil, fmt.Errorf("input %d of %s must be a dense float32 tensor in row-major order, not %T", i, o.name, v)
		}
		if o.numbers[i] = t.Float32s(); len(o.numbers[i]) != o.shapes[i].TotalSize() {
			return nil, fmt.Errorf("input %d of %s holds %d numbers, its shape is %v", i, o.name, len(o.numbers[i]), o.shapes[i])
		}
	}
	l, err := o.value(o.numbers, o.gradients)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return G.NewF32(l), nil
}

func (o *costOp) DiffWRT(n int) []bool {
	flows := make([]bool, n)
	for i := range o.gradients {
		flows[i] = true
	}
	return flows
}

func (o *costOp) SymDiff(inputs G.Nodes, output, grad *G.Node) (G.Nodes, error) {
	out := make(G.Nodes, len(inputs))
	for i, g := range o.gradients {
		s := &slopeOp{identity: newIdentity(o.name + "Slope"), gradient: g,
			slope: tensor.New(tensor.WithShape(o.shapes[i]...), tensor.WithBacking(make([]float32, len(g))))}
		var err error
		// The gradient was computed with the value; depending on output orders it after that.
		if out[i], err = G.ApplyOp(s, output, grad); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// slopeOp is (L, ∂C/∂L) → ∂C/∂x.
type slopeOp struct {
	identity
	gradient []float32     // ∂L/∂x
	slope    *tensor.Dense // gradient times what flows back
}

func (o *slopeOp) Arity() int { return 2 }

func (o *slopeOp) Type() hm.Type {
	return hm.NewFnType(tensor.Float32, tensor.Float32, G.TensorType{Dims: o.slope.Dims(), Of: tensor.Float32})
}

func (o *slopeOp) InferShape(...G.DimSizer) (tensor.Shape, error) {
	return o.slope.Shape().Clone(), nil
}

func (o *slopeOp) Do(inputs ...G.Value) (G.Value, error) {
	up := inputs[1].Data().(float32)
	slope := o.slope.Float32s()
	for i, g := range o.gradient {
		slope[i] = up * g
	}
	return o.slope, nil
}
