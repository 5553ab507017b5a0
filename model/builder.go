package model

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/model/kernel"
)

// tap is a place in a network: the node there (nil while declaring) and how many channels it carries.
type tap struct {
	node     *G.Node
	channels int
}

// declared is a parameter a network asks for.
type declared struct {
	name  string
	shape []int
	init  initialiser
}

// declaredNorm is a batch norm's pair of running statistics.
type declaredNorm struct {
	name     string
	channels int
}

// builder walks a network's layers. Without a graph it collects what the layers declare; with one it
// adds them to the graph over the weights. The first error stops all further building.
type builder struct {
	spec    Spec
	graph   *G.ExprGraph
	weights *Weights
	mode    kernel.Mode
	params  []declared
	norms   []declaredNorm
	nodes   map[string]*G.Node // parameters that are in the graph
	clip    int                // rows of a clip, where a recurrent head walks over them
	frozen  string             // head whose parameters get no gradient
	folds   *kernel.Folds      // where batch norms become part of the convolutions before them; nil: nowhere
	layers  []Layer            // convolutions and products that are in the graph
	err     error
}

// param is the node of a parameter, or its declaration.
func (b *builder) param(name string, init initialiser, shape ...int) *G.Node {
	if b.graph == nil {
		b.params = append(b.params, declared{name, shape, init})
		return nil
	}
	if n, ok := b.nodes[name]; ok {
		return n
	}
	t, ok := b.weights.Param(name)
	if !ok {
		panic("model: a parameter that was never declared: " + name)
	}
	value := tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(t.Data))
	n := G.NewTensor(b.graph, tensor.Float32, len(shape), G.WithShape(t.Shape...), G.WithName(name), G.WithValue(value))
	b.nodes[name] = n
	return n
}

// add runs one constructor unless the walk is a declaration or has failed.
func (b *builder) add(name string, x tap, channels int, op func() (*G.Node, error)) tap {
	y := tap{channels: channels}
	if b.graph == nil || b.err != nil {
		return y
	}
	node, err := op()
	if err != nil {
		b.err = fmt.Errorf("building layer %s over %d channels: %w", name, x.channels, err)
		return y
	}
	y.node = node
	return y
}

// conv is a k×k convolution without bias: (N, H, W, C) → (N, H', W', out).
func (b *builder) conv(name string, x tap, out, k, stride, pad int, init initialiser) tap {
	w := b.param(name+".weight", init, out, x.channels, k, k)
	b.count(name, x, out, k, stride, pad)
	return b.add(name, x, out, func() (*G.Node, error) { return kernel.Conv2D(x.node, w, stride, pad, b.weights.Precision) })
}

// convNorm is a k×k convolution with its norm, and ReLU after it where asked.
func (b *builder) convNorm(conv, norm string, x tap, out, k, stride, pad int, relu bool, init initialiser) tap {
	if b.folds == nil || b.spec.Norm != "batch" {
		return b.norm(norm, b.conv(conv, x, out, k, stride, pad, init), relu)
	}
	return b.folded(conv, norm, x, tap{}, out, k, stride, pad, relu, init)
}

// convNormAdd is relu(norm(conv x) + short), the end of a residual block. The short way is built between the two; the
// convolution keeps the size of the map.
func (b *builder) convNormAdd(conv, norm string, x tap, short func() tap, out, k int, init initialiser) tap {
	if b.folds == nil || b.spec.Norm != "batch" {
		y := b.conv(conv, x, out, k, 1, k/2, init)
		return b.normAdd(norm, y, short())
	}
	return b.folded(conv, norm, x, short(), out, k, 1, k/2, true, init)
}

// folded is a convolution with a batch norm by its running statistics in its weights.
func (b *builder) folded(conv, norm string, x, short tap, out, k, stride, pad int, relu bool, init initialiser) tap {
	w := b.param(conv+".weight", init, out, x.channels, k, k)
	gamma, beta := b.param(norm+".weight", ones, out), b.param(norm+".bias", zeros, out)
	return b.add(conv, x, out, func() (*G.Node, error) {
		return kernel.ConvNorm(x.node, w, gamma, beta, short.node, b.weights.running(norm), stride, pad, relu, b.weights.Precision, b.folds)
	})
}

// norm is batch or group norm, as the spec says, with ReLU after it where asked.
func (b *builder) norm(name string, x tap, relu bool) tap {
	gamma := b.param(name+".weight", ones, x.channels)
	beta := b.param(name+".bias", zeros, x.channels)
	if b.spec.Norm == "group" {
		return b.add(name, x, x.channels, func() (*G.Node, error) {
			return kernel.GroupNorm(x.node, gamma, beta, groups(x.channels), relu)
		})
	}
	if b.graph == nil {
		b.norms = append(b.norms, declaredNorm{name, x.channels})
		return x
	}
	return b.add(name, x, x.channels, func() (*G.Node, error) {
		return kernel.BatchNorm(x.node, gamma, beta, b.weights.running(name), b.mode, relu)
	})
}

// normAdd is relu(norm(x) + short), the end of a residual block.
func (b *builder) normAdd(name string, x, short tap) tap {
	if b.spec.Norm == "group" {
		y := b.norm(name, x, false)
		return b.add(name, y, x.channels, func() (*G.Node, error) { return kernel.AddReLU(y.node, short.node) })
	}
	gamma := b.param(name+".weight", ones, x.channels)
	beta := b.param(name+".bias", zeros, x.channels)
	if b.graph == nil {
		b.norms = append(b.norms, declaredNorm{name, x.channels})
		return x
	}
	return b.add(name, x, x.channels, func() (*G.Node, error) {
		return kernel.BatchNormAdd(x.node, gamma, beta, short.node, b.weights.running(name), b.mode)
	})
}

// groups is how many groups a group norm splits channels into: 32, as Wu & He 2018 (arXiv:1803.08494)
// found best, or one a channel where there are fewer than 64.
func groups(channels int) int {
	if channels >= 64 {
		return 32
	}
	return channels / 2
}

// linear is y = x·Wᵀ + b: (N, C) → (N, out), with ReLU after it where asked.
func (b *builder) linear(name string, x tap, out int, relu bool) tap {
	w := b.param(name+".weight", kaimingUniform, out, x.channels)
	bias := b.param(name+".bias", biasUniform(x.channels), out)
	b.count(name, x, out, 0, 0, 0)
	return b.add(name, x, out, func() (*G.Node, error) { return kernel.Linear(x.node, w, bias, relu) })
}

// mean is the mean over all places: (N, H, W, C) → (N, C).
func (b *builder) mean(x tap) tap {
	return b.add("mean", x, x.channels, func() (*G.Node, error) { return kernel.GlobalMean(x.node) })
}

// encode is the encoder: the map (N, h, w, width) of pictures (N, S, S, 3).
func (b *builder) encode(x tap) tap {
	layers := encoders[b.spec.Encoder].layers
	if !b.spec.Split {
		return layers(b, x, "encoder", 1)
	}
	l, ab := b.halves(b.lab(x))
	return b.join(l, ab)
}

// lab is the pictures in CIE Lab, channels of a spread like that of the input.
func (b *builder) lab(x tap) tap {
	return b.add("lab", x, 3, func() (*G.Node, error) { return kernel.Lab(x.node) })
}

// halves are the maps of a split encoder, of lightness and of colour, (N, h, w, width/2) each. No weight
// leads from one to the other, or the colours that a half has to predict would leak into it.
func (b *builder) halves(lab tap) (lightness, colour tap) {
	layers := encoders[b.spec.Encoder].layers
	l := b.add("lightness", lab, 1, func() (*G.Node, error) { return kernel.Channels(lab.node, 0, 1) })
	ab := b.add("colour", lab, 2, func() (*G.Node, error) { return kernel.Channels(lab.node, 1, 3) })
	return layers(b, l, "encoder.lightness", 2), layers(b, ab, "encoder.colour", 2)
}

// join puts the channels of b behind those of a.
func (b *builder) join(x, y tap) tap {
	return b.add("join", x, x.channels+y.channels, func() (*G.Node, error) { return kernel.Concat(x.node, y.node) })
}

// convBias is a k×k convolution with bias, and ReLU after it where asked.
func (b *builder) convBias(name string, x tap, out, k, stride, pad int, relu bool) tap {
	y := b.conv(name, x, out, k, stride, pad, kaimingUniform)
	bias := b.param(name+".bias", biasUniform(x.channels*k*k), out)
	return b.add(name, y, out, func() (*G.Node, error) { return kernel.Bias(y.node, bias, relu) })
}

// head is the head of that name over x.
func (b *builder) head(name string, x tap) tap {
	h, ok := b.spec.Head(name)
	if !ok {
		panic("model: a head that was never declared: " + name)
	}
	if b.graph != nil && h.In != 0 && x.channels != h.In {
		panic("model: head " + name + " over an input of another width than declared")
	}
	return heads[h.Kind].layers(b, h, x)
}

// declare walks the whole network without a graph: the encoder first, so that it lies in one piece, then
// the heads.
func (b *builder) declare() {
	b.encode(tap{channels: 3})
	for _, h := range b.spec.Heads {
		in := h.In
		if in == 0 {
			in = b.spec.Width()
		}
		b.head(h.Name, tap{channels: in})
	}
}
