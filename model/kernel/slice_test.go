package kernel

import (
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

func TestUpsample2AgreesWithItsTwin(t *testing.T) {
	for _, s := range [][4]int{{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 4, 2, 16}, {4, 16, 16, 37}, {9, 16, 16, 64}} {
		r := random("upsample")
		x := draw(r, s[:]...)
		dy := normal(r, 4*len(x.data))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Upsample2(in[0]) }, dy, x)
		near(t, "y", y, twin.Upsample2(x.data, s[1], s[2], s[3]), 0)
		near(t, "dx", grads[0], twin.Upsample2Gradient(dy, s[1], s[2], s[3]), 1e-6)
	}
}

func TestReshapeKeepsTheOrder(t *testing.T) {
	r := random("reshape")
	x, dy := draw(r, 6, 4), normal(r, 24)
	y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Reshape(in[0], 2, 12) }, dy, x)
	near(t, "y", y, x.data, 0)
	near(t, "dx", grads[0], dy, 0)
}

func TestReshapeTakesNoMemoryOfItsOwn(t *testing.T) {
	bytes := func(reshape bool) int {
		g, in := graph(draw(random("reshape"), 6, 4))
		n, err := ReLU(in[0])
		if err == nil && reshape {
			n, err = Reshape(n, 2, 3, 4)
		}
		if err == nil {
			_, err = Tanh(n)
		}
		if err != nil {
			t.Fatal(err)
		}
		m := planned(t, g).(*Machine)
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		return m.Bytes()
	}
	if with, without := bytes(true), bytes(false); with != without {
		t.Errorf("a reshape makes %d bytes of %d", with, without)
	}
}

func TestSlicesAgreeWithTheirTwins(t *testing.T) {
	for _, s := range []struct {
		shape    []int
		from, to int
	}{{[]int{4, 9}, 2, 5}, {[]int{7}, 0, 7}, {[]int{5, 3}, 2, 3}, {[]int{2, 3, 5, 20}, 4, 20}, {[]int{8, 32, 32, 24}, 0, 10}} {
		r := random("slices")
		x := draw(r, s.shape...)
		c := s.shape[len(s.shape)-1]
		dy := normal(r, len(x.data)/c*(s.to-s.from))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Channels(in[0], s.from, s.to) }, dy, x)
		near(t, "channels", y, twin.Channels(x.data, c, s.from, s.to), 0)
		near(t, "channels dx", grads[0], twin.ChannelsGradient(dy, c, s.from, s.to), 0)

		// Rows of (n, row) are channels of the one row n·row.
		n, row := s.shape[0], len(x.data)/s.shape[0]
		from, to := min(s.from, n-1), min(s.to, n)
		dy = normal(r, (to-from)*row)
		y, grads = evaluate(t, func(in G.Nodes) (*G.Node, error) { return Rows(in[0], from, to) }, dy, x)
		near(t, "rows", y, twin.Channels(x.data, n*row, from*row, to*row), 0)
		near(t, "rows dx", grads[0], twin.ChannelsGradient(dy, n*row, from*row, to*row), 0)
	}
}

func TestConcatAgreesWithItsTwin(t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {6, 3, 5}, {5, 20, 16}, {9000, 20, 7}} {
		r := random("concat")
		a, b := draw(r, s[0], s[1]), draw(r, s[0], s[2])
		dy := normal(r, s[0]*(s[1]+s[2]))
		y, grads := evaluate(t, func(in G.Nodes) (*G.Node, error) { return Concat(in[0], in[1]) }, dy, a, b)
		near(t, "y", y, twin.Concat(a.data, b.data, s[1], s[2]), 0)
		near(t, "da", grads[0], twin.Channels(dy, s[1]+s[2], 0, s[1]), 0)
		near(t, "db", grads[1], twin.Channels(dy, s[1]+s[2], s[1], s[1]+s[2]), 0)
	}
}

// One activation that goes through all of them, in parts that overlap, gathers its gradient from each.
func TestSliceGradientsAgreeWithFiniteDifferences(t *testing.T) {
	r := random("slices")
	build := func(in G.Nodes) (*G.Node, error) {
		top, err := Rows(in[0], 0, 3)
		if err != nil {
			return nil, err
		}
		left, err := Channels(top, 1, 5)
		if err != nil {
			return nil, err
		}
		both, err := Concat(top, left)
		if err != nil {
			return nil, err
		}
		twice, err := Concat(both, both)
		if err != nil {
			return nil, err
		}
		large, err := Upsample2(twice)
		if err != nil {
			return nil, err
		}
		flat, err := Reshape(large, 6*4, 4*20)
		if err != nil {
			return nil, err
		}
		return Tanh(flat)
	}
	slopes(t, build, normal(r, 24*80), draw(r, 4, 2, 4, 6))
	dy := normal(r, 24*80)
	evaluate(t, build, dy, draw(r, 4, 2, 4, 6)) // both machines
}

// What is sliced off images has no gradient, and the convolution after it computes none.
func TestConvGivesSlicesOfImagesNoGradient(t *testing.T) {
	r := random("images")
	g, in := graph(draw(r, 2, 4, 4, 3), draw(r, 8, 1, 3, 3))
	lab, err := Lab(in[0])
	if err != nil {
		t.Fatal(err)
	}
	light, err := Channels(lab, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	first, err := Rows(light, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	y, err := Conv2D(first, in[1], 1, 1, F32)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := weigh(y, slices.Repeat([]float32{1}, 128))
	if err != nil {
		t.Fatal(err)
	}
	grads, err := G.Grad(cost, in[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := planned(t, g).RunAll(); err != nil {
		t.Fatal(err)
	}
	if SumSquares(floatsOf(grads[0])) == 0 {
		t.Error("the weights have no gradient")
	}
	for _, n := range g.AllNodes() {
		if strings.Contains(n.String(), "Conv2DGradient") || strings.Contains(n.String(), "ChannelsGradient") {
			t.Errorf("%v is in the graph", n)
		}
	}
}
