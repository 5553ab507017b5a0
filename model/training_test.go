package model

import (
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
)

// weigh is a loss with a known gradient: Σ c·z over a place of the graph, for fixed random c.
func weigh(g *Graph, z Tap, r interface{ NormFloat64() float64 }) Tap {
	shape := z.Node().Shape()
	c := make([]float32, shape.TotalSize())
	for i := range c {
		c[i] = float32(r.NormFloat64())
	}
	return g.Add("weigh", z, 1, func() (*G.Node, error) {
		w := G.NewConstant(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(c)))
		p, err := G.HadamardProd(z.Node(), w)
		if err != nil {
			return nil, err
		}
		return G.Sum(p)
	})
}

// every is a graph that uses every head of a spec over n pictures, clips of two where a head is recurrent.
func every(t *testing.T, w *Weights, n int, r interface{ NormFloat64() float64 }) (*Training, []float32) {
	t.Helper()
	g := NewGraph(w, kernel.Train)
	input, x := g.Images("images", n, w.Spec.Image)
	places, embedding := g.Encode(x)
	var costs []Tap
	for _, h := range w.Spec.Heads {
		var y Tap
		switch h.Kind {
		case "decoder":
			y = g.Head(h.Name, places)
		case "critic":
			y = g.Head(h.Name, x)
		case "gru":
			y = g.Recurrent(h.Name, embedding, 2)
		default:
			y = g.Unit(g.Head(h.Name, embedding))
		}
		costs = append(costs, weigh(g, y, r))
	}
	net, err := g.Training(g.Mean(costs))
	if err != nil {
		t.Fatal(err)
	}
	return net, input
}

// The directional derivative along a parameter's own gradient equals the gradient's norm.
func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	const n = 4
	for _, spec := range specs() {
		w := weights(t, spec, 3)
		r := seed.New(4).Rand()
		net, input := every(t, w, n, r)
		for i := range input {
			input[i] = float32(r.NormFloat64())
		}
		kept := make([][]float32, len(w.Params))
		run := func(take func(int, []float32)) float64 {
			cost, err := net.Run(take)
			if err != nil {
				t.Fatal(err)
			}
			return float64(cost)
		}
		run(func(i int, g []float32) { kept[i] = slices.Clone(g) })
		for i, p := range w.Params {
			norm := math.Sqrt(kernel.SumSquares(kept[i]))
			if norm == 0 {
				t.Errorf("%+v: %s has no gradient", spec, p.Name)
				continue
			}
			if i%3 != 0 && strings.HasPrefix(p.Name, "encoder.layer") {
				continue // of the deep networks every third will do
			}
			// So small a move that the loss changes by hundredths (batch norm over four images is far from
			// linear), so large that float32 still sees it.
			h := min(2e-3, 0.02/norm)
			before := slices.Clone(p.Data)
			move := func(by float64) float64 {
				for j := range p.Data {
					p.Data[j] = before[j] + float32(by*float64(kept[i][j])/norm)
				}
				return run(func(int, []float32) {})
			}
			slope := (move(h) - move(-h)) / (2 * h)
			copy(p.Data, before)
			if math.Abs(slope-norm) > 0.05*norm+0.02 {
				t.Errorf("%s %s split %v: along the gradient of %s the loss rises by %.4g, the gradient says %.4g", spec.Encoder, spec.Norm, spec.Split, p.Name, slope, norm)
			}
		}
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A gradient is handed out when nothing in the graph reads its parameter any more: what is no number from then on is
// noticed by nobody.
func TestParametersMayMoveOnceTheirGradientIsThere(t *testing.T) {
	for _, spec := range specs() {
		w := weights(t, spec, 3)
		r := seed.New(4).Rand()
		net, input := every(t, w, 4, r)
		for i := range input {
			input[i] = float32(r.NormFloat64())
		}
		still, moved := make([][]float32, len(w.Params)), make([][]float32, len(w.Params))
		run := func(into [][]float32, move func(p Tensor)) float32 {
			cost, err := net.Run(func(i int, g []float32) {
				if into[i] != nil {
					t.Errorf("%s has two gradients", w.Params[i].Name)
				}
				into[i] = slices.Clone(g)
				move(w.Params[i])
			})
			if err != nil {
				t.Fatal(err)
			}
			return cost
		}
		before := slices.Clone(w.StatArena)
		cost := run(still, func(Tensor) {})
		copy(w.StatArena, before)
		again := run(moved, func(p Tensor) {
			for j := range p.Data {
				p.Data[j] = float32(math.NaN())
			}
		})
		if cost != again {
			t.Errorf("%+v: the loss is %v, and %v where parameters move", spec, cost, again)
		}
		for i, p := range w.Params {
			if still[i] == nil || !slices.Equal(still[i], moved[i]) {
				t.Errorf("%+v: the gradient of %s is another one where parameters move", spec, p.Name)
			}
		}
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A frozen head gets no gradient, and hands gradient on to what lies below it.
func TestAFrozenHeadStaysAndLetsGradientThrough(t *testing.T) {
	spec := Spec{Encoder: "small", Image: 32, Norm: "group", Heads: []Head{{Name: "a", Kind: "mlp", Out: 8}, {Name: "b", Kind: "linear", In: 8, Out: 2}}}
	w := weights(t, spec, 3)
	g := NewGraph(w, kernel.Train)
	input, x := g.Images("images", 2, 32)
	for i := range input {
		input[i] = float32(i%17) / 17
	}
	_, embedding := g.Encode(x)
	g.Freeze("b")
	net, err := g.Training(weigh(g, g.Head("b", g.Head("a", embedding)), seed.New(1).Rand()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = net.Run(func(i int, grad []float32) {
		if strings.HasPrefix(w.Params[i].Name, "b.") {
			t.Errorf("%s is frozen and has a gradient", w.Params[i].Name)
		}
		if kernel.SumSquares(grad) == 0 {
			t.Errorf("no gradient reaches %s", w.Params[i].Name)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestInferenceSeesEachImageByItself(t *testing.T) {
	for _, spec := range specs() {
		w := weights(t, spec, 5)
		net, err := NewInference(w, 3, kernel.Eval)
		if err != nil {
			t.Fatal(err)
		}
		r := seed.New(6).Rand()
		images := make([]float32, 5*spec.Image*spec.Image*3)
		for i := range images {
			images[i] = float32(r.NormFloat64())
		}
		all, err := net.Embed(images)
		if err != nil {
			t.Fatal(err)
		}
		last, err := net.Embed(images[4*spec.Image*spec.Image*3:])
		if err != nil {
			t.Fatal(err)
		}
		width := spec.Width()
		if len(all) != 5*width {
			t.Fatalf("%d numbers for five embeddings of %d", len(all), width)
		}
		for i := range width {
			if math.Abs(float64(all[4*width+i]-last[i])) > 1e-4 {
				t.Fatalf("%+v: an image's embedding depends on its neighbours: %v and %v", spec, all[4*width+i], last[i])
			}
		}
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
}

// unfolded is what NewInference was before norms went into convolutions.
func unfolded(t *testing.T, w *Weights, images []float32, n int) []float32 {
	t.Helper()
	g := NewGraph(w, kernel.Eval)
	input, x := g.Images("images", n, w.Spec.Image)
	copy(input, images)
	_, embedding := g.Encode(x)
	read := g.Read(embedding)
	f, err := g.Forward()
	if err == nil {
		err = f.Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	return read.Data()
}

func TestFoldedNormsChangeNoEmbedding(t *testing.T) {
	for _, spec := range specs() {
		w := weights(t, spec, 5)
		r := seed.New(8).Rand()
		for i := range w.StatArena { // means and variances as training leaves them
			w.StatArena[i] = float32(0.5 + r.Float64())
		}
		for _, p := range w.Params {
			if strings.Contains(p.Name, "bn") {
				for i := range p.Data {
					p.Data[i] += float32(0.3 * r.NormFloat64())
				}
			}
		}
		images := make([]float32, 3*spec.Image*spec.Image*3)
		for i := range images {
			images[i] = float32(r.NormFloat64())
		}
		net, err := NewInference(w, 3, kernel.Eval)
		if err != nil {
			t.Fatal(err)
		}
		agree := func(what string) {
			t.Helper()
			got, err := net.Embed(images)
			if err != nil {
				t.Fatal(err)
			}
			want := unfolded(t, w, images, 3)
			top, worst := 0.0, 0.0
			for i := range want {
				top = max(top, math.Abs(float64(want[i])))
				worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
			}
			if !(worst <= 2e-5*top) || top == 0 {
				t.Errorf("%+v, %s: embeddings differ by %g of %g", spec, what, worst, top)
			}
		}
		agree("at first")
		w.ParamArena[0] += 0.5
		agree("after a step")
		net.Hold()
		agree("held")
		held, err := net.Embed(images)
		if err != nil {
			t.Fatal(err)
		}
		w.ParamArena[1] += 0.5
		again, err := net.Embed(images)
		if err != nil {
			t.Fatal(err)
		}
		if folds := spec.Norm == "batch" && !strings.HasPrefix(spec.Encoder, "vit"); folds && !slices.Equal(held, again) {
			t.Errorf("%+v: weights that were held moved the embedding", spec)
		}
		net.Hold()
		agree("held anew")
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStepsAreTheSameBitForBit(t *testing.T) {
	spec := Spec{Encoder: "small", Image: 32, Norm: "batch", Heads: []Head{{Name: "p", Kind: "mlp", Out: 16}}}
	ends := make([][]float32, 2)
	for run := range ends {
		w := weights(t, spec, 7)
		r := seed.New(8).Rand()
		net, input := every(t, w, 4, r)
		opt, err := NewOptimizer(OptimizerSpec{Kind: "adam", WeightDecay: 1e-4}, w.Params)
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			for i := range input {
				input[i] = float32(r.NormFloat64())
			}
			opt.Begin()
			if _, err := net.Run(func(i int, g []float32) { opt.Move(i, w.Params[i], g, 1e-3) }); err != nil {
				t.Fatal(err)
			}
		}
		ends[run] = slices.Concat(w.ParamArena, w.StatArena)
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(ends[0], ends[1]) {
		t.Error("two runs of the same fifty steps end in different weights")
	}
}

// No number of the colour of a picture reaches the half that sees lightness, and none of its lightness the
// other: the objective would be answered by what leaks.
func TestHalvesOfASplitEncoderDoNotSeeEachOther(t *testing.T) {
	spec := Spec{Encoder: "small", Image: 32, Norm: "batch", Split: true} // group norm would blow up the rounding of grey
	w := weights(t, spec, 9)
	g := NewGraph(w, kernel.Eval)
	input, x := g.Images("images", 1, 32)
	l, ab := g.Halves(x)
	light, colour := g.Read(l), g.Read(ab)
	net, err := g.Forward()
	if err != nil {
		t.Fatal(err)
	}
	look := func(pixel [3]float32) (a, b []float32) {
		for i := range input {
			input[i] = pixel[i%3]
		}
		if err := net.Run(); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(light.Data()), slices.Clone(colour.Data())
	}
	far := func(a, b []float32) (most float64) {
		for i := range a {
			most = max(most, math.Abs(float64(a[i]-b[i])))
		}
		return most
	}
	dark, darkColour := look([3]float32{-1, -1, -1})
	bright, brightColour := look([3]float32{1, 1, 1})
	if far(darkColour, brightColour) > 1e-3 || far(dark, bright) < 1e-2 {
		t.Errorf("two greys: the half that sees colour differs by %g, the half that sees lightness by %g", far(darkColour, brightColour), far(dark, bright))
	}
}
