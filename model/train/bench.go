package train

import (
	"fmt"
	"runtime"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// benchWarmup are the steps before the clock starts: the first builds the primitives.
const benchWarmup = 3

// Bench times whole training steps on random pictures, with banks full: everything between painted pictures
// and new weights. No decoding, no sampling, no painting. It returns one duration a step.
func Bench(set Settings, steps int) ([]time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set.Sampler.Replay.Size = max(set.Sampler.Replay.Size, 4*set.Sampler.Batch)
	l, err := NewLearner(set)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	s := noise(set, l.Rows())
	d := sampler.Draw{N: l.Rows()}
	if !s.Draw(0, &d) {
		return nil, fmt.Errorf("benching: the sampler has no batch of %d", l.Rows())
	}
	l.Paint(s, &d)
	if _, err := l.Learn(); err != nil {
		return nil, err
	}
	for range set.Bank/set.Sampler.Batch + 1 { // banks are filled with the keys of the first step
		for _, o := range l.objectives {
			o.Settle(0)
		}
	}
	took := make([]time.Duration, 0, steps)
	for i := range steps + benchWarmup {
		start := time.Now()
		if _, err := l.Learn(); err != nil {
			return nil, err
		}
		if i >= benchWarmup {
			took = append(took, time.Since(start))
		}
	}
	return took, nil
}

// noise is a sampler full of clips of random pictures, each of a rig of its own.
func noise(set Settings, rows int) *sampler.Sampler {
	s := sampler.New(set.Sampler, seed.New(set.Seed).At("bench"))
	r := seed.New(set.Seed).At("bench pictures").Rand()
	length := max(2, set.Sampler.Clip.Frames)
	for i := range 2 * rows {
		at := time.Unix(0, 0)
		for t := range length {
			pix := make([]byte, 3*set.Sampler.Image*set.Sampler.Image)
			for p := range pix {
				pix[p] = byte(r.Uint32())
			}
			name := fmt.Sprint("bench", i)
			s.Push(&frame.Frame{Width: set.Sampler.Image, Height: set.Sampler.Image, Pix: pix,
				Meta: frame.Meta{Camera: name, Rig: name, Seq: uint64(t), Captured: at}})
			at = at.Add(min(set.Sampler.Clip.Stride, set.Sampler.Near))
		}
	}
	s.Flush()
	return s
}
