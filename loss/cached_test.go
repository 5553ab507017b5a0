package loss

import (
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
)

func TestCachedGivesBackTheSlopeItWasHanded(t *testing.T) {
	slope := []float32{1, -2, 3, 0}
	value, slopes := evaluate(t, 1, []array{rows([]float32{5, 6, 7, 8}, 2)}, func(n []*G.Node) (*G.Node, error) { return Cached(n[0], slope) })
	if value != 5-12+21 || !slices.Equal(slopes[0], slope) {
		t.Errorf("value %v, gradient %v", value, slopes[0])
	}
}

// encoder is z = x·wᵀ / |x·wᵀ|, for x of so many rows.
func encoder(t *testing.T, g *G.ExprGraph, x, w []float32, in int) (z, weights *G.Node) {
	t.Helper()
	leaf := func(name string, x []float32, shape ...int) *G.Node {
		return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))))
	}
	out := len(w) / in
	weights = leaf("w", w, out, in)
	y, err := kernel.Linear(leaf("x", x, len(x)/in, in), weights, leaf("b", make([]float32, out), out), false)
	if err != nil {
		t.Fatal(err)
	}
	if z, err = kernel.Normalize(y); err != nil {
		t.Fatal(err)
	}
	return z, weights
}

// GradCache in parts of 6 rows gives the gradient of the whole batch of 24.
func TestCachedPartsEqualTheWholeBatch(t *testing.T) {
	const n, in, d, part = 12, 5, 8, 6
	r := seed.New(4).Rand()
	x, w := normals(r, 2*n*in), normals(r, d*in)
	var c Contrast
	slope := func(cost, w *G.Node, g *G.ExprGraph) []float32 {
		grads, err := G.Grad(cost, w)
		if err != nil {
			t.Fatal(err)
		}
		vm, err := kernel.NewMachine(g, grads...)
		if err != nil {
			t.Fatal(err)
		}
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		return grads[0].Value().Data().([]float32)
	}

	g := G.NewGraph()
	z, weights := encoder(t, g, x, w, in)
	cost, err := NTXent(z, 0.2, &c)
	if err != nil {
		t.Fatal(err)
	}
	whole := slope(cost, weights, g)

	var embeddings []float32
	for at := 0; at < len(x); at += part * in {
		g := G.NewGraph()
		z, _ := encoder(t, g, x[at:at+part*in], w, in)
		vm, err := kernel.NewMachine(g, z)
		if err != nil {
			t.Fatal(err)
		}
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		embeddings = append(embeddings, z.Value().Data().([]float32)...)
	}
	dz := make([]float32, len(embeddings))
	NTXentValue(embeddings, n, d, 0.2, dz, &c)
	sum := make([]float32, len(w))
	for at := 0; at < 2*n; at += part {
		g := G.NewGraph()
		z, weights := encoder(t, g, x[at*in:(at+part)*in], w, in)
		cost, err := Cached(z, dz[at*d:(at+part)*d])
		if err != nil {
			t.Fatal(err)
		}
		axpy(1, slope(cost, weights, g), sum)
	}
	same(t, "the gradient in parts", sum, whole)
}
