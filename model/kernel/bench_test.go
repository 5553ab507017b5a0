package kernel

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

// layers are the convolutions of the small encoder (batch 64) and of a ResNet-18 (batch 32) at 64 px.
var layers = []struct {
	name string
	twin.ConvShape
}{
	{"small1", twin.ConvShape{N: 64, H: 64, W: 64, In: 3, Out: 32, KH: 3, KW: 3, Stride: 2, Pad: 1}},
	{"small2", twin.ConvShape{N: 64, H: 32, W: 32, In: 32, Out: 64, KH: 3, KW: 3, Stride: 2, Pad: 1}},
	{"small3", twin.ConvShape{N: 64, H: 16, W: 16, In: 64, Out: 128, KH: 3, KW: 3, Stride: 2, Pad: 1}},
	{"small4", twin.ConvShape{N: 64, H: 8, W: 8, In: 128, Out: 256, KH: 3, KW: 3, Stride: 2, Pad: 1}},
	{"stem", twin.ConvShape{N: 32, H: 64, W: 64, In: 3, Out: 64, KH: 7, KW: 7, Stride: 2, Pad: 3}},
	{"layer1", twin.ConvShape{N: 32, H: 16, W: 16, In: 64, Out: 64, KH: 3, KW: 3, Stride: 1, Pad: 1}},
	{"layer2.0", twin.ConvShape{N: 32, H: 16, W: 16, In: 64, Out: 128, KH: 3, KW: 3, Stride: 2, Pad: 1}},
	{"layer2.down", twin.ConvShape{N: 32, H: 16, W: 16, In: 64, Out: 128, KH: 1, KW: 1, Stride: 2, Pad: 0}},
	{"layer2", twin.ConvShape{N: 32, H: 8, W: 8, In: 128, Out: 128, KH: 3, KW: 3, Stride: 1, Pad: 1}},
	{"layer3", twin.ConvShape{N: 32, H: 4, W: 4, In: 256, Out: 256, KH: 3, KW: 3, Stride: 1, Pad: 1}},
	{"layer4", twin.ConvShape{N: 32, H: 2, W: 2, In: 512, Out: 512, KH: 3, KW: 3, Stride: 1, Pad: 1}},
}

// timeOp runs one op of a graph over and over and reports milliseconds.
func timeOp(b *testing.B, n *G.Node, flops float64) {
	o := n.Op().(*op)
	in := make([]G.Value, len(o.in))
	r := random("bench")
	for i, s := range o.in {
		in[i] = tensor.New(tensor.WithShape(s...), tensor.WithBacking(normal(r, s.TotalSize())))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := o.Do(in...); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	best := time.Hour
	for b.Loop() {
		t := time.Now()
		if _, err := o.Do(in...); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(t))
	}
	b.ReportMetric(best.Seconds()*1e3, "best-ms")
	if flops > 0 {
		b.ReportMetric(flops/best.Seconds()/1e9, "best-GFLOP/s")
	}
}

func BenchmarkConv(b *testing.B) {
	for _, l := range layers {
		_, nodes := graph(given{[]int{l.N, l.H, l.W, l.In}, make([]float32, l.N*l.H*l.W*l.In)},
			given{[]int{l.Out, l.In, l.KH, l.KW}, make([]float32, l.Out*l.In*l.KH*l.KW)}, given{[]int{l.N, l.OH(), l.OW(), l.Out}, make([]float32, l.N*l.OH()*l.OW()*l.Out)})
		y, err := Conv2D(nodes[0], nodes[1], l.Stride, l.Pad, F32)
		if err != nil {
			b.Fatal(err)
		}
		flops := 2 * float64(l.N*l.OH()*l.OW()*l.Out*l.In*l.KH*l.KW)
		b.Run(l.name+"/forward", func(b *testing.B) { timeOp(b, y, flops) })
		y.Op().(*op).toward[0] = true
		grads, err := y.Op().(*op).derive(nodes[:2], y, nodes[2])
		if err != nil {
			b.Fatal(err)
		}
		if l.In > 3 {
			b.Run(l.name+"/data", func(b *testing.B) { timeOp(b, grads[0], flops) })
		}
		b.Run(l.name+"/weights", func(b *testing.B) { timeOp(b, grads[1], flops) })
	}
}

func BenchmarkBatchNorm(b *testing.B) {
	for _, s := range [][]int{{64, 32, 32, 32}, {64, 16, 16, 64}, {64, 8, 8, 128}, {64, 4, 4, 256}} {
		c := s[3]
		_, nodes := graph(given{s, make([]float32, tensor.Shape(s).TotalSize())}, given{[]int{c}, make([]float32, c)}, given{[]int{c}, make([]float32, c)})
		y, err := BatchNorm(nodes[0], nodes[1], nodes[2], nil, TrainFrozen, true)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(s, "/forward"), func(b *testing.B) { timeOp(b, y, 0) })
		grads, err := y.Op().(*op).derive(G.Nodes{nodes[0], nodes[1], nodes[2]}, y, nodes[0])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(s, "/backward"), func(b *testing.B) { timeOp(b, grads[0], 0) })
	}
}

func BenchmarkInfoNCE(b *testing.B) {
	for _, size := range []int{4096, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := random("bench")
			q, k, bank, dq := unitRows(r, 64, 128), unitRows(r, 64, 128), unitRows(r, size, 128), make([]float32, 64*128)
			runtime.LockOSThread()
			best := time.Hour
			for b.Loop() {
				t := time.Now()
				InfoNCE(q, k, bank, 64, 128, size, 0.1, nil, nil, dq, new(InfoNCEStats))
				best = min(best, time.Since(t))
			}
			b.ReportMetric(best.Seconds()*1e3, "best-ms")
		})
	}
}

// BenchmarkStep is a whole MoCo step (64 px, bank of 4096): keys forward, queries forward and backward,
// EMA, SGD. Beside it stands step_moco.py, PyTorch's, with --encoder small or resnet18 --batch 32.
func BenchmarkStep(b *testing.B) {
	b.Run("small", func(b *testing.B) { benchStep(b, 64, func() (*small, error) { return newSmall(standard, Train) }) })
	b.Run("resnet18", func(b *testing.B) { benchStep(b, 32, func() (*small, error) { return newResNet(32, 64, 128, Train) }) })
}

func benchStep(b *testing.B, batch int, build func() (*small, error)) {
	q, err := build()
	if err != nil {
		b.Fatal(err)
	}
	k, err := build()
	if err != nil {
		b.Fatal(err)
	}
	bank := unitRows(random("bank"), 4096, 128)
	kvm := benchMachine(b, k.graph)
	keys := k.projection.Op().(*op).data
	cost, err := contrast(q.projection, keys, bank)
	if err != nil {
		b.Fatal(err)
	}
	grads, err := G.Grad(cost, q.params...)
	if err != nil {
		b.Fatal(err)
	}
	qvm := benchMachine(b, q.graph)
	velocity := make([][]float32, len(q.params))
	floats := func(n *G.Node) []float32 { return n.Value().Data().([]float32) }
	for i, p := range q.params {
		velocity[i] = make([]float32, len(floats(p)))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best, forward := time.Hour, time.Hour
	step := func() {
		t := time.Now()
		if err := kvm.RunAll(); err != nil {
			b.Fatal(err)
		}
		kvm.Reset()
		forward = min(forward, time.Since(t))
		if err := qvm.RunAll(); err != nil {
			b.Fatal(err)
		}
		qvm.Reset()
		for i, p := range q.params {
			SGDMomentum(floats(p), floats(grads[i]), velocity[i], 0.03, 0.9, 1e-4)
			EMA(floats(k.params[i]), floats(p), 0.999)
		}
		best = min(best, time.Since(t))
	}
	for range 3 {
		step()
	}
	best, forward = time.Hour, time.Hour
	b.ResetTimer()
	for b.Loop() {
		step()
	}
	b.ReportMetric(best.Seconds()*1e3, "best-ms")
	b.ReportMetric(forward.Seconds()*1e3, "best-forward-ms")
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "frames/s")
}

func benchMachine(b *testing.B, g *G.ExprGraph) *Machine {
	m, err := NewMachine(g)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%.1f MB of activations and gradients", float64(m.Bytes())/1e6)
	return m
}
