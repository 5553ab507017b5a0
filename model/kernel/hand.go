package kernel

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Hand has every run hand the gradient of a parameter to take, as soon as it is whole and nothing of the graph reads the
// parameter any more: take may move it. The numbers are valid during the call alone; after it others lie in their memory.
func Hand(gradient, param *G.Node, take func(gradient []float32)) error {
	if gradient == nil || param == nil || !gradient.Shape().Eq(param.Shape()) {
		return fmt.Errorf("Hand: a gradient has the shape of its parameter: %v, %v", gradient, param)
	}
	o := newOp("Hand", 1)
	o.hands = true
	o.run = func(in [][]float32) error {
		take(in[0])
		return nil
	}
	_, err := o.apply(gradient, param)
	return err
}

// ordered are the nodes of a graph in the order of running: as they were made, which is after what they use, but gradients
// are handed out as early as may be.
func ordered(nodes G.Nodes, uses func(*G.Node) G.Nodes) G.Nodes {
	var others, hands G.Nodes
	for _, n := range nodes {
		if o, ok := n.Op().(*op); ok && o.hands {
			hands = append(hands, n)
		} else {
			others = append(others, n)
		}
	}
	last := make(map[*G.Node]int, len(others)) // when a node is there, and read for the last time
	for i, n := range others {
		last[n] = i
		for _, used := range uses(n) {
			last[used] = i
		}
	}
	behind := make([]G.Nodes, len(others))
	for _, h := range hands {
		i := 0
		for _, used := range uses(h) {
			i = max(i, last[used])
		}
		behind[i] = append(behind[i], h)
	}
	out := make(G.Nodes, 0, len(nodes))
	for i, n := range others {
		out = append(append(out, n), behind[i]...)
	}
	return out
}
