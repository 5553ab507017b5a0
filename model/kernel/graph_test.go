package kernel

import (
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// trained is a small encoder with its loss and gradients, ready to run.
type trained struct {
	*small
	cost  *G.Node
	grads G.Nodes
	vm    G.VM
}

func train(t *testing.T, s smallSize, vm func(*testing.T, *G.ExprGraph) G.VM) *trained {
	t.Helper()
	m, err := newSmall(s, TrainFrozen)
	if err != nil {
		t.Fatal(err)
	}
	r := random("keys")
	cost, err := contrast(m.projection, unitRows(r, s.batch, s.projection), unitRows(r, 100, s.projection))
	if err != nil {
		t.Fatal(err)
	}
	grads, err := G.Grad(cost, m.params...)
	if err != nil {
		t.Fatal(err)
	}
	x := &trained{small: m, cost: cost, grads: grads, vm: vm(t, m.graph)}
	t.Cleanup(func() { x.vm.Close() })
	return x
}

func (x *trained) run(t *testing.T) float64 {
	t.Helper()
	if err := x.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	x.vm.Reset()
	return float64(x.cost.Value().Data().(float32))
}

var tiny = smallSize{batch: 6, image: 13, projection: 8, channels: []int{16, 12}}

// The slope of the loss along a random direction of each parameter is what its gradient says.
func TestGradientsOfAWholeGraphAgreeWithFiniteDifferences(t *testing.T) {
	for _, group := range []bool{false, true} {
		size := tiny
		size.group = group
		x := train(t, size, planned)
		x.run(t)
		r := random("directions")
		for i, p := range x.params {
			w, g := floatsOf(p), slices.Clone(floatsOf(x.grads[i]))
			direction, want, length := normal(r, len(w)), 0.0, 0.0
			for j := range direction { // half random, half along the gradient: not nearly orthogonal to it
				direction[j] = direction[j]/float32(math.Sqrt(float64(len(w)))) + g[j]/float32(math.Sqrt(SumSquares(g)))
				length += float64(direction[j]) * float64(direction[j])
				want += float64(direction[j]) * float64(g[j])
			}
			const h = 2e-3
			at := slices.Clone(w)
			side := func(sign float32) float64 {
				for j := range w {
					w[j] = at[j] + sign*h*direction[j]
				}
				return x.run(t)
			}
			slope := (side(1) - side(-1)) / (2 * h)
			copy(w, at)
			if math.Abs(slope-want) > 0.02*math.Sqrt(SumSquares(g)*length)+2e-4 {
				t.Errorf("group %v: parameter %d has slope %v, its gradient says %v", group, i, slope, want)
			}
		}
	}
}

func resident(t *testing.T) int {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here: memory growth cannot be measured")
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

func TestAThousandRunsGiveTheSameBitsInTheSameMemory(t *testing.T) {
	t.Run("tape", func(t *testing.T) { thousandRuns(t, train(t, tiny, tape)) })
	t.Run("planned", func(t *testing.T) { thousandRuns(t, train(t, tiny, planned)) })
}

func thousandRuns(t *testing.T, x *trained) {
	first := x.run(t)
	grads := make([][]float32, len(x.grads))
	for i, g := range x.grads {
		grads[i] = slices.Clone(floatsOf(g))
	}
	before := 0
	for i := range 1000 {
		if got := x.run(t); got != first {
			t.Fatalf("run %d has loss %v, the first had %v", i, got, first)
		}
		if i == 200 {
			before = resident(t)
		}
	}
	for i, g := range x.grads {
		if !slices.Equal(grads[i], floatsOf(g)) {
			t.Errorf("gradient %d has other bits after 1,000 runs", i)
		}
	}
	if grown := resident(t) - before; grown > 32<<10 {
		t.Errorf("800 runs grew the process by %d kB", grown)
	}
}

func TestOpsOnTheSameInputsAreNotMerged(t *testing.T) {
	r := random("cse")
	g, in := graph(draw(r, 2, 4, 4, 16), draw(r, 16), draw(r, 16))
	one, err := BatchNorm(in[0], in[1], in[2], &Stats{make([]float32, 16), make([]float32, 16)}, Train, true)
	if err != nil {
		t.Fatal(err)
	}
	stats := &Stats{make([]float32, 16), make([]float32, 16)}
	two, err := BatchNorm(in[0], in[1], in[2], stats, Train, true)
	if err != nil {
		t.Fatal(err)
	}
	vm := planned(t, g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if one == two || one.Value() == two.Value() {
		t.Error("two batch norms share one output")
	}
	if SumSquares(stats.Var) == 0 {
		t.Error("the second batch norm did not run")
	}
}

// A residual block gives x two gradients, which Gorgonia adds up: the sum must not land in memory that is still read.
func TestForkedActivationsAddTheirGradients(t *testing.T) {
	r := random("fork")
	x, w := draw(r, 2, 5, 5, 16), draw(r, 16, 16, 3, 3)
	gamma, beta := draw(r, 16), draw(r, 16)
	dy := normal(r, len(x.data))
	block := func(in G.Nodes) (*G.Node, error) {
		y, err := Conv2D(in[0], in[1], 1, 1, F32)
		if err != nil {
			return nil, err
		}
		return BatchNormAdd(y, in[2], in[3], in[0], nil, TrainFrozen)
	}
	_, whole := evaluate(t, block, dy, x, w, gamma, beta)
	apart := func(in G.Nodes) (*G.Node, error) {
		y, err := Conv2D(in[0], in[1], 1, 1, F32)
		if err != nil {
			return nil, err
		}
		return BatchNormAdd(y, in[2], in[3], in[4], nil, TrainFrozen)
	}
	_, parts := evaluate(t, apart, dy, x, w, gamma, beta, x)
	for i := range parts[0] {
		parts[0][i] += parts[4][i]
	}
	near(t, "dx", whole[0], parts[0], 1e-6)
	near(t, "dw", whole[1], parts[1], 1e-6)
	near(t, "dgamma", whole[2], parts[2], 1e-6)
}

func TestConvGivesImagesNoGradient(t *testing.T) {
	r := random("images")
	_, in := graph(draw(r, 1, 4, 4, 3), draw(r, 16, 3, 3, 3))
	y, err := Conv2D(in[0], in[1], 1, 1, F32)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := weigh(y, make([]float32, 256))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(cost, in[0]); err == nil {
		t.Error("Grad gave a gradient toward the images")
	}
}

func TestConstructorsRefuseShapesThatDoNotFit(t *testing.T) {
	g := G.NewGraph()
	node := func(dt tensor.Dtype, shape ...int) *G.Node {
		return G.NewTensor(g, dt, len(shape), G.WithShape(shape...), G.WithName(strconv.Itoa(g.AllNodes().Len())))
	}
	x, x2, v := node(tensor.Float32, 2, 8, 8, 16), node(tensor.Float32, 2, 16), node(tensor.Float32, 16)
	wrong, double := node(tensor.Float32, 15), node(tensor.Float64, 2, 8, 8, 16)
	w := node(tensor.Float32, 8, 16, 3, 3)
	stats := &Stats{make([]float32, 16), make([]float32, 16)}
	cases := map[string]func() (*G.Node, error){
		"15":          func() (*G.Node, error) { return BatchNorm(x, wrong, v, stats, Train, true) },
		"beta":        func() (*G.Node, error) { return BatchNorm(x, v, wrong, stats, Train, true) },
		"running":     func() (*G.Node, error) { return BatchNorm(x, v, v, nil, Eval, true) },
		"mode 9":      func() (*G.Node, error) { return BatchNorm(x, v, v, stats, 9, true) },
		"residual":    func() (*G.Node, error) { return BatchNormAdd(x, v, v, x2, stats, Train) },
		"float32":     func() (*G.Node, error) { return Conv2D(double, w, 1, 1, F32) },
		"channels":    func() (*G.Node, error) { return Conv2D(x, node(tensor.Float32, 8, 15, 3, 3), 1, 1, F32) },
		"stride 0":    func() (*G.Node, error) { return Conv2D(x, w, 0, 1, F32) },
		"fit":         func() (*G.Node, error) { return Conv2D(x, node(tensor.Float32, 8, 16, 11, 11), 1, 1, F32) },
		"dimensions":  func() (*G.Node, error) { return Conv2D(x2, w, 1, 1, F32) },
		"3 groups":    func() (*G.Node, error) { return GroupNorm(x, v, v, 3, true) },
		"rows of 16":  func() (*G.Node, error) { return Linear(x2, node(tensor.Float32, 4, 15), v, false) },
		"15 numbers":  func() (*G.Node, error) { return Linear(x2, node(tensor.Float32, 16, 16), wrong, false) },
		"window":      func() (*G.Node, error) { return MaxPool2D(x, 99, 1, 0) },
		"differ":      func() (*G.Node, error) { return AddReLU(x, x2) },
		"nil":         func() (*G.Node, error) { return ReLU(nil) },
		"GlobalMean":  func() (*G.Node, error) { return GlobalMean(x2) },
		"2 dimension": func() (*G.Node, error) { return Normalize(x) },
	}
	gru := func(x, whh *G.Node, steps int) func() (*G.Node, error) {
		return func() (*G.Node, error) {
			return GRU(x, node(tensor.Float32, 12, 16), whh, node(tensor.Float32, 12), node(tensor.Float32, 12), steps)
		}
	}
	whh := node(tensor.Float32, 12, 4)
	maps.Copy(cases, map[string]func() (*G.Node, error){
		"Upsample2: x":      func() (*G.Node, error) { return Upsample2(x2) },
		"Bias: b":           func() (*G.Node, error) { return Bias(x, wrong, true) },
		"takes 33":          func() (*G.Node, error) { return Reshape(x2, 3, 11) },
		"not [32 0]":        func() (*G.Node, error) { return Reshape(x2, 32, 0) },
		"channels 3 to 3":   func() (*G.Node, error) { return Channels(x2, 3, 3) },
		"channels 9 to 17":  func() (*G.Node, error) { return Channels(x2, 9, 17) },
		"rows -1 to 1":      func() (*G.Node, error) { return Rows(x2, -1, 1) },
		"before their":      func() (*G.Node, error) { return Concat(x, x2) },
		"of RGB":            func() (*G.Node, error) { return Lab(x) },
		"slope 2":           func() (*G.Node, error) { return LeakyReLU(x, 2) },
		"do not divide; it": gru(x2, whh, 3),
		"(12, 4)":           gru(x2, node(tensor.Float32, 9, 4), 1),
		"bih must have 12":  func() (*G.Node, error) { return GRU(x2, node(tensor.Float32, 12, 16), whh, v, v, 1) },
	})
	for want, build := range cases {
		if n, err := build(); err == nil || n != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got node %v, error %v; want an error that names %q", n, err, want)
		}
	}
}

func TestOpsRefuseValuesOfAnotherSize(t *testing.T) {
	_, in := graph(given{[]int{2, 3}, make([]float32, 6)})
	n, err := ReLU(in[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Op().Do(tensor.New(tensor.WithShape(5), tensor.WithBacking(make([]float32, 5)))); err == nil {
		t.Error("five numbers went through a ReLU of six")
	}
	if _, err := n.Op().Do(tensor.New(tensor.WithShape(6), tensor.WithBacking(make([]float64, 6)))); err == nil {
		t.Error("float64 numbers went through")
	}
}

func TestBuildSaysWhatItRunsOn(t *testing.T) {
	if !strings.Contains(Version(), ".") || CPUISA() == "" {
		t.Errorf("version %q, instruction set %q", Version(), CPUISA())
	}
	t.Logf("oneDNN %s on %s, %d threads", Version(), CPUISA(), Threads())
}
