package loss

import (
	"fmt"
	"hash"
	"hash/fnv"
	"sync/atomic"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// costOf adds to the graph of x a loss that computes its value and its gradient in one go: value is
// handed x's numbers and writes ∂L/∂x into gradient (as long as x) before it returns L.
func costOf(name string, x *G.Node, gradient []float32, value func(x []float32) float32) (*G.Node, error) {
	op := &costOp{identity: newIdentity(name), value: value, gradient: gradient}
	op.slope = tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(make([]float32, len(gradient))))
	return G.ApplyOp(op, x)
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

// costOp is x → L, where x is a matrix of float32.
type costOp struct {
	identity
	value    func(x []float32) float32
	gradient []float32     // ∂L/∂x of the last run
	slope    *tensor.Dense // gradient times what flows back
}

func (o *costOp) Arity() int { return 1 }

func (o *costOp) Type() hm.Type {
	return hm.NewFnType(G.TensorType{Dims: 2, Of: tensor.Float32}, tensor.Float32)
}

func (o *costOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return tensor.ScalarShape(), nil }

func (o *costOp) Do(inputs ...G.Value) (G.Value, error) {
	v := G.NewF32(o.value(inputs[0].Data().([]float32)))
	return v, nil
}

func (o *costOp) DiffWRT(int) []bool { return []bool{true} }

func (o *costOp) SymDiff(inputs G.Nodes, output, grad *G.Node) (G.Nodes, error) {
	// The gradient was computed with the value; depending on output orders it after that.
	n, err := G.ApplyOp(&slopeOp{identity: newIdentity(o.name + "Slope"), of: o}, output, grad)
	return G.Nodes{n}, err
}

// slopeOp is (L, ∂C/∂L) → ∂C/∂x.
type slopeOp struct {
	identity
	of *costOp
}

func (o *slopeOp) Arity() int { return 2 }

func (o *slopeOp) Type() hm.Type {
	return hm.NewFnType(tensor.Float32, tensor.Float32, G.TensorType{Dims: 2, Of: tensor.Float32})
}

func (o *slopeOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.of.slope.Shape(), nil }

func (o *slopeOp) Do(inputs ...G.Value) (G.Value, error) {
	up := inputs[1].Data().(float32)
	slope := o.of.slope.Data().([]float32)
	for i, g := range o.of.gradient {
		slope[i] = up * g
	}
	return o.of.slope, nil
}
