package train

import (
	"errors"
	"fmt"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// benchWarmup are the steps before the clock starts: the first builds the primitives.
const benchWarmup = 3

// Bench is a learner before random pictures, with banks full, whose whole steps are timed: everything between
// painted pictures and new weights. No decoding, no sampling, no painting. It wants one operating-system thread.
type Bench struct{ learner *Learner }

// NewBench builds the learner and takes the first steps, which make the primitives.
func NewBench(set Settings) (*Bench, error) {
	set.Sampler.Replay.Size = max(set.Sampler.Replay.Size, 4*set.Sampler.Batch)
	l, err := NewLearner(set)
	if err != nil {
		return nil, err
	}
	b := &Bench{l}
	if err := b.prepare(set); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bench) prepare(set Settings) error {
	rows := b.learner.Rows()
	s, d := noise(set, rows), sampler.Draw{N: rows}
	if !s.Draw(0, &d) {
		return fmt.Errorf("benching: the sampler has no batch of %d", rows)
	}
	b.learner.Paint(s, &d)
	if _, err := b.learner.Learn(); err != nil {
		return err
	}
	for range set.Bank/set.Sampler.Batch + 1 { // banks are filled with the keys of the first step
		for _, o := range b.learner.objectives {
			o.Settle(0)
		}
	}
	for range benchWarmup {
		if _, err := b.Step(); err != nil {
			return err
		}
	}
	return nil
}

// Step takes a step and says how long it took.
func (b *Bench) Step() (time.Duration, error) {
	start := time.Now()
	_, err := b.learner.Learn()
	return time.Since(start), err
}

// Close frees the learner's graphs.
func (b *Bench) Close() error { return b.learner.Close() }

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
