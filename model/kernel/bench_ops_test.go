package kernel

import (
	"runtime"
	"testing"
	"time"

	G "gorgonia.org/gorgonia"
)

// BenchmarkSoftmaxCE is colorization's loss: a batch of 64 on a grid of 16×16, 313 classes, five targets.
func BenchmarkSoftmaxCE(b *testing.B) {
	const n, c, k = 64 * 16 * 16, 313, 5
	z, grad := normal(random("bench"), n*c), make([]float32, n*c)
	index, weight := targets("bench", n, c, k, 0.1)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := time.Hour
	for b.Loop() {
		t := time.Now()
		SoftmaxCE(z, n, c, index, weight, k, nil, grad, new(SoftmaxStats))
		best = min(best, time.Since(t))
	}
	b.ReportMetric(best.Seconds()*1e3, "best-ms")
	b.ReportMetric(8*n*c/best.Seconds()/1e9, "best-GB/s")
}

// BenchmarkDecoder times the ops that decoders and sequences add, forward and toward their first input.
func BenchmarkDecoder(b *testing.B) {
	r := random("bench")
	for _, o := range []struct {
		name  string
		build func(in G.Nodes) (*G.Node, error)
		in    []given
	}{
		{"Upsample2/64×16×16×128", func(in G.Nodes) (*G.Node, error) { return Upsample2(in[0]) }, []given{draw(r, 64, 16, 16, 128)}},
		{"Upsample2/64×32×32×3", func(in G.Nodes) (*G.Node, error) { return Upsample2(in[0]) }, []given{draw(r, 64, 32, 32, 3)}},
		{"Bias/64×32×32×64", func(in G.Nodes) (*G.Node, error) { return Bias(in[0], in[1], true) }, []given{draw(r, 64, 32, 32, 64), draw(r, 64)}},
		{"Lab/64×64×64×3", func(in G.Nodes) (*G.Node, error) { return Lab(in[0]) }, []given{draw(r, 64, 64, 64, 3)}},
		{"Channels/64×64×64×1", func(in G.Nodes) (*G.Node, error) { return Channels(in[0], 0, 1) }, []given{draw(r, 64, 64, 64, 3)}},
		{"GRU/64×8×256", gruOver(8), []given{draw(r, 512, 256), draw(r, 768, 256), draw(r, 768, 256), draw(r, 768), draw(r, 768)}},
	} {
		_, in := graph(o.in...)
		y, err := o.build(in)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(o.name+"/forward", func(b *testing.B) { timeOp(b, y, 0) })
		derive := y.Op().(*op).derive
		if derive == nil {
			continue
		}
		grads, err := derive(in, y, y)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(o.name+"/backward", func(b *testing.B) { timeOp(b, grads[0], 0) })
	}
}
