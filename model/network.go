package model

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/model/kernel"
)

// Inference is a network that only looks: images in, embeddings and projections out. In kernel.Eval it
// uses the running statistics and treats each image by itself; in kernel.Train it normalises over the
// batch, as the key encoder of MoCo does.
type Inference struct {
	input      []float32 // batch·S·S·3
	vm         G.VM
	embedding  *G.Value
	projection *G.Value
	batch      int
	pixels     int // of one image: S·S·3
	width, dim int
}

// NewInference builds the graph of a batch of images over live weights: it sees every later change of them.
func NewInference(w *Weights, batch int, mode kernel.Mode) (*Inference, error) {
	spec := w.Spec
	g := G.NewGraph()
	input, x := images(g, batch, spec.Image)
	b := &builder{spec: spec, graph: g, weights: w, mode: mode, nodes: map[string]*G.Node{}}
	embedding, projection := b.network(tap{x, 3})
	if b.err != nil {
		return nil, b.err
	}
	unit, err := kernel.Normalize(projection.node)
	if err != nil {
		return nil, fmt.Errorf("building the projection's normalisation: %w", err)
	}
	n := &Inference{input: input, batch: batch, pixels: spec.Image * spec.Image * 3, width: spec.Width(), dim: spec.Projection,
		embedding: new(G.Value), projection: new(G.Value)}
	G.Read(embedding.node, n.embedding)
	G.Read(unit, n.projection)
	n.vm, err = machine(g)
	return n, err
}

// images is the input node of a batch and the memory behind it, (N, S, S, 3).
func images(g *G.ExprGraph, batch, size int) ([]float32, *G.Node) {
	input := make([]float32, batch*size*size*3)
	value := tensor.New(tensor.WithShape(batch, size, size, 3), tensor.WithBacking(input))
	return input, G.NewTensor(g, tensor.Float32, 4, G.WithShape(batch, size, size, 3), G.WithName("images"), G.WithValue(value))
}

// Batch is how many images the graph holds.
func (n *Inference) Batch() int { return n.batch }

// Input is the memory of the next batch, (N, S, S, 3), to be written before Run.
func (n *Inference) Input() []float32 { return n.input }

// Run looks at the images in Input. The results are views that the next Run overwrites: embeddings
// (N, width) and unit-length projections (N, dim).
func (n *Inference) Run() (embeddings, projections []float32, err error) {
	if err := n.vm.RunAll(); err != nil {
		return nil, nil, fmt.Errorf("running the network on %d images: %w", n.batch, err)
	}
	n.vm.Reset()
	return floats(*n.embedding), floats(*n.projection), nil
}

// Embed looks at any number of images (count·S·S·3 numbers) and returns their embeddings (count, width)
// in new memory. The graph must be in kernel.Eval, where the images of a batch do not see each other.
func (n *Inference) Embed(images []float32) ([]float32, error) {
	count := len(images) / n.pixels
	out := make([]float32, 0, count*n.width)
	for at := 0; at < count; at += n.batch {
		m := min(n.batch, count-at)
		copy(n.input, images[at*n.pixels:(at+m)*n.pixels])
		embeddings, _, err := n.Run()
		if err != nil {
			return nil, err
		}
		out = append(out, embeddings[:m*n.width]...)
	}
	return out, nil
}

// Close frees the graph's machine.
func (n *Inference) Close() error { return n.vm.Close() }

// floats is the backing of a float32 value.
func floats(v G.Value) []float32 { return v.Data().([]float32) }
