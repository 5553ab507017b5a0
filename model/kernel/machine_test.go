package kernel

import (
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// chain is x → relu → relu → relu and the last but one read.
func chain(t *testing.T) (g *G.ExprGraph, x, last *G.Node, read *G.Value) {
	t.Helper()
	r := random("chain")
	g, in := graph(draw(r, 4, 4))
	nodes := G.Nodes{in[0]}
	for range 4 {
		n, err := ReLU(nodes[len(nodes)-1])
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	read = new(G.Value)
	G.Read(nodes[3], read)
	return g, in[0], nodes[4], read
}

func TestMachineReadsWithoutCopying(t *testing.T) {
	g, x, last, read := chain(t)
	m, err := NewMachine(g)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
	}
	want := slices.Clone(floatsOf(x))
	for i, v := range want {
		want[i] = max(v, 0)
	}
	near(t, "last", floatsOf(last), want, 0)
	near(t, "read", (*read).Data().([]float32), want, 0)
	if m.Bytes() >= 4*4*16 {
		t.Errorf("four outputs of 64 bytes take %d bytes: none shares memory", m.Bytes())
	}
}

func TestMachineSeesInputsThatAreBoundAnew(t *testing.T) {
	g, x, last, _ := chain(t)
	m, err := NewMachine(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := G.Let(x, tensor.New(tensor.WithShape(4, 4), tensor.WithBacking(slices.Repeat([]float32{3}, 16)))); err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	near(t, "last", floatsOf(last), slices.Repeat([]float32{3}, 16), 0)
}

func TestMachineRefusesAGraphThatHasOne(t *testing.T) {
	g, _, _, _ := chain(t)
	if _, err := NewMachine(g); err != nil {
		t.Fatal(err)
	}
	if _, err := NewMachine(g); err == nil || !strings.Contains(err.Error(), "another machine") {
		t.Errorf("a second machine gave error %v", err)
	}
}

func TestMachineNamesAnInputWithoutValue(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float32, G.WithShape(2, 2), G.WithName("nothing"))
	if _, err := ReLU(x); err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("got error %v, want one that names the input", err)
	}
}

// Whatever shares memory, a whole graph gives the bits that Gorgonia's machine gives.
func TestMachineAgreesWithTheTapeMachineOnWholeGraphs(t *testing.T) {
	for name, build := range map[string]func() (*small, error){
		"small":    func() (*small, error) { return newSmall(tiny, TrainFrozen) },
		"group":    func() (*small, error) { s := tiny; s.group = true; return newSmall(s, TrainFrozen) },
		"resnet18": func() (*small, error) { return newResNet(2, 32, 16, TrainFrozen) },
	} {
		t.Run(name, func(t *testing.T) {
			var results [2][][]float32
			for i, machine := range []func(*testing.T, *G.ExprGraph) G.VM{tape, planned} {
				m, err := build()
				if err != nil {
					t.Fatal(err)
				}
				shape := m.projection.Shape()
				r := random("keys")
				cost, err := contrast(m.projection, unitRows(r, shape[0], shape[1]), unitRows(r, 50, shape[1]))
				if err != nil {
					t.Fatal(err)
				}
				grads, err := G.Grad(cost, m.params...)
				if err != nil {
					t.Fatal(err)
				}
				vm := machine(t, m.graph)
				for range 2 {
					if err := vm.RunAll(); err != nil {
						t.Fatal(err)
					}
					vm.Reset()
				}
				for _, g := range grads {
					results[i] = append(results[i], slices.Clone(floatsOf(g)))
				}
			}
			for i := range results[0] {
				if !slices.Equal(results[0][i], results[1][i]) {
					t.Errorf("gradient %d has other bits", i)
				}
			}
		})
	}
}
