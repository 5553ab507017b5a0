package loss

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
)

// array is an input of a loss under test.
type array struct {
	shape []int
	x     []float32
}

func rows(x []float32, d int) array { return array{[]int{len(x) / d, d}, x} }

// evaluate puts a loss into a graph and returns its value and the gradients of its first inputs, as many as
// moving says.
func evaluate(t *testing.T, moving int, inputs []array, build func(x []*G.Node) (*G.Node, error)) (float64, [][]float32) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := G.NewGraph()
	nodes := make([]*G.Node, len(inputs))
	for i, in := range inputs {
		nodes[i] = G.NewTensor(g, tensor.Float32, len(in.shape), G.WithShape(in.shape...), G.WithName(string(rune('a'+i))),
			G.WithValue(tensor.New(tensor.WithShape(in.shape...), tensor.WithBacking(slices.Clone(in.x)))))
	}
	cost, err := build(nodes)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := G.Grad(cost, nodes[:moving]...)
	if err != nil {
		t.Fatal(err)
	}
	var value G.Value
	G.Read(cost, &value)
	vm, err := kernel.NewMachine(g, grads...)
	if err != nil {
		t.Fatal(err)
	}
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, moving)
	for i, n := range grads {
		out[i] = slices.Clone(n.Value().Data().([]float32))
	}
	return float64(value.Data().(float32)), out
}

// refusal builds and runs a loss and returns the error of either.
func refusal(inputs []array, build func(x []*G.Node) (*G.Node, error)) error {
	g := G.NewGraph()
	nodes := make([]*G.Node, len(inputs))
	for i, in := range inputs {
		nodes[i] = G.NewTensor(g, tensor.Float32, len(in.shape), G.WithShape(in.shape...), G.WithName(string(rune('a'+i))),
			G.WithValue(tensor.New(tensor.WithShape(in.shape...), tensor.WithBacking(slices.Clone(in.x)))))
	}
	if _, err := build(nodes); err != nil {
		return err
	}
	vm, err := kernel.NewMachine(g)
	if err != nil {
		return err
	}
	return vm.RunAll()
}

// double is x in float64, which twins compute in.
func double(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// agrees holds a loss to its twin: the value itself, and the gradients against finite differences of the
// twin at up to 24 places of each moving input.
func agrees(t *testing.T, what string, value float64, slopes [][]float32, inputs []array, twin func(x [][]float64) float64) {
	t.Helper()
	xs := make([][]float64, len(inputs))
	for i, in := range inputs {
		xs[i] = double(in.x)
	}
	if want := twin(xs); !(math.Abs(value-want) <= 1e-5*(1+math.Abs(want))) {
		t.Errorf("%s: loss %.7f, twin %.7f", what, value, want)
	}
	r := seed.New(1).Rand()
	for i, slope := range slopes {
		for _, j := range picks(r, len(slope), 24) {
			const h = 1e-5
			at := xs[i][j]
			xs[i][j] = at + h
			up := twin(xs)
			xs[i][j] = at - h
			down := twin(xs)
			xs[i][j] = at
			if want := (up - down) / (2 * h); !(math.Abs(float64(slope[j])-want) <= 1e-5*(1+math.Abs(want))) {
				t.Errorf("%s: ∂L/∂x%d[%d] is %.7f, finite differences say %.7f", what, i, j, slope[j], want)
			}
		}
	}
}

func picks(r *rand.Rand, n, most int) []int {
	p := r.Perm(n)
	return p[:min(n, most)]
}

// golden reads testdata/NAME.json, which testdata/gen/NAME.py made with torch 1.13, seed 0, in float64.
func golden(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// same holds numbers to PyTorch's.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d numbers, PyTorch's %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i]-w)) <= 1e-5*(1+math.Abs(float64(w)))) {
			t.Errorf("%s %d is %.7f, PyTorch %.7f", what, i, got[i], w)
		}
	}
}

// near holds one number to what it should be.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.6f, want %.6f", what, got, want)
	}
}

func normals(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

// units are n rows of d numbers and length 1.
func units(r *rand.Rand, n, d int) []float32 {
	out := normals(r, n*d)
	for i := range n {
		row := out[i*d : (i+1)*d]
		by := 1 / math.Sqrt(inner(double(row), double(row)))
		for j := range row {
			row[j] *= float32(by)
		}
	}
	return out
}

// inner is a·b.
func inner(a, b []float64) (s float64) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// logSumExp is ln Σ e^x.
func logSumExp(x []float64) float64 {
	m := slices.Max(x)
	s := 0.0
	for _, v := range x {
		s += math.Exp(v - m)
	}
	return m + math.Log(s)
}

func refuses(t *testing.T, errs map[string]error) {
	t.Helper()
	for name, err := range errs {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
