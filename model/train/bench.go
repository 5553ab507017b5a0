package train

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// benchWarmup are the steps before the clock starts: the first builds the primitives.
const benchWarmup = 3

// Bench times whole training steps on random images against a full bank: query forward and backward, key
// forward, momentum update, loss, optimiser. No decoding and no sampling. It returns one duration a step.
func Bench(set Settings, steps int) ([]time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l, err := NewLearner(set)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	s := seed.New(set.Seed).At("bench")
	l.fillBank(s.At("bank"))
	var d sampler.Draw
	r := s.At("images").Rand()
	query, key := l.training.Input(), l.keys.Input()
	for i := range query {
		query[i], key[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	for i := range set.Sampler.Batch {
		f := &frame.Frame{Meta: frame.Meta{Camera: "bench", Rig: fmt.Sprint("bench", i)}}
		d.Anchor, d.Positive = append(d.Anchor, f), append(d.Positive, f)
	}
	took := make([]time.Duration, 0, steps)
	for i := range steps + benchWarmup {
		start := time.Now()
		if _, err := l.Step(&d); err != nil {
			return nil, err
		}
		if i >= benchWarmup {
			took = append(took, time.Since(start))
		}
	}
	return took, nil
}

// fillBank enqueues random unit keys of a rig no anchor belongs to.
func (l *Learner) fillBank(s seed.Seed) {
	d := l.set.Model.Projection
	keys, origins := make([]float32, l.set.Bank*d), make([]bank.Origin, l.set.Bank)
	r := s.Rand()
	for key := range slices.Chunk(keys, d) {
		sum := 0.0
		for i := range key {
			key[i] = float32(r.NormFloat64())
			sum += float64(key[i]) * float64(key[i])
		}
		for i := range key {
			key[i] *= float32(1 / math.Sqrt(sum))
		}
	}
	for i := range origins {
		origins[i].Rig = "elsewhere"
	}
	l.bank.Enqueue(keys, origins)
}
