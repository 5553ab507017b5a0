package kernel

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// newResNet is a ResNet-18 trunk with the projector of the small encoder: many weights, small pictures.
func newResNet(batch, image, projection int, mode Mode) (*small, error) {
	b := &residual{small: &small{graph: G.NewGraph()}, mode: mode}
	r := random("resnet")
	b.images = normal(r, batch*image*image*3)
	b.draw = func(n int) []float32 { return normal(r, n) }
	x := b.node("images", b.images, batch, image, image, 3)
	x = b.norm(b.conv(x, 64, 7, 2, 3), nil, true)
	x = b.must(MaxPool2D(x, 3, 2, 1))
	for stage, channels := range []int{64, 128, 256, 512} {
		for block := range 2 {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			y := b.norm(b.conv(x, channels, 3, stride, 1), nil, true)
			y = b.conv(y, channels, 3, 1, 1)
			if stride != 1 {
				x = b.norm(b.conv(x, channels, 1, stride, 0), nil, false)
			}
			x = b.norm(y, x, true)
		}
	}
	x = b.must(GlobalMean(x))
	x = b.must(Linear(x, b.param(0.06, 0, 512, 512), b.param(0.1, 0, 512), true))
	x = b.must(Linear(x, b.param(0.06, 0, projection, 512), b.param(0.1, 0, projection), false))
	b.projection = b.must(Normalize(x))
	return b.small, b.err
}

type residual struct {
	*small
	mode Mode
	draw func(int) []float32
	err  error
}

// must keeps the first error; nodes after it are nil, and constructors refuse those.
func (b *residual) must(n *G.Node, err error) *G.Node {
	if b.err == nil {
		b.err = err
	}
	return n
}

func (b *residual) node(name string, data []float32, shape ...int) *G.Node {
	v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	return G.NewTensor(b.graph, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
}

func (b *residual) param(scale float64, fill float32, shape ...int) *G.Node {
	x := b.draw(tensor.Shape(shape).TotalSize())
	for i := range x {
		x[i] = x[i]*float32(scale) + fill
	}
	n := b.node(fmt.Sprint("param", len(b.params)), x, shape...)
	b.params = append(b.params, n)
	return n
}

func (b *residual) conv(x *G.Node, out, k, stride, pad int) *G.Node {
	if b.err != nil {
		return nil
	}
	in := x.Shape()[3]
	return b.must(Conv2D(x, b.param(math.Sqrt(2/float64(k*k*out)), 0, out, in, k, k), stride, pad, F32))
}

func (b *residual) norm(x, add *G.Node, relu bool) *G.Node {
	if b.err != nil {
		return nil
	}
	c := x.Shape()[3]
	gamma, beta, stats := b.param(0.1, 1, c), b.param(0.1, 0, c), &Stats{make([]float32, c), make([]float32, c)}
	if add == nil {
		return b.must(BatchNorm(x, gamma, beta, stats, b.mode, relu))
	}
	return b.must(BatchNormAdd(x, gamma, beta, add, stats, b.mode))
}
