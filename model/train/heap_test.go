package train

import (
	"runtime"
	"testing"

	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
)

// stepHeap is how much of Go's heap a step may take, painting included: none of it can be tensor data.
const stepHeap = 64 << 10 // bytes

func TestStepsTakeNoTensorsFromTheHeap(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	kernel.SetThreads(1)
	defer kernel.SetThreads(0)
	for _, kinds := range [][]objective.Config{
		{objective.Default()},
		{objective.Default(), objective.Config{Kind: "rotation", Weight: 0.5}.WithDefaults()},
		{objective.Config{Kind: "inpaint", Adversarial: 0.01}.WithDefaults()},
		{objective.Config{Kind: "simclr", Accumulate: 2}.WithDefaults()},
	} {
		set := settingsFor(1)
		set.Objectives = kinds
		set.Model.Image, set.Sampler.Image, set.Sampler.Batch = 32, 32, 16 // a batch of pictures is 192 KiB
		set.Sampler.Replay.Size = 64
		l, err := NewLearner(set)
		if err != nil {
			t.Fatal(err)
		}
		s, d := noise(set, l.Rows()), sampler.Draw{N: l.Rows()}
		step := func(n int) {
			for range n {
				if !s.Draw(l.step, &d) {
					t.Fatal("the sampler has no batch")
				}
				l.Paint(s, &d)
				if _, err := l.Learn(); err != nil {
					t.Fatal(err)
				}
			}
		}
		step(5) // buffers grow, the bank fills and wraps
		const steps = 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		step(steps)
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / steps
		if each > stepHeap {
			t.Errorf("%s and %d more: a step takes %d bytes of the heap, %d are allowed", kinds[0].Kind, len(kinds)-1, each, stepHeap)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
