package model

import (
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// Training is a graph that learns: inputs in, one loss out, and a gradient for each parameter in it.
type Training struct {
	vm    G.VM
	arena kernel.Arena
	cost  G.Value
	take  func(param int, grad []float32) // of the run in progress
}

// newTraining differentiates a loss by every parameter in the graph.
func newTraining(b *builder, cost *G.Node) (*Training, error) {
	n := &Training{}
	var params []int // places in Weights.Params
	var wrt G.Nodes
	for i, p := range b.weights.Params {
		if b.frozen != "" && strings.HasPrefix(p.Name, b.frozen+".") {
			continue
		}
		if node, ok := b.nodes[p.Name]; ok {
			params, wrt = append(params, i), append(wrt, node)
		}
	}
	grads, err := G.Grad(cost, wrt...)
	if err != nil {
		return nil, fmt.Errorf("differentiating the loss: %w", err)
	}
	for i, gradient := range grads {
		if err := kernel.Hand(gradient, wrt[i], func(grad []float32) { n.take(params[i], grad) }); err != nil {
			return nil, err
		}
	}
	G.Read(cost, &n.cost)
	n.vm, err = machine(b.graph, &n.arena)
	return n, err
}

// Run computes the loss, and hands out the gradient of every parameter once: param is a place in Weights.Params, grad is
// valid during the call. The call may move that very parameter: nothing in the run reads it any more.
func (n *Training) Run(take func(param int, grad []float32)) (cost float32, err error) {
	n.take = take
	if err := n.vm.RunAll(); err != nil {
		return 0, fmt.Errorf("running a training step: %w", err)
	}
	n.vm.Reset()
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

// floats is the backing of a float32 value.
func floats(v G.Value) []float32 { return v.Data().([]float32) }
