package kernel

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

func gruOver(steps int) func(in G.Nodes) (*G.Node, error) {
	return func(in G.Nodes) (*G.Node, error) { return GRU(in[0], in[1], in[2], in[3], in[4], steps) }
}

var gruNames = []string{"dx", "dwih", "dwhh", "dbih", "dbhh"}

func TestGRUAgreesWithItsTwin(t *testing.T) {
	for _, s := range [][4]int{{1, 1, 1, 1}, {3, 4, 5, 6}, {2, 7, 3, 17}, {64, 5, 33, 48}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			n, steps, d, h := s[0], s[1], s[2], s[3]
			r := random("gru")
			in := []given{draw(r, n*steps, d), draw(r, 3*h, d), draw(r, 3*h, h), draw(r, 3*h), draw(r, 3*h)}
			for _, w := range in[1:3] { // of a size that leaves the gates open
				for i := range w.data {
					w.data[i] *= 0.3
				}
			}
			dy := normal(r, n*steps*h)
			g := twin.GRU{D: d, H: h, Wih: in[1].data, Whh: in[2].data, Bih: in[3].data, Bhh: in[4].data}
			y, grads := evaluate(t, gruOver(steps), dy, in...)
			near(t, "y", y, g.Forward(in[0].data, steps), 1e-5)
			for i, want := range g.Gradients(dy, in[0].data, steps) {
				near(t, gruNames[i], grads[i], want, 1e-5)
			}
		})
	}
}

// Values of testdata/gen/gru.py (torch 1.13, seed 0).
func TestGRUAgreesWithPyTorch(t *testing.T) {
	raw, err := os.ReadFile("testdata/gru.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		N, Steps, D, H                                           int
		X, Wih, Whh, Bih, Bhh, Dy, Y, Dx, Dwih, Dwhh, Dbih, Dbhh []float32
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	y, grads := evaluate(t, gruOver(v.Steps), v.Dy, given{[]int{v.N * v.Steps, v.D}, v.X}, given{[]int{3 * v.H, v.D}, v.Wih},
		given{[]int{3 * v.H, v.H}, v.Whh}, given{[]int{3 * v.H}, v.Bih}, given{[]int{3 * v.H}, v.Bhh})
	near(t, "y", y, v.Y, 1e-5)
	for i, want := range [][]float32{v.Dx, v.Dwih, v.Dwhh, v.Dbih, v.Dbhh} {
		near(t, gruNames[i], grads[i], want, 1e-5)
	}
}

func TestGRUGradientsAgreeWithFiniteDifferences(t *testing.T) {
	r := random("gru")
	slopes(t, gruOver(3), normal(r, 12*7), draw(r, 12, 5), draw(r, 21, 5), draw(r, 21, 7), draw(r, 21), draw(r, 21))
}

// Sequences do not see each other, and each begins from zeros.
func TestGRUSequencesAreApart(t *testing.T) {
	r := random("gru")
	in := []given{draw(r, 8, 5), draw(r, 21, 5), draw(r, 21, 7), draw(r, 21), draw(r, 21)}
	both, _ := evaluate(t, gruOver(4), make([]float32, 8*7), in...)
	in[0] = given{[]int{4, 5}, in[0].data[20:]}
	second, _ := evaluate(t, gruOver(4), make([]float32, 4*7), in...)
	near(t, "second sequence", second, both[28:], 1e-6)
}
