package model

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// Training is a network that learns: images in, one loss out, and a gradient for each parameter.
type Training struct {
	input  []float32
	vm     G.VM
	params []Tensor
	grads  []G.Value
	cost   G.Value
}

// Loss adds a loss to a graph over unit-length projections (N, dim) and returns its scalar node.
type Loss func(projection *G.Node) (*G.Node, error)

// NewTraining builds forward, loss and backward of a batch over live weights.
func NewTraining(w *Weights, batch int, loss Loss) (*Training, error) {
	g := G.NewGraph()
	input, x := images(g, batch, w.Spec.Image)
	b := &builder{spec: w.Spec, graph: g, weights: w, mode: kernel.Train, nodes: map[string]*G.Node{}}
	_, projection := b.network(tap{x, 3})
	if b.err != nil {
		return nil, b.err
	}
	unit, err := kernel.Normalize(projection.node)
	if err != nil {
		return nil, fmt.Errorf("building the projection's normalisation: %w", err)
	}
	cost, err := loss(unit)
	if err != nil {
		return nil, fmt.Errorf("building the loss: %w", err)
	}
	n := &Training{input: input, params: w.Params, grads: make([]G.Value, len(w.Params))}
	wrt := make(G.Nodes, len(w.Params))
	for i, p := range w.Params {
		wrt[i] = b.nodes[p.Name]
	}
	grads, err := G.Grad(cost, wrt...)
	if err != nil {
		return nil, fmt.Errorf("differentiating the loss: %w", err)
	}
	for i, node := range grads {
		G.Read(node, &n.grads[i])
	}
	G.Read(cost, &n.cost)
	n.vm, err = machine(g)
	return n, err
}

// Input is the memory of the next batch, (N, S, S, 3), to be written before Run.
func (n *Training) Input() []float32 { return n.input }

// Run computes the loss and all gradients; grads follow the order of Weights.Params and are overwritten
// by the next Run.
func (n *Training) Run(grads [][]float32) (cost float32, err error) {
	if err := n.vm.RunAll(); err != nil {
		return 0, fmt.Errorf("running a training step: %w", err)
	}
	n.vm.Reset()
	for i := range grads {
		grads[i] = floats(n.grads[i])
	}
	return scalar(n.cost), nil
}

// Close frees the graph's machine.
func (n *Training) Close() error { return n.vm.Close() }

// scalar is a float32 loss, however Gorgonia wraps it.
func scalar(v G.Value) float32 {
	switch x := v.Data().(type) {
	case float32:
		return x
	case []float32:
		return x[0]
	}
	panic("model: a loss that is no float32")
}
