package train

import (
	"math"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/frame"
)

const side = 16 // px

// settingsFor are small enough to learn in a test.
func settingsFor(root uint64) Settings {
	c := sampler.Defaults()
	c.Image, c.Batch, c.UpdatesPerFrame = side, 8, 0.25
	c.Replay.Size = 64
	return Settings{
		Run: "test", Seed: root, Model: model.Spec{Encoder: "small", Image: side, Norm: "batch"}, Projection: 16, Objectives: []objective.Config{objective.Default()},
		// Idle is less than a visit: who has not come by its end is not waited for in the next one.
		Sampler: c, Merge: streams.MergeConfig{Lateness: c.Lateness, Idle: 500 * time.Millisecond, Limit: c.Limit},
		Optimizer: model.OptimizerSpec{Kind: "adam", WeightDecay: 1e-4}, LR: 1e-3, KeyMomentum: 0.99,
		Bank: 64, Every: 10, Keep: 3, EmbedBatch: 8,
	}
}

// streamOf is a log of two cameras of one rig that watch the same coloured blob wander: one blob a visit,
// visits seven seconds apart.
func streamOf(n int) []*frame.Frame {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := start
	var out []*frame.Frame
	for i := 0; len(out) < n; i++ {
		visit := i / 20
		if i%20 == 0 && i > 0 {
			at = at.Add(7 * time.Second)
		}
		at = at.Add(100 * time.Millisecond)
		r := seed.New(uint64(visit)).Rand()
		hue, size := r.Float64(), 2+3*r.Float64()
		x, y := 8+4*math.Cos(float64(i)/5+6*r.Float64()), 8+4*math.Sin(float64(i)/7)
		for camera, name := range []string{"left", "right"} {
			pix := make([]byte, 3*side*side)
			for p := range side * side {
				px, py := float64(p%side), float64(p/side)
				if camera == 1 {
					px = side - 1 - px
				}
				inside := math.Hypot(px-x, py-y) < size
				for c := range 3 {
					v := 60 + 10*r.Float64()
					if inside {
						v = 128 + 120*math.Cos(2*math.Pi*(hue+float64(c)/3))
					}
					pix[3*p+c] = byte(v)
				}
			}
			out = append(out, &frame.Frame{Width: side, Height: side, Pix: pix, Meta: frame.Meta{
				Camera: name, Rig: "pair", Seq: uint64(i), Captured: at.Add(time.Duration(camera) * 7 * time.Millisecond), Logged: at.Add(time.Duration(camera) * 9 * time.Millisecond),
				Ref: frame.Ref{Topic: "frames", Offset: int64(len(out))},
			}})
		}
	}
	return out[:n]
}

// feedAll hands frames to a trainer.
func feedAll(t testing.TB, tr *Trainer, frames []*frame.Frame) {
	t.Helper()
	for _, f := range frames {
		if err := tr.Receive(f); err != nil {
			t.Fatal(err)
		}
	}
}
