package model

import (
	"fmt"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
)

// Layer is a convolution or a product of a network: what oneDNN computes of it.
type Layer struct {
	Name           string
	N, H, W        int  // of the input; of a product N rows, H and W 1
	In, Out        int  // channels
	K, Stride, Pad int  // K 0: a product
	First          bool // looks at pictures, toward which no gradient is computed
}

// Layers are the convolutions and products of an encoder and of the heads that stand on its embedding, over n
// pictures, in order.
func Layers(spec Spec, n int) ([]Layer, error) {
	w, err := NewWeights(spec, seed.New(0))
	if err != nil {
		return nil, err
	}
	g := NewGraph(w, kernel.TrainFrozen)
	_, x := g.Images("images", n, spec.Image)
	_, embedding := g.Encode(x)
	for _, h := range spec.Heads {
		if h.takesEmbeddings() {
			g.Head(h.Name, embedding)
		}
	}
	if g.b.err != nil {
		return nil, fmt.Errorf("counting layers: %w", g.b.err)
	}
	return g.b.layers, nil
}

// count notes a layer over x, unless the walk is a declaration or has failed.
func (b *builder) count(name string, x tap, out, k, stride, pad int) {
	if b.graph == nil || b.err != nil {
		return
	}
	s := x.node.Shape()
	l := Layer{Name: name, N: s[0], H: 1, W: 1, In: x.channels, Out: out, K: k, Stride: stride, Pad: pad}
	if k > 0 {
		l.H, l.W, l.First = s[1], s[2], x.channels <= 3
	}
	b.layers = append(b.layers, l)
}
