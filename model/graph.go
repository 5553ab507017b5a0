package model

import (
	"errors"
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/model/kernel"
)

// Tap is a place in a graph that more can be built upon.
type Tap struct{ at tap }

// Node is the place's node.
func (t Tap) Node() *G.Node { return t.at.node }

// Width is how many channels the place carries.
func (t Tap) Width() int { return t.at.channels }

// Graph is a network in the making over live weights: pictures in, encoder, heads, and a loss that its
// caller adds. The first error stops all further building and comes out of Training or Forward.
type Graph struct{ b *builder }

// NewGraph begins a graph. In kernel.Eval norms use their running statistics and images do not see each
// other; in kernel.Train they use the batch's and move the running ones.
func NewGraph(w *Weights, mode kernel.Mode) *Graph {
	return &Graph{&builder{spec: w.Spec, graph: G.NewGraph(), weights: w, mode: mode, nodes: map[string]*G.Node{}}}
}

// Images adds an input of n pictures and returns the memory behind it, (n, size, size, 3).
func (g *Graph) Images(name string, n, size int) ([]float32, Tap) {
	input := make([]float32, n*size*size*3)
	value := tensor.New(tensor.WithShape(n, size, size, 3), tensor.WithBacking(input))
	node := G.NewTensor(g.b.graph, tensor.Float32, 4, G.WithShape(n, size, size, 3), G.WithName(name), G.WithValue(value))
	return input, Tap{tap{node, 3}}
}

// Rows adds an input of n rows of width numbers and returns the memory behind it.
func (g *Graph) Rows(name string, n, width int) ([]float32, Tap) {
	input := make([]float32, n*width)
	value := tensor.New(tensor.WithShape(n, width), tensor.WithBacking(input))
	node := G.NewTensor(g.b.graph, tensor.Float32, 2, G.WithShape(n, width), G.WithName(name), G.WithValue(value))
	return input, Tap{tap{node, width}}
}

// Encode is the encoder over pictures: its map (N, h, w, width) and the mean over all places, the
// embedding (N, width).
func (g *Graph) Encode(x Tap) (places, embedding Tap) {
	m := g.b.encode(x.at)
	return Tap{m}, Tap{g.b.mean(m)}
}

// Halves are the maps of a split encoder over pictures: of lightness and of colour, each from its own
// input alone.
func (g *Graph) Halves(x Tap) (lightness, colour Tap) {
	l, ab := g.b.halves(g.b.lab(x.at))
	return Tap{l}, Tap{ab}
}

// Head is the head of that name over x.
func (g *Graph) Head(name string, x Tap) Tap { return Tap{g.b.head(name, x.at)} }

// Freeze keeps the parameters of a head as they are: gradients flow through it, but none to it.
func (g *Graph) Freeze(head string) { g.b.frozen = head }

// Recurrent is a recurrent head over clips: rows of x are clip by clip, time fastest.
func (g *Graph) Recurrent(name string, x Tap, frames int) Tap {
	g.b.clip = frames
	return g.Head(name, x)
}

// Unit gives each row unit length.
func (g *Graph) Unit(x Tap) Tap {
	return g.Add("unit", x, x.Width(), func() (*G.Node, error) { return kernel.Normalize(x.Node()) })
}

// Together lays k consecutive rows side by side: (N·k, W) → (N, k·W).
func (g *Graph) Together(x Tap, k int) Tap {
	return g.Add("together", x, k*x.Width(), func() (*G.Node, error) {
		return kernel.Reshape(x.Node(), x.Node().Shape()[0]/k, k*x.Width())
	})
}

// Apart is how far each two of k consecutive rows are apart, |a − b| number by number, side by side, next to each other
// first around the ring: (N·k, W) → (N, k·W) for rows 0−1, 1−2, …, k−1−0.
func (g *Graph) Apart(x Tap, k int) Tap {
	rows := g.Together(x, k)
	return g.Add("apart", rows, k*x.Width(), func() (*G.Node, error) {
		w := x.Width()
		first, err := kernel.Channels(rows.Node(), 0, w)
		if err != nil {
			return nil, err
		}
		rest, err := kernel.Channels(rows.Node(), w, k*w)
		if err != nil {
			return nil, err
		}
		next, err := kernel.Concat(rest, first)
		if err != nil {
			return nil, err
		}
		return kernel.Distance(rows.Node(), next)
	})
}

// Flat lays every place of a map in a row of its own: (N, h, w, C) → (N·h·w, C).
func (g *Graph) Flat(x Tap) Tap {
	return g.Add("flat", x, x.Width(), func() (*G.Node, error) {
		return kernel.Reshape(x.Node(), x.Node().Shape().TotalSize()/x.Width(), x.Width())
	})
}

// Add runs a constructor over x unless building has failed.
func (g *Graph) Add(name string, x Tap, width int, op func() (*G.Node, error)) Tap {
	return Tap{g.b.add(name, x.at, width, op)}
}

// Blend is x where the mask is 1 and rest where it is 0: x·mask + rest, all of one shape.
func (g *Graph) Blend(x, mask, rest Tap) Tap {
	return g.Add("blend", x, x.Width(), func() (*G.Node, error) { return kernel.Blend(x.Node(), mask.Node(), rest.Node()) })
}

// Reading is a value of a graph to look at after each run.
type Reading struct{ value *G.Value }

// Read asks for the value of a place.
func (g *Graph) Read(x Tap) Reading {
	r := Reading{new(G.Value)}
	if g.b.err == nil {
		G.Read(x.Node(), r.value)
	}
	return r
}

// Data is the value of the last run; the next one overwrites it.
func (r Reading) Data() []float32 { return floats(*r.value) }

// Forward compiles a graph that only looks.
func (g *Graph) Forward() (*Forward, error) { return g.forward(new(kernel.Arena)) }

// ForwardIn is Forward in the memory of a graph that learns: what Readings show is gone once
// that graph runs, and the other way round.
func (g *Graph) ForwardIn(t *Training) (*Forward, error) { return g.forward(&t.arena) }

func (g *Graph) forward(in *kernel.Arena) (*Forward, error) {
	if g.b.err != nil {
		return nil, g.b.err
	}
	vm, err := machine(g.b.graph, in)
	return &Forward{vm}, err
}

// Forward is a compiled graph without a loss.
type Forward struct{ vm G.VM }

// Run computes every Reading from the inputs.
func (f *Forward) Run() error {
	if err := f.vm.RunAll(); err != nil {
		return fmt.Errorf("running a network: %w", err)
	}
	f.vm.Reset()
	return nil
}

// Close frees the graph's machine.
func (f *Forward) Close() error { return f.vm.Close() }

// Training compiles a graph that learns: cost is its loss, a scalar.
func (g *Graph) Training(cost Tap) (*Training, error) {
	if g.b.err != nil {
		return nil, g.b.err
	}
	if cost.Node() == nil {
		return nil, errors.New("a graph without a loss cannot be trained")
	}
	return newTraining(g.b, cost.Node())
}

// Times are the rows of times from to to−1 of every clip: (N·T, W) → (N·(to−from), W), time fastest.
func (g *Graph) Times(x Tap, frames, from, to int) Tap {
	if from == 0 && to == frames {
		return x
	}
	return g.Add("times", x, x.Width(), func() (*G.Node, error) {
		w, n := x.Width(), x.Node().Shape()[0]/frames
		clips, err := kernel.Reshape(x.Node(), n, frames*w)
		if err != nil {
			return nil, err
		}
		if clips, err = kernel.Channels(clips, from*w, to*w); err != nil {
			return nil, err
		}
		return kernel.Reshape(clips, n*(to-from), w)
	})
}

// Mean is the mean of scalars.
func (g *Graph) Mean(costs []Tap) Tap {
	share := make([]float32, len(costs))
	for i := range share {
		share[i] = 1 / float32(len(costs))
	}
	return g.Sum(costs, share)
}

// Sum is the weighted sum of scalars.
func (g *Graph) Sum(costs []Tap, weights []float32) Tap {
	sum := costs[0]
	return g.Add("sum", sum, 1, func() (*G.Node, error) {
		var total *G.Node
		for i, c := range costs {
			part, err := G.Mul(c.Node(), G.NewConstant(weights[i]))
			if err != nil {
				return nil, err
			}
			if total == nil {
				total = part
			} else if total, err = G.Add(total, part); err != nil {
				return nil, err
			}
		}
		return total, nil
	})
}
