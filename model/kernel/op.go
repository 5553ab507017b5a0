package kernel

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

// op is every operation of this package: float32 tensors in, one out, which it owns. What an operation
// computes beside its output (statistics, masks, gradients of further inputs) lives in a struct that its
// closures share.
type op struct {
	name   string
	id     uint64
	in     []tensor.Shape
	shape  tensor.Shape  // of the output
	out    *tensor.Dense // nil until it has memory: a Machine's, or its own
	data   []float32     // of out
	run    func(in [][]float32) error
	inputs [][]float32 // of the run in progress
	// over is the input whose memory the output may take over once nobody else reads it, -1 for none.
	over int
	// besides are the ops whose outputs this one's run fills: see beside.
	besides []*op
	into    *[]float32 // where the run that fills this output from another op finds its memory
	placed  bool       // a Machine has given the output its memory
	// hands says that the op hands a gradient out: see Hand.
	hands bool
	// rounds says that run fills rounded as well where somebody asks for it: the output in bf16, for convolutions that read
	// it so.
	rounds, asked bool
	rounded       []uint16
	// images says that the output is made of the graph's inputs without parameters: see isImages.
	images bool
	// toward says for which inputs derive gives a gradient.
	toward []bool
	derive func(in G.Nodes, out, grad *G.Node) (G.Nodes, error)
}

var _ G.SDOp = (*op)(nil)

// ids tell ops apart: Gorgonia merges nodes whose ops hash alike, and ours have state.
var ids atomic.Uint64

// newOp is an op whose output has no memory yet.
func newOp(name string, shape ...int) *op {
	return &op{name: name, id: ids.Add(1), over: -1, shape: shape}
}

// size is how many numbers the output has.
func (o *op) size() int { return o.shape.TotalSize() }

// place gives the output its memory.
func (o *op) place(data []float32) {
	o.data = data
	if o.into != nil {
		*o.into = data
	}
	o.out = tensor.New(tensor.WithShape(o.shape...), tensor.WithBacking(data))
}

// settle gives what run fills memory of its own where no Machine has done so.
func (o *op) settle() {
	if o.out == nil {
		o.place(make([]float32, o.size()))
	}
	if o.asked && o.rounded == nil {
		o.rounded = make([]uint16, o.size())
	}
	for _, b := range o.besides {
		b.settle()
	}
}

// inBF16 asks the op that makes a node for its output rounded to bf16, too, and is where that will lie: nil for an op
// that makes none, and whoever wants it rounds by itself.
func inBF16(n *G.Node, p Precision) *[]uint16 {
	o, ok := n.Op().(*op)
	if !ok || !o.rounds || p != BF16 {
		return new([]uint16)
	}
	o.asked = true
	return &o.rounded
}

// apply puts the op into the graph of its inputs.
func (o *op) apply(in ...*G.Node) (*G.Node, error) {
	o.in = make([]tensor.Shape, len(in))
	for i, n := range in {
		o.in[i] = n.Shape().Clone()
	}
	o.inputs = make([][]float32, len(in))
	n, err := G.ApplyOp(o, in...)
	if err != nil {
		return nil, fmt.Errorf("adding %s to the graph: %w", o.name, err)
	}
	return n, nil
}

func (o *op) Arity() int { return len(o.in) }

func (o *op) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.in)+1)
	for _, s := range append(slices.Clone(o.in), o.shape) {
		types = append(types, G.TensorType{Dims: s.Dims(), Of: tensor.Float32})
	}
	return hm.NewFnType(types...)
}

func (o *op) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.shape.Clone(), nil }

// Do runs the op. The result is the op's own memory, overwritten by the next run.
func (o *op) Do(values ...G.Value) (G.Value, error) {
	if len(values) != len(o.in) {
		return nil, fmt.Errorf("%s takes %d inputs, not %d", o.name, len(o.in), len(values))
	}
	for i, v := range values {
		t, ok := v.(*tensor.Dense)
		if !ok || t.Dtype() != tensor.Float32 || !t.DataOrder().IsContiguous() || t.DataOrder().IsColMajor() || t.RequiresIterator() {
			return nil, fmt.Errorf("input %d of %s must be a dense float32 tensor in row-major order, not %T", i, o.name, v)
		}
		o.inputs[i] = t.Float32s()
		if len(o.inputs[i]) != o.in[i].TotalSize() {
			return nil, fmt.Errorf("input %d of %s holds %d numbers, its shape %v needs %d", i, o.name, len(o.inputs[i]), o.in[i], o.in[i].TotalSize())
		}
	}
	o.settle()
	if err := o.run(o.inputs); err != nil {
		return nil, err
	}
	return o.out, nil
}

func (o *op) ReturnsPtr() bool     { return true }
func (o *op) CallsExtern() bool    { return false } // true would have Gorgonia allocate an output that nobody uses
func (o *op) OverwritesInput() int { return -1 }

func (o *op) String() string        { return fmt.Sprintf("%s#%d", o.name, o.id) }
func (o *op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "nearfar/kernel/%s", o) }
func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

func (o *op) DiffWRT(int) []bool {
	if o.toward == nil {
		return make([]bool, len(o.in))
	}
	return o.toward
}

func (o *op) SymDiff(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	if o.derive == nil {
		return nil, fmt.Errorf("%s has no derivative: second derivatives are not supported", o.name)
	}
	return o.derive(in, out, grad)
}

// beside is a node for what the op of another node computes beside its output: that op's run fills the memory at into.
func beside(name string, of *G.Node, into *[]float32, shape ...int) (*G.Node, error) {
	o := newOp(name, shape...)
	o.into = into
	o.run = func([][]float32) error { return nil }
	writer := of.Op().(*op)
	writer.besides = append(writer.besides, o)
	return o.apply(of)
}

// isImages says that a node is an input of the graph, or a slice or conversion of inputs: Conv2D computes
// no gradient toward it.
func isImages(n *G.Node) bool {
	o, ok := n.Op().(*op)
	return n.IsVar() || ok && o.images
}

// shaped checks that a node is a float32 tensor of so many dimensions.
func shaped(op, what string, n *G.Node, dims int) error {
	if n == nil {
		return fmt.Errorf("%s: %s is nil", op, what)
	}
	if n.Dtype() != tensor.Float32 {
		return fmt.Errorf("%s: %s must be float32, not %v", op, what, n.Dtype())
	}
	if s := n.Shape(); s.Dims() != dims {
		return fmt.Errorf("%s: %s must have %d dimensions, not shape %v", op, what, dims, s)
	}
	for _, d := range n.Shape() {
		if d < 1 {
			return fmt.Errorf("%s: %s has an empty dimension: shape %v", op, what, n.Shape())
		}
	}
	return nil
}

// vector checks that a node is a float32 vector of n numbers.
func vector(op, what string, node *G.Node, n int) error {
	if err := shaped(op, what, node, 1); err != nil {
		return err
	}
	if node.Shape()[0] != n {
		return fmt.Errorf("%s: %s must have %d numbers, one a channel, not %d", op, what, n, node.Shape()[0])
	}
	return nil
}
