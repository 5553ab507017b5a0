package train

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"github.com/nearfar/nearfar/model"
)

// maxHalvings is how often a run halves its learning rate before it gives up.
const maxHalvings = 3

// Setback is a step that led nowhere: a loss, a gradient or a weight was no number any more. Learning has gone back
// to where it was when a checkpoint was last due, at half the rate; the stream goes on. Steps are never numbered
// anew: the undone ones stay counted.
type Setback struct {
	Step     uint64  // that went wrong, from 0
	Undone   uint64  // steps thrown away, that one included
	Halvings uint64  // of the learning rate, over the run
	Rate     float32 // of the next step
	Err      error
}

// milestone is all that a learner learns, as it was when a checkpoint was last due. It is taken there, whether or
// not the checkpoint could be written, so that where learning goes back to follows from the log and the settings
// alone. A checkpoint of another moment (a signal, the end) holds the milestone, too.
type milestone struct {
	step      uint64 // what the learner had taken then, or when it last went back here
	optimizer uint64 // steps of the optimiser
	tensors   [][]float32
	parts     []bytes.Buffer // of the objectives
}

// tensors are what training moves in place: weights, running statistics and the optimiser's memory.
func (l *Learner) tensors() []model.Tensor {
	slots, _ := l.optimizer.State()
	return slices.Concat(l.query.Tensors(), slots)
}

// mark takes a milestone.
func (l *Learner) mark(m *milestone) error {
	ts := l.tensors()
	if m.tensors == nil {
		m.tensors = make([][]float32, len(ts))
	}
	for i, t := range ts {
		m.tensors[i] = append(m.tensors[i][:0], t.Data...)
	}
	m.step = l.step
	_, m.optimizer = l.optimizer.State()
	at := 0
	for i, o := range l.objectives {
		for _, p := range o.State() {
			if at == len(m.parts) {
				m.parts = append(m.parts, bytes.Buffer{})
			}
			m.parts[at].Reset()
			if err := p.Write(&m.parts[at]); err != nil {
				return fmt.Errorf("remembering %s of objective %s: %w", p.Name, l.names[i], err)
			}
			at++
		}
	}
	return nil
}

// goBack returns to a milestone. The number of the step stays.
func (l *Learner) goBack(m *milestone) error {
	for i, t := range l.tensors() {
		copy(t.Data, m.tensors[i])
	}
	slots, _ := l.optimizer.State()
	errs := []error{l.optimizer.Restore(slots, m.optimizer)}
	at := 0
	for i, o := range l.objectives {
		for _, p := range o.State() {
			if err := p.Read(bytes.NewReader(m.parts[at].Bytes()), int64(m.parts[at].Len())); err != nil {
				errs = append(errs, fmt.Errorf("going back in %s of objective %s: %w", p.Name, l.names[i], err))
			}
			at++
		}
	}
	return errors.Join(errs...)
}

// goBack undoes what was learned since the last milestone and halves the rate, or says that there is no use in it.
func (t *Trainer) goBack(cause error) error {
	l := t.learner
	if t.counts.Halvings == maxHalvings {
		return fmt.Errorf("%w (it went wrong %d times, and the learning rate was halved each time, to %g now; a run keeps its settings: start a new one in another --out)",
			cause, maxHalvings+1, l.rate())
	}
	if err := l.goBack(&t.milestone); err != nil {
		return errors.Join(cause, err)
	}
	failed := l.step
	l.step++ // other frames, and other random numbers, than those that went wrong
	undone := l.step - t.milestone.step
	t.milestone.step = l.step
	t.counts.Halvings++
	l.halvings = t.counts.Halvings
	t.counts.Undone += undone
	t.counts.Steps = l.step
	if t.out.Setback != nil {
		t.out.Setback(Setback{Step: failed, Undone: undone, Halvings: l.halvings, Rate: l.rate(), Err: cause})
	}
	return nil
}

// rate is the learning rate of the next step.
func (l *Learner) rate() float32 {
	return float32(math.Ldexp(float64(l.set.rate(l.step)), -int(l.halvings)))
}

// back is what the names of a milestone's files begin with in a checkpoint.
const back = "back."

// milestoneParts are the files of a milestone that is not the checkpoint's own moment.
func (t *Trainer) milestoneParts() []part {
	l, m := t.learner, &t.milestone
	saved := l.tensors()
	for i := range saved {
		saved[i].Data = m.tensors[i]
	}
	n := len(l.query.Tensors())
	parts := []part{
		{back + queryFile, tensorsOf(saved[:n], l.query.Spec, m.step)},
		{back + optimizerFile, tensorsOf(saved[n:], l.query.Spec, m.step)},
	}
	at := 0
	for i, o := range l.objectives {
		for _, p := range o.State() {
			b := m.parts[at].Bytes()
			parts = append(parts, part{back + l.names[i] + "." + p.Name, func(w io.Writer) error { _, err := w.Write(b); return err }})
			at++
		}
	}
	return parts
}

// read fills a learner from the files of a checkpoint whose names begin with prefix.
func (l *Learner) read(path, prefix string, optimizer uint64) error {
	slots, _ := l.optimizer.State()
	errs := []error{
		readTensors(filepath.Join(path, prefix+queryFile), l.query.Tensors()),
		readTensors(filepath.Join(path, prefix+optimizerFile), slots),
		l.optimizer.Restore(slots, optimizer),
	}
	for i, o := range l.objectives {
		for _, p := range o.State() {
			errs = append(errs, readFile(filepath.Join(path, prefix+l.names[i]+"."+p.Name), p.Read))
		}
	}
	return errors.Join(errs...)
}
