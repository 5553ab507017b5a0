package train

import (
	"fmt"
	"runtime"
	"time"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// Study is what training on frames in memory came to.
type Study struct {
	Weights *model.Weights
	Reports []Report        // of each step, without projections
	Took    []time.Duration // of each step, painting included
}

// Offline trains on frames that are all there, in the order of their capture: they are pushed once, and then
// so many steps are drawn from the replay buffer, which should hold them all. There is no stream, no
// checkpoint and no log: it is for comparing objectives and for looking at them.
func Offline(set Settings, frames []*frame.Frame, steps int) (Study, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l, s, err := Load(set, frames)
	if err != nil {
		return Study{}, err
	}
	defer l.Close()
	out := Study{Weights: l.query}
	d := sampler.Draw{N: l.Rows()}
	for range steps {
		began := time.Now()
		if !s.Draw(l.step, &d) {
			return out, fmt.Errorf("training offline: %d frames hold no batch of %d", len(frames), d.N)
		}
		rate := set.rate(l.step)
		l.Paint(s, &d)
		told, err := l.Learn()
		if err == nil {
			err = l.Tell(s, &d)
		}
		if err != nil {
			return out, err
		}
		r := Report{Step: l.step, LR: rate}
		for _, t := range told {
			t.Projection = nil
			r.Told = append(r.Told, t)
		}
		out.Reports, out.Took = append(out.Reports, r), append(out.Took, time.Since(began))
	}
	return out, nil
}

// Load is a learner at its first step, and a sampler that has taken the frames in.
func Load(set Settings, frames []*frame.Frame) (*Learner, *sampler.Sampler, error) {
	l, err := NewLearner(set)
	if err != nil {
		return nil, nil, err
	}
	s := sampler.New(set.Sampler, samplerSeed(set.Seed))
	for _, f := range frames {
		s.Push(f)
	}
	s.Flush()
	return l, s, nil
}

// Query is the network that learns: it changes with every step.
func (l *Learner) Query() *model.Weights { return l.query }

// Questions are those of the step that was painted last, of each objective that asks such.
func (l *Learner) Questions() []objective.Questions {
	var out []objective.Questions
	for i, o := range l.objectives {
		if a, ok := o.(objective.Asker); ok && l.painted[i] {
			out = append(out, a.Questions())
		}
	}
	return out
}
