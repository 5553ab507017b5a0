package kernel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

// bf16 is skipped, aloud, where the processor has no bfloat16.
func bf16(t *testing.T) Precision {
	t.Helper()
	if !HasBF16() {
		t.Skipf("SKIPPED: this processor (%s) has no AVX512_BF16", CPUISA())
	}
	return BF16
}

// rounded is x as bfloat16 holds it: the upper half of each float32, to the nearest, ties to even.
func rounded(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		u := math.Float32bits(v)
		out[i] = math.Float32frombits((u + 0x7fff + u>>16&1) &^ 0xffff)
	}
	return out
}

// A convolution in bfloat16 is that of the rounded operands, summed in float32: forward and toward both.
func TestBF16ConvolutionIsThatOfRoundedOperands(t *testing.T) {
	p := bf16(t)
	for _, s := range []twin.ConvShape{
		{N: 4, H: 16, W: 16, In: 3, Out: 32, KH: 3, KW: 3, Stride: 2, Pad: 1},
		{N: 3, H: 9, W: 7, In: 32, Out: 64, KH: 3, KW: 3, Stride: 2, Pad: 1},
		{N: 2, H: 2, W: 2, In: 128, Out: 256, KH: 3, KW: 3, Stride: 1, Pad: 1}, // more weights than places
		{N: 2, H: 8, W: 8, In: 64, Out: 128, KH: 1, KW: 1, Stride: 2, Pad: 0},
		{N: 5, H: 4, W: 4, In: 17, Out: 33, KH: 5, KW: 5, Stride: 3, Pad: 2},
		{N: 1, H: 3, W: 5, In: 64, Out: 48, KH: 3, KW: 2, Stride: 2, Pad: 1},
		{N: 16, H: 8, W: 8, In: 16, Out: 32, KH: 3, KW: 3, Stride: 2, Pad: 1}, // few places a picture
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			r := random("bf16")
			x, w := draw(r, s.N, s.H, s.W, s.In), draw(r, s.Out, s.In, s.KH, s.KW)
			dy := normal(r, s.N*s.OH()*s.OW()*s.Out)
			y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Conv2D(in[0], in[1], s.Stride, s.Pad, p) }, dy, x, w)
			xr, wr, dyr := rounded(x.data), rounded(w.data), rounded(dy)
			dx, dw := twin.ConvGradients(s, xr, wr, dyr)
			near(t, "y", y, twin.Conv(s, xr, wr), rel)
			near(t, "dx", grads[0], dx, rel)
			near(t, "dw", grads[1], dw, rel)
			if plain := twin.Conv(s, x.data, w.data); slices.Equal(plain, y) {
				t.Error("nothing was rounded")
			}
		})
	}
}

// What a batch norm rounds for the convolutions around it is what they would round themselves: a chain gives the bits of
// its links one by one.
func TestConvolutionsTakeWhatIsRoundedAlready(t *testing.T) {
	p := bf16(t)
	for _, n := range []int{1, 6} { // of 64 pictures; few enough to be a product, and not
		r := random("chain")
		x, w1, w2 := draw(r, 64*n, 4, 4, 16), draw(r, 32, 16, 3, 3), draw(r, 32, 32, 3, 3)
		if n == 1 {
			x, w1, w2 = draw(r, 2, 4, 4, 16), draw(r, 96, 16, 3, 3), draw(r, 64, 96, 3, 3)
		}
		gamma, beta := draw(r, w1.shape[0]), draw(r, w1.shape[0])
		first := func(in G.Nodes) (*G.Node, error) { return Conv2D(in[0], in[1], 1, 1, p) }
		norm := func(in G.Nodes) (*G.Node, error) { return BatchNorm(in[0], in[1], in[2], nil, TrainFrozen, true) }
		chain := func(in G.Nodes) (*G.Node, error) {
			y, err := first(G.Nodes{in[0], in[1]})
			if err != nil {
				return nil, err
			}
			if y, err = norm(G.Nodes{y, in[2], in[3]}); err != nil {
				return nil, err
			}
			o := y.Op().(*op)
			if y, err = first(G.Nodes{y, in[4]}); err == nil && len(o.rounded) != len(o.data) {
				t.Error("nothing was asked to be rounded")
			}
			return y, err
		}
		dy := normal(r, x.shape[0]*4*4*w2.shape[0])
		y, grads := evaluate(t, chain, dy, x, w1, gamma, beta, w2)

		places := []int{x.shape[0], 4, 4, w1.shape[0]}
		some := normal(r, x.shape[0]*4*4*w1.shape[0])
		y1, _ := evaluate(t, first, some, x, w1)
		y2, _ := evaluate(t, norm, some, given{places, y1}, gamma, beta)
		y3, last := evaluate(t, first, dy, given{places, y2}, w2)
		_, middle := evaluate(t, norm, last[0], given{places, y1}, gamma, beta)
		_, begin := evaluate(t, first, middle[0], x, w1)
		if !slices.Equal(y, y3) {
			t.Error("forward: other bits")
		}
		for i, want := range [][]float32{begin[0], begin[1], middle[1], middle[2], last[1]} {
			if !slices.Equal(grads[i], want) {
				t.Errorf("gradient %d: other bits", i)
			}
		}
	}
}

// Folded convolutions round their operands, too; bias, addition and ReLU are float32.
func TestBF16FoldedConvolutionIsThatOfRoundedOperands(t *testing.T) {
	p := bf16(t)
	s := twin.ConvShape{N: 2, H: 4, W: 4, In: 64, Out: 64, KH: 3, KW: 3, Stride: 1, Pad: 1}
	r := random("bf16 folded")
	x, w := draw(r, s.N, s.H, s.W, s.In), draw(r, s.Out, s.In, s.KH, s.KW)
	gamma, beta, residual := draw(r, s.Out), draw(r, s.Out), draw(r, s.N, s.H, s.W, s.Out)
	stats := &Stats{Mean: normal(r, s.Out), Var: make([]float32, s.Out)}
	for i := range stats.Var {
		stats.Var[i] = 0.5 + r.Float32()
	}
	g, in := graph(x, w, gamma, beta, residual)
	y, err := ConvNorm(in[0], in[1], in[2], in[3], in[4], stats, 1, 1, true, p, new(Folds))
	if err != nil {
		t.Fatal(err)
	}
	var value G.Value
	G.Read(y, &value)
	m, err := NewMachine(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	folded := slices.Clone(w.data)
	bias := make([]float32, s.Out)
	for c := range bias {
		scale := float64(gamma.data[c]) / math.Sqrt(float64(stats.Var[c])+normEps)
		bias[c] = float32(float64(beta.data[c]) - float64(stats.Mean[c])*scale)
		for i := range len(folded) / s.Out {
			folded[c*len(folded)/s.Out+i] *= float32(scale)
		}
	}
	want := twin.Conv(s, rounded(x.data), rounded(folded))
	for i := range want {
		want[i] = max(0, want[i]+bias[i%s.Out]+residual.data[i])
	}
	near(t, "y", value.Data().([]float32), want, rel)
}

// Whatever the number of runs and of places, the same operands give the same bits.
func TestConvolutionsInLayoutsOfTheirOwnAreSteady(t *testing.T) {
	precisions := []Precision{F32}
	if HasBF16() {
		precisions = append(precisions, BF16)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, p := range precisions {
		r := random("steady")
		x, w := draw(r, 2, 2, 2, 256), draw(r, 256, 256, 3, 3)
		build := func(in G.Nodes) (*G.Node, error) { return Conv2D(in[0], in[1], 1, 1, p) }
		dy := normal(r, 2*2*2*256)
		y, grads := evaluate(t, build, dy, x, w)
		for range 3 {
			again, gradsAgain := evaluate(t, build, dy, x, w)
			if !slices.Equal(y, again) || !slices.Equal(grads[0], gradsAgain[0]) || !slices.Equal(grads[1], gradsAgain[1]) {
				t.Errorf("%v: other bits", p)
			}
		}
	}
}

func TestPrecisionsAreRead(t *testing.T) {
	for _, c := range []struct {
		word string
		want Precision
		ok   bool
	}{{"f32", F32, true}, {"bf16", BF16, HasBF16()}, {"auto", F32, true}, {"f16", F32, false}, {"", F32, false}} {
		if c.word == "auto" && HasBF16() {
			c.want = BF16
		}
		got, err := ParsePrecision(c.word)
		if (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%q: %v, %v", c.word, got, err)
		}
		if c.ok && c.word != "auto" && got.String() != c.word {
			t.Errorf("%q is told as %q", c.word, got)
		}
	}
}
