package model

import (
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"
)

// Training is a graph that learns: inputs in, one loss out, and a gradient for each parameter in it.
type Training struct {
	vm     G.VM
	params []int // places in Weights.Params, ascending
	grads  []G.Value
	cost   G.Value
}

// newTraining differentiates a loss by every parameter in the graph.
func newTraining(b *builder, cost *G.Node) (*Training, error) {
	n := &Training{}
	var wrt G.Nodes
	for i, p := range b.weights.Params {
		if b.frozen != "" && strings.HasPrefix(p.Name, b.frozen+".") {
			continue
		}
		if node, ok := b.nodes[p.Name]; ok {
			n.params = append(n.params, i)
			wrt = append(wrt, node)
		}
	}
	grads, err := G.Grad(cost, wrt...)
	if err != nil {
		return nil, fmt.Errorf("differentiating the loss: %w", err)
	}
	n.grads = make([]G.Value, len(grads))
	for i, node := range grads {
		G.Read(node, &n.grads[i])
	}
	G.Read(cost, &n.cost)
	n.vm, err = machine(b.graph)
	return n, err
}

// Run computes the loss and all gradients.
func (n *Training) Run() (cost float32, err error) {
	if err := n.vm.RunAll(); err != nil {
		return 0, fmt.Errorf("running a training step: %w", err)
	}
	n.vm.Reset()
	return scalar(n.cost), nil
}

// Gradients hands out the gradients of the last run: param is a place in Weights.Params. The next run
// overwrites them.
func (n *Training) Gradients(add func(param int, grad []float32)) {
	for i, param := range n.params {
		add(param, floats(n.grads[i]))
	}
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

// floats is the backing of a float32 value.
func floats(v G.Value) []float32 { return v.Data().([]float32) }
