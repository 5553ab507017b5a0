package kernel

// #include "kernel.h"
import "C"

import (
	"math/rand/v2"
	"runtime"
)

// Bare is one layer as oneDNN runs it by itself, over memory of its own: nothing fused, nothing converted. What it
// takes is the least the layer costs. Where the library computes in a layout or type of its own, results stay in it.
type Bare struct {
	Flops   float64 // of one pass; each of the three takes as many
	x, w, y []float32
	run     [3]func() error
}

// BareConv is a convolution of n pictures (h, w, in) with out kernels (k, k).
func BareConv(n, h, w, in, out, k, stride, pad int, p Precision) (*Bare, error) {
	s := shapeOf(n, h, w, in, out, k, k, stride, pad)
	c, err := newConvolution(s, p, C.NF_FORWARD|C.NF_TO_DATA|C.NF_TO_WEIGHTS|C.NF_HOLD)
	if err != nil {
		return nil, err
	}
	places := n * int(s.oh) * int(s.ow)
	b := &Bare{Flops: 2 * float64(places) * float64(out*in*k*k), x: drawn(n * h * w * in), w: drawn(out * in * k * k), y: drawn(places * out)}
	// Once in full, so that all passes have weights in their own layouts; what gradients overwrite is drawn again.
	err = failed(C.nf_conv_backward_weights(c.plan, ptr(b.x), nil, ptr(b.y), nil, ptr(b.w), nt()), "running the weight gradient of "+c.name)
	if copy(b.w, drawn(len(b.w))); err == nil {
		err = failed(C.nf_conv_backward_data(c.plan, ptr(b.w), ptr(b.y), nil, ptr(b.x), nt()), "running the gradient of "+c.name)
	}
	if copy(b.x, drawn(len(b.x))); err == nil {
		err = failed(C.nf_conv_forward(c.plan, ptr(b.x), nil, ptr(b.w), ptr(b.y), nt()), "running "+c.name)
	}
	for pass := range b.run {
		b.run[pass] = func() error {
			defer runtime.KeepAlive(c)
			return failed(C.nf_conv_bare(c.plan, 1<<C.int(pass), ptr(b.x), ptr(b.w), ptr(b.y), nt()), "running "+c.name)
		}
	}
	return b, err
}

// BareProduct is a linear layer without its bias: y (rows, out) = x (rows, in)·wᵀ. With a bank of keys for w it is
// the scores of a contrastive loss.
func BareProduct(rows, in, out int) *Bare {
	x, w, y := drawn(rows*in), drawn(out*in), drawn(rows*out)
	return &Bare{Flops: 2 * float64(rows) * float64(in) * float64(out), x: x, w: w, y: y, run: [3]func() error{
		func() error { gemm('N', 'T', rows, out, in, x, in, w, in, 0, y, out); return nil },
		func() error { gemm('N', 'N', rows, in, out, y, out, w, in, 0, x, in); return nil },
		func() error { gemm('T', 'N', out, in, rows, y, out, x, in, 0, w, in); return nil },
	}}
}

// Forward computes y of x and w.
func (b *Bare) Forward() error { return b.run[0]() }

// ToData computes ∂L/∂x of ∂L/∂y and w.
func (b *Bare) ToData() error { return b.run[1]() }

// ToWeights computes ∂L/∂w of x and ∂L/∂y.
func (b *Bare) ToWeights() error { return b.run[2]() }

// drawn is small numbers, none of them so small that arithmetic slows down.
func drawn(n int) []float32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = 0.01 + 0.01*r.Float32()
	}
	return x
}
