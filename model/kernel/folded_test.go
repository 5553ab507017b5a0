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

// settled are running statistics as training leaves them.
func settled(name string, c int) *Stats {
	r := random(name)
	s := &Stats{normal(r, c), normal(r, c)}
	for i, v := range s.Var {
		s.Var[i] = 0.1 + v*v
	}
	return s
}

func TestConvNormAgreesWithConvolutionAndNormOneAfterTheOther(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, s := range []twin.ConvShape{
		{N: 2, H: 9, W: 7, In: 3, Out: 16, KH: 3, KW: 3, Stride: 2, Pad: 1},
		{N: 3, H: 8, W: 8, In: 16, Out: 24, KH: 3, KW: 3, Stride: 1, Pad: 1},
		{N: 2, H: 8, W: 8, In: 16, Out: 32, KH: 1, KW: 1, Stride: 2, Pad: 0},
		{N: 1, H: 15, W: 15, In: 5, Out: 7, KH: 7, KW: 7, Stride: 2, Pad: 3},
		{N: 2, H: 2, W: 3, In: 64, Out: 80, KH: 3, KW: 3, Stride: 1, Pad: 1},   // more weights than places
		{N: 2, H: 9, W: 14, In: 64, Out: 128, KH: 3, KW: 3, Stride: 1, Pad: 1}, // by Winograd's algorithm
	} {
		for _, add := range []bool{false, true} {
			for _, relu := range []bool{false, true} {
				t.Run(fmt.Sprint(s, add, relu), func(t *testing.T) {
					r := random("folded")
					x, w := draw(r, s.N, s.H, s.W, s.In), draw(r, s.Out, s.In, s.KH, s.KW)
					gamma, beta, res := draw(r, s.Out), draw(r, s.Out), draw(r, s.N, s.OH(), s.OW(), s.Out)
					stats := settled("folded stats", s.Out)
					g, in := graph(x, w, gamma, beta, res)
					var residual *G.Node
					if add {
						residual = in[4]
					}
					y, err := ConvNorm(in[0], in[1], in[2], in[3], residual, stats, s.Stride, s.Pad, relu, F32, new(Folds))
					if err != nil {
						t.Fatal(err)
					}
					m, err := NewMachine(g)
					if err != nil {
						t.Fatal(err)
					}
					before := slices.Clone(res.data)
					for range 2 { // the second run must not add to the first
						if err := m.RunAll(); err != nil {
							t.Fatal(err)
						}
					}
					want := twin.Conv(s, x.data, w.data)
					mean, variance := make([]float64, s.Out), make([]float64, s.Out)
					for i := range mean {
						mean[i], variance[i] = float64(stats.Mean[i]), float64(stats.Var[i])
					}
					var added []float32
					if add {
						added = res.data
					}
					want = twin.BatchNorm(want, gamma.data, beta.data, added, mean, variance, relu)
					near(t, "y", y.Value().Data().([]float32), want, 1e-5)
					if !slices.Equal(res.data, before) {
						t.Error("the residual, an input of the graph, was overwritten")
					}
				})
			}
		}
	}
}

func TestFoldsLookAtWeightsUntilTheyAreHeld(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := random("hold")
	g, in := graph(draw(r, 1, 4, 4, 3), draw(r, 5, 3, 3, 3), draw(r, 5), draw(r, 5))
	stats, folds := settled("hold stats", 5), new(Folds)
	y, err := ConvNorm(in[0], in[1], in[2], in[3], nil, stats, 1, 1, false, F32, folds)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(g)
	if err != nil {
		t.Fatal(err)
	}
	run := func() float64 {
		if err := m.RunAll(); err != nil {
			t.Fatal(err)
		}
		return float64(y.Value().Data().([]float32)[7])
	}
	move := func() { stats.Mean[7%5] += 1 }
	first := run()
	move()
	second := run()
	if math.Abs(first-second) < 1e-3 {
		t.Error("weights that changed were not looked at")
	}
	folds.Hold()
	if run() != second {
		t.Error("holding weights changed the output")
	}
	move()
	if run() != second {
		t.Error("weights that are held were looked at")
	}
	folds.Hold()
	if math.Abs(run()-second) < 1e-3 {
		t.Error("weights that changed were not held anew")
	}
}

func TestConvNormRefusesWhatDoesNotFit(t *testing.T) {
	r := random("refuse")
	_, in := graph(draw(r, 1, 4, 4, 3), draw(r, 5, 3, 3, 3), draw(r, 5), draw(r, 4), draw(r, 1, 4, 4, 4))
	stats := settled("refuse", 5)
	for what, build := range map[string]func() (*G.Node, error){
		"beta": func() (*G.Node, error) {
			return ConvNorm(in[0], in[1], in[2], in[3], nil, stats, 1, 1, false, F32, new(Folds))
		},
		"gamma": func() (*G.Node, error) {
			return ConvNorm(in[0], in[1], in[3], in[2], nil, stats, 1, 1, false, F32, new(Folds))
		},
		"stats": func() (*G.Node, error) {
			return ConvNorm(in[0], in[1], in[2], in[2], nil, nil, 1, 1, false, F32, new(Folds))
		},
		"stride": func() (*G.Node, error) {
			return ConvNorm(in[0], in[1], in[2], in[2], nil, stats, 0, 1, false, F32, new(Folds))
		},
		"residual": func() (*G.Node, error) {
			return ConvNorm(in[0], in[1], in[2], in[2], in[4], stats, 1, 1, false, F32, new(Folds))
		},
	} {
		if _, err := build(); err == nil {
			t.Errorf("a wrong %s was accepted", what)
		}
	}
}
