package objective

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// side of the pictures of the generated world, px.
const side = 32

// epoch is when generated footage begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// footage is what two cameras of one rig see of a world with everything in it that the objectives ask for: a
// sky above a meadow (up and down, and which colour goes with which lightness), a ball of a colour and size of
// its own in every scene (who is who), which falls, and never rises (before and after). A scene has 16 frames of
// each camera, 100 ms apart; scenes are 7 s apart.
func footage(n int) []*frame.Frame {
	const each = 16
	var out []*frame.Frame
	at := epoch
	for i := 0; len(out) < n; i++ {
		if at = at.Add(100 * time.Millisecond); i%each == 0 {
			at = at.Add(7 * time.Second)
		}
		r := seed.New(uint64(i / each)).Rand()
		hue, size, x := r.Float64(), 4+4*r.Float64(), 8+16*r.Float64()
		y := -4 + 40*float64(i%each)/each
		for camera, name := range []string{"left", "right"} {
			f := &frame.Frame{Width: side, Height: side, Pix: make([]byte, 0, 3*side*side), Meta: frame.Meta{Camera: name, Rig: "rig", Seq: uint64(i),
				Captured: at.Add(time.Duration(camera) * 5 * time.Millisecond), Label: fmt.Sprint("scene", i/each%3)}}
			grain := seed.New(uint64(i)).At(name).Rand()
			for p := range side * side {
				px, py := float64(p%side), float64(p/side)
				if camera == 1 {
					px = side - 1 - px
				}
				for c := range 3 {
					v := [3]float64{120, 170, 240}[c] - 2*py // sky
					if py > 18+3*math.Sin(px/5+hue*6) {
						v = [3]float64{60, 120, 40}[c] + 2*(py-18)
					}
					if math.Hypot(px-x, py-y) < size {
						v = 128 + 120*math.Cos(2*math.Pi*(hue+float64(c)/3))
					}
					f.Pix = append(f.Pix, byte(min(max(v+12*grain.Float64(), 0), 255)))
				}
			}
			out = append(out, f)
		}
	}
	return out[:n]
}

// needs are those of small batches of a network that norms by norm.
func needs(norm string) Needs {
	c := sampler.Defaults()
	c.Image, c.Batch, c.Partners = side, 16, 4
	c.Replay = sampler.ReplayConfig{Policy: sampler.ReplayFIFO, Size: 512}
	c.Clip.Stride = 200 * time.Millisecond
	c.Lone = true
	return Needs{Model: model.Spec{Encoder: "small", Image: side, Norm: norm}, Batch: c.Batch, Projection: 32, KeyMomentum: 0.9,
		Bank: 256, Sampler: c, Seed: seed.New(7).At("objectives")}
}

// bench trains one objective by itself.
type bench struct {
	t         *testing.T
	objective Objective
	weights   *model.Weights
	optimizer model.Optimizer
	sampler   *sampler.Sampler
	draw      sampler.Draw
	step      uint64
	grads     [][]float32
}

// newBench builds an objective over the frames. Graphs want one thread.
func newBench(t *testing.T, c Config, n Needs, frames []*frame.Frame) *bench {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	n.Sampler.Clip.Frames = Frames([]Config{c})
	n.Model.Split = c.Kind == "splitbrain"
	spec := n.Model
	spec.Heads = Heads([]Config{c}, n)
	w, err := model.NewWeights(spec, seed.New(5).At("weights"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, weights: w, sampler: sampler.New(n.Sampler, seed.New(3).At("sampler")), grads: make([][]float32, len(w.Params))}
	if b.optimizer, err = model.NewOptimizer(model.OptimizerSpec{Kind: "adam"}, w.Params); err != nil {
		t.Fatal(err)
	}
	if b.objective, err = New(c, n, w); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.objective.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, f := range frames {
		b.sampler.Push(f)
	}
	b.sampler.Flush()
	b.draw.N = Rows([]Config{c}, n.Batch)
	return b
}

// paint shows the objective the frames of a step.
func (b *bench) paint() bool {
	b.t.Helper()
	if !b.sampler.Draw(b.step, &b.draw) {
		b.t.Fatal("the frames hold no batch")
	}
	return b.objective.Paint(b.sampler, &b.draw)
}

// learn computes loss and gradients of what was painted.
func (b *bench) learn() Told {
	b.t.Helper()
	clear(b.grads)
	told, err := b.objective.Learn(b.step, func(param int, grad []float32) {
		if b.grads[param] != nil {
			b.t.Fatalf("the gradient of %s is handed out twice", b.weights.Params[param].Name)
		}
		b.grads[param] = slices.Clone(grad)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return told
}

// train takes a whole step.
func (b *bench) train() Told {
	b.t.Helper()
	if !b.paint() {
		b.t.Fatal("the objective sat a step out")
	}
	told := b.learn()
	b.optimizer.Begin()
	for i, p := range b.weights.Params {
		if b.grads[i] != nil {
			b.optimizer.Move(i, p, b.grads[i], 2e-3)
		}
	}
	b.objective.Settle(b.step)
	b.step++
	return told
}
